"""Moments that the rules of rotation speak of: never, days, midnights in Beijing.

Pure: every moment is computed from the one that is passed in, in seconds (Unix).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Final

NEVER: Final = -math.inf
"""The time of what has not happened."""

DAY_SECONDS: Final = 86_400
LONGEST_REST_SECONDS: Final = 31 * DAY_SECONDS
"""No account is left out for longer, whatever an upstream or a file says."""

LATE_SECONDS: Final = 15 * 60.0
"""How late a new period of a quota may begin."""

_BEIJING_AHEAD_SECONDS: Final = 8 * 3600
"""China has one time, UTC+8, and no summer time."""
_MONDAY_BEFORE_1970: Final = 3
"""Days: 1 January 1970 was a Thursday."""
_ORDINAL_OF_1970: Final = date(1970, 1, 1).toordinal()


def utc_day(now: float) -> str:
    """The day on which ``now`` lies, as ``YYYY-MM-DD``."""
    return _iso(int(now // DAY_SECONDS))


@lru_cache(maxsize=8)
def _iso(days: int) -> str:
    return date.fromordinal(_ORDINAL_OF_1970 + days).isoformat()


def next_midnight_in_beijing(now: float) -> float:
    """The first 00:00 UTC+8 after ``now``."""
    return _start_in_beijing(_day_in_beijing(now) + 1)


def next_monday_in_beijing(now: float) -> float:
    """The first Monday, 00:00 UTC+8, after ``now``."""
    today = _day_in_beijing(now)
    return _start_in_beijing(today + 7 - (today + _MONDAY_BEFORE_1970) % 7)


def quota_is_back_at(now: float, next_end: Callable[[float], float]) -> float:
    """When a quota is back that was found spent at ``now``; ``next_end`` says when periods end.

    So shortly after such an end, it is that of the period before: the service's clock is
    behind, or its books. Then it is asked once more before another whole period is waited for.
    """
    end = next_end(now - LATE_SECONDS)
    return end if end > now else end + LATE_SECONDS


def _day_in_beijing(now: float) -> int:
    return int((now + _BEIJING_AHEAD_SECONDS) // DAY_SECONDS)


def _start_in_beijing(day: int) -> float:
    return float(day * DAY_SECONDS - _BEIJING_AHEAD_SECONDS)
