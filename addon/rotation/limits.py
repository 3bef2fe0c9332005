"""What an upstream says of an account's limits beside its answers: ``x-ratelimit-*`` headers.

There is no standard that upstreams keep to. ``x-ratelimit-remaining-requests`` with
``x-ratelimit-reset-requests`` are OpenAI's; others leave the ``x-`` or the unit away, or
name a period as well (``…-requests-day``). A reset is a duration (``1m30.5s``), a number
of seconds, a Unix time in seconds or milliseconds, or a date. Whatever makes no sense
is passed over. Pure: time is passed in, in seconds (Unix).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from addon.rotation.moments import LONGEST_REST_SECONDS

_REMAINING: Final = re.compile(r"(x-)?ratelimit-remaining(-[a-z0-9-]+)?", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?\d{1,15}(\.\d{1,9})?")
_DURATION: Final = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|d|h|m|s))+")
_DURATION_PART: Final = re.compile(r"([\d.]+)(ms|d|h|m|s)")
_UNIT_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}

_LEAST_UNIX_SECONDS: Final = 1e9
"""A smaller number is a duration: in seconds it would be thirty years."""
_LEAST_UNIX_MS: Final = 1e11


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of one limit, and when it starts anew (Unix seconds)."""

    remaining: float
    reset_at: float
    in_tokens: bool = False
    """Counted in tokens: how many the next request takes, nobody knows. Else in requests."""


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """All that one answer said of its account's limits."""

    allowances: tuple[Allowance, ...] = ()


def read_limits(headers: Mapping[str, str], now: float) -> UpstreamLimits | None:
    """What ``headers`` of an answer that came at ``now`` say; None where they say nothing."""
    lowered: dict[str, str] | None = None
    found = []
    for name in headers:
        match = _REMAINING.fullmatch(name)
        if match is None:
            continue
        lowered = lowered or {each.lower(): headers[each] for each in headers}
        prefix, unit = (match.group(1) or "").lower(), (match.group(2) or "").lower()
        remaining = _number(headers[name])
        reset_at = _reset_at(lowered.get(f"{prefix}ratelimit-reset{unit}", ""), now)
        if remaining is not None and reset_at is not None:
            found.append(Allowance(remaining, reset_at, in_tokens="token" in unit))
    return UpstreamLimits(tuple(found)) if found else None


def _reset_at(value: str, now: float) -> float | None:
    """The moment that ``value`` means, if it lies ahead and within reason."""
    text = value.strip()
    number = _number(text)
    if number is not None:
        moment = _from_number(number, now)
    elif _DURATION.fullmatch(text):
        parts = _DURATION_PART.findall(text)
        moment = now + sum(float(count) * _UNIT_SECONDS[unit] for count, unit in parts)
    else:
        moment = _from_date(text)
    return moment if now < moment <= now + LONGEST_REST_SECONDS else None


def _from_number(number: float, now: float) -> float:
    if number < _LEAST_UNIX_SECONDS:
        return now + number
    return number if number < _LEAST_UNIX_MS else number / 1000


def _from_date(text: str) -> float:
    """An ISO 8601 or HTTP date (RFC 9110 §5.6.7) as Unix seconds; 0 where it is none."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = parse(text)
        except (ValueError, TypeError, OverflowError):
            continue
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    return 0.0


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text.strip()) else None
