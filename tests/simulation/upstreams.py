"""Simulated upstreams: when an account's true limit lets a request in.

Time is passed in, in seconds from the start. Services limit by the minute in three ways.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import Protocol

MINUTE = 60.0


class Window(StrEnum):
    """How a service counts."""

    SLIDING = "sliding"
    """So many within any minute."""
    FIXED = "fixed"
    """So many within each minute of the clock."""
    BUCKET = "bucket"
    """So many a minute, refilled evenly; a full bucket holds a quarter of a minute's."""


class Limiter(Protocol):
    """One account's limit."""

    def admits(self, now: float) -> bool:
        """Whether a request at ``now`` is served; one that is not does not count."""

    def seconds_until_free(self, now: float) -> float:
        """How long after a refusal at ``now`` it would serve again."""


def limiter(window: Window, per_minute: int) -> Limiter:
    """An account with this limit."""
    match window:
        case Window.SLIDING:
            return _Sliding(per_minute)
        case Window.FIXED:
            return _Fixed(per_minute)
        case Window.BUCKET:
            return _Bucket(per_minute)


class _Sliding:
    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._admitted: deque[float] = deque()

    def admits(self, now: float) -> bool:
        while self._admitted and self._admitted[0] + MINUTE <= now:
            self._admitted.popleft()
        if len(self._admitted) >= self._per_minute:
            return False
        self._admitted.append(now)
        return True

    def seconds_until_free(self, now: float) -> float:
        return self._admitted[0] + MINUTE - now


class _Fixed:
    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._minute = -1
        self._admitted = 0

    def admits(self, now: float) -> bool:
        if int(now // MINUTE) != self._minute:
            self._minute, self._admitted = int(now // MINUTE), 0
        self._admitted += self._admitted < self._per_minute + 1
        return self._admitted <= self._per_minute

    def seconds_until_free(self, now: float) -> float:
        return MINUTE - now % MINUTE


class _Bucket:
    def __init__(self, per_minute: int) -> None:
        self._per_second = per_minute / MINUTE
        self._most = max(1.0, per_minute / 4)
        self._tokens, self._as_of = self._most, 0.0

    def admits(self, now: float) -> bool:
        refilled = (now - self._as_of) * self._per_second
        self._tokens, self._as_of = min(self._most, self._tokens + refilled), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def seconds_until_free(self, now: float) -> float:
        return max(0.0, (1 - self._tokens) / self._per_second - (now - self._as_of))
