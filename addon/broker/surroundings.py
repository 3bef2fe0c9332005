"""Time and chance, as the broker takes them from the world around it: the tests give their own.

Nothing in the broker's room reads a clock, waits or draws a random number otherwise.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Let it not come; of no effect once it did."""


CallLater: TypeAlias = Callable[[float, Callable[[], None]], Timer]
"""Calls the second once the first, in seconds, have passed."""


def call_later(seconds: float, ring: Callable[[], None]) -> asyncio.TimerHandle:
    """A call by the running event loop."""
    return asyncio.get_running_loop().call_later(seconds, ring)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the broker lives; the defaults are the real world."""

    clock: Callable[[], float] = time.time
    """Unix seconds."""
    call_later: CallLater = call_later
    jitter: Callable[[], float] = random.random
    """At random, at least 0 and less than 1."""
    pid: int = field(default_factory=os.getpid)
    """Stands in for a client's process id where that is not known."""

    async def pause(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        over = asyncio.Event()
        timer = self.call_later(seconds, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()


class Alarm:
    """Rings once, at the time it was last set to."""

    def __init__(self, surroundings: Surroundings, ring: Callable[[], None]) -> None:
        self._call_later = surroundings.call_later
        self._ring = ring
        self._timer: Timer | None = None

    @property
    def is_set(self) -> bool:
        """Whether it is still to ring."""
        return self._timer is not None

    def set(self, seconds: float) -> None:
        """Ring once ``seconds`` have passed, and not when it was to ring before."""
        self.clear()
        self._timer = self._call_later(seconds, self._go_off)

    def clear(self) -> None:
        """Do not ring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_off(self) -> None:
        self._timer = None
        self._ring()
