"""The return of an account from its rest: a few requests first, not all that waited for it.

A limit that has ended may have room for one request or for hundreds. So the first that
comes goes out alone, the next half a second later, then after half of that, and so on
down to a short pause that stays for a minute. One is let in ahead of its time, and told
how long to wait; the others stay outside. If there is no room, a refusal is back after a
few, and those who are still outside need not run into it.

Pure: time is passed in, in seconds (Unix).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from addon.rotation.moments import NEVER

FIRST_PAUSE_SECONDS: Final = 0.5
LAST_PAUSE_SECONDS: Final = 0.05
RECOVERED_AFTER_SECONDS: Final = 60.0
"""Services count by the minute: what has held for one will hold."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long the return takes, how far it has come, and when the next request may go."""

    ends_at: float = NEVER
    pause_seconds: float = FIRST_PAUSE_SECONDS
    shut_until: float = NEVER
    """When the latest that was let in goes out."""
    next_start: float = NEVER
    """When the next one may go out."""

    @classmethod
    def from_rest(cls, free_at: float) -> Recovery:
        """The return of an account that rests until ``free_at``."""
        return cls(free_at + RECOVERED_AFTER_SECONDS)

    def is_over(self, now: float) -> bool:
        """Whether all may come."""
        return now >= self.ends_at

    def after_start(self, now: float) -> Recovery:
        """A request is let in at ``now``; it goes out at ``next_start``, if that is later."""
        if self.is_over(now):
            return self
        start = max(now, self.next_start)
        next_pause = max(LAST_PAUSE_SECONDS, self.pause_seconds / 2)
        return Recovery(self.ends_at, next_pause, start, start + self.pause_seconds)

    def moved(self, seconds: float) -> Recovery:
        """The same, ``seconds`` earlier: the clock was set back."""
        return Recovery(
            self.ends_at - seconds,
            self.pause_seconds,
            self.shut_until - seconds,
            self.next_start - seconds,
        )


WELL: Final = Recovery()
"""Of an account that was never limited."""
