"""How many requests an account may make: so many in any sixty seconds.

Pure: the time is an argument, its zero does not matter, it must not run backwards.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Final

_WINDOW_SECONDS: Final = 60.0


class RateLimiter:
    """A sliding window for each account. A refused request does not count."""

    def __init__(self, requests_per_minute: int) -> None:
        """``requests_per_minute`` must be at least 1."""
        if requests_per_minute < 1:
            raise ValueError("requests_per_minute must be at least 1")
        self._limit = requests_per_minute
        self._leaving: defaultdict[str, deque[float]] = defaultdict(deque)
        """When each request counted leaves the window, by account id."""

    def admit(self, account_id: str, now_seconds: float) -> float | None:
        """Counts a request and gives None; or counts nothing and gives the seconds to wait."""
        leaving = self._leaving[account_id]
        while leaving and leaving[0] <= now_seconds:
            leaving.popleft()
        if len(leaving) >= self._limit:
            return leaving[0] - now_seconds
        leaving.append(now_seconds + _WINDOW_SECONDS)
        return None
