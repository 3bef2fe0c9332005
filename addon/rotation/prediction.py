"""How many requests a minute an account is good for, learned from when it was refused.

At a refusal, what the upstream had accepted within the last minute is what it accepts
in a minute, if its window slides; if its windows are fixed, it is at most twice that,
and later refusals bring it down. What is learned is lowered by a refusal at less, raised
by one with each request that was served beyond it, and forgotten after an hour without
a refusal. Where the upstream says in headers what is left, that counts as well.

An account that is just short of its limit is spent: it is held back as long as others
can serve, and no longer. So a wrong guess refuses nobody.

Pure: time is passed in, in seconds (Unix).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from addon.rotation.limits import Allowance, UpstreamLimits
from addon.rotation.moments import NEVER

WINDOW_SECONDS: Final = 60.0
"""The services count by the minute."""
FORGOTTEN_AFTER_SECONDS: Final = 3600.0

_FEWEST: Final = 3
"""Refused after fewer than this in a minute, an account was not spent by these requests."""
_MOST: Final = 1000
"""A limit above this is none that a person could reach, and not worth the memory."""
_SHORT_BY: Final = 20
"""One in so many is left unused: the upstream's clock is not ours, nor is all its traffic."""


@dataclass(frozen=True, slots=True)
class LearnedLimit:
    """Requests a minute, and when a refusal or a success last spoke for it."""

    requests: int
    learned_at: float

    def holds(self, now: float) -> bool:
        """Whether it is still to be believed at ``now``."""
        return now < self.learned_at + FORGOTTEN_AFTER_SECONDS

    @property
    def usable(self) -> int:
        """How many of the requests are used: just short of all."""
        return self.requests - max(1, self.requests // _SHORT_BY)


def _no_starts() -> deque[float]:
    return deque(maxlen=_MOST)


@dataclass(slots=True)
class Forecast:
    """One account's last minute, and what it taught."""

    learned: LearnedLimit | None = None
    _starts: deque[float] = field(default_factory=_no_starts)
    """When the requests of the last minute went out that were not refused."""
    _told: tuple[Allowance, ...] = ()
    _started_since_told: int = 0

    def start(self, now: float) -> None:
        """A request goes out."""
        self._starts.append(now)
        self._started_since_told += 1

    def serve(self, now: float) -> None:
        """A request was served: if it was one too many for what was learned, that was too few."""
        learned = self.learned
        if learned is not None and learned.holds(now) and self._count(now) > learned.requests:
            self.learned = LearnedLimit(learned.requests + 1, now)

    def refuse(self, now: float, *, teaches: bool) -> None:
        """A request was refused, the latest one as like as not.

        ``teaches`` is whether the account's limit of requests may have been the reason.
        """
        count = self._count(now)
        if count:
            self._starts.pop()
            count -= 1
        if teaches and _FEWEST <= count < _MOST - 1:
            learned = self.learned
            is_known = learned is not None and learned.holds(now)
            known = learned.requests if learned is not None and is_known else count
            self.learned = LearnedLimit(min(known, count), now)

    def observe(self, limits: UpstreamLimits) -> None:
        """The upstream said what is left of its limits."""
        self._told = limits.allowances
        self._started_since_told = 0

    def spent_until(self, now: float) -> float:
        """Until when the account is to be held back; in the past if it is not."""
        usable = self.learned.usable if self.learned is not None else 0
        return max(self._reached_until(usable, now), self._spent_by_what_was_told(now))

    def full_until(self, now: float) -> float:
        """Until when a request would be refused for sure, if what was learned is right."""
        return self._reached_until(self.learned.requests if self.learned is not None else 0, now)

    def seconds_until_room(self, now: float) -> float:
        """When the first request of the last minute is a minute ago, so that one more may go.

        Without end where too few went out to have been the reason for a refusal.
        """
        return self._starts[0] + WINDOW_SECONDS - now if self._count(now) >= _FEWEST else math.inf

    def set_back(self, seconds: float) -> None:
        """Move all that is remembered along with a clock that was set back."""
        self._starts = deque((at - seconds for at in self._starts), maxlen=_MOST)
        self._told = tuple(
            Allowance(each.remaining, each.reset_at - seconds, each.in_tokens)
            for each in self._told
        )
        if self.learned is not None:
            self.learned = LearnedLimit(self.learned.requests, self.learned.learned_at - seconds)

    def _count(self, now: float) -> int:
        """How many requests the upstream took within the last minute."""
        while self._starts and self._starts[0] + WINDOW_SECONDS <= now:
            self._starts.popleft()
        return len(self._starts)

    def _reached_until(self, limit: int, now: float) -> float:
        """Until when so many requests are within the last minute."""
        if self.learned is None or not self.learned.holds(now):
            return NEVER
        too_many = self._count(now) - limit
        if too_many < 0:
            return NEVER
        frees_one = self._starts[too_many] + WINDOW_SECONDS if self._starts else NEVER
        return min(frees_one, self.learned.learned_at + FORGOTTEN_AFTER_SECONDS)

    def _spent_by_what_was_told(self, now: float) -> float:
        return max(
            (
                each.reset_at
                for each in self._told
                if each.reset_at > now
                and each.remaining - (0 if each.in_tokens else self._started_since_told) < 1
            ),
            default=NEVER,
        )
