"""Time that passes only where somebody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

NOW: Final = 1_800_000_000.0
"""Unix seconds."""


@dataclass
class Waiting:
    """A clock and a pause that belong together, and what happens meanwhile."""

    now: float = NOW
    pauses: list[float] = field(default_factory=list)
    """How long each was, in seconds."""
    meanwhile: Callable[[], None] | None = None

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    async def pause(self, seconds: float) -> None:
        """Wait for ``seconds``, which takes no time."""
        self.pauses.append(seconds)
        self.now += seconds
        if self.meanwhile is not None:
            self.meanwhile()
