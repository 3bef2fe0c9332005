"""What an upstream's refusal means for the account that it was sent with.

There are three kinds of refusal: of the request, which any account would meet; of the
credential; and of the account for a while, since some limit is spent. The last needs a
time of return. The upstream's own word (``retry-after``) counts, except that a quota
spent for hours or days is not believed to be back within minutes. Without a word of its
(where a quota is not back on the dot, it is asked for once more within a quarter of an hour):

    rate        not known: ``backoff`` finds out
    allocation  the same: a minute if it is one of tokens a minute, else longer and longer
    5 hours     a window that slides, so part of it may be back any time: asked again
                every quarter of an hour
    day         00:00 in Beijing
    week        Monday, 00:00 in Beijing
    month       the billing day, which is not known: a day at a time
    balance     when somebody pays, which is not known: a day at a time

Pure: time is passed in, in seconds (Unix).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, assert_never

from addon.rotation.moments import (
    LONGEST_REST_SECONDS,
    next_midnight_in_beijing,
    next_monday_in_beijing,
    quota_is_back_at,
)
from addon.rotation.outcome import (
    Failed,
    LimitKind,
    Outcome,
    RateLimited,
    RequestRefused,
    Unauthorized,
)

ASKED_AGAIN_SECONDS: Final = 15 * 60.0
"""How often an account whose 5-hour window is spent is asked whether it serves again."""

_SOON_SECONDS: Final = 300.0
"""No quota of hours or days is back before: such a ``retry-after`` is a gateway's habit."""

_LIMIT_WORDS: Final = ("quota", "throttling", "rate limit", "rate_limit", "ratelimit")
"""In a 403, which would be a 429 elsewhere."""
_BALANCE_CODES: Final = ("arrearage", "insufficient_balance")
_RATE_CODES: Final = ("throttling", "throttling.ratequota", "rate_limit_exceeded")
"""Codes for too many a minute, unless the message names a longer period."""
_DEAD_KEY: Final = re.compile(r"invalid[ _-]?api[ _-]?key")
_ALLOCATION_CODE: Final = "throttling.allocationquota"
"""Model Studio's, for tokens a minute as for quotas, with the same words for both."""
_FREE_QUOTA: Final = "free allocated quota"
_PERIOD: Final = re.compile(r"\b(second|minute|hour|day|daily|week|month)")
_KIND_BY_PERIOD: Final = {
    "second": LimitKind.RATE,
    "minute": LimitKind.RATE,
    "hour": LimitKind.HOURS,
    "day": LimitKind.DAY,
    "daily": LimitKind.DAY,
    "week": LimitKind.WEEK,
    "month": LimitKind.MONTH,
}
_TRANSIENT: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})


@dataclass(frozen=True, slots=True)
class Refused:
    """An upstream's answer that is none: its error, as it came."""

    status: int
    """Of an error inside a 200: the one that a service would have used."""
    code: str | None = None
    type: str | None = None
    message: str = ""
    retry_after_seconds: float | None = None
    """What ``retry-after-ms`` or ``retry-after`` said."""
    model: str | None = None
    """What the client asked for …"""
    upstream_model: str | None = None
    """… and what the upstream calls it: a refusal that names it may be about it alone."""


def outcome_of(refused: Refused, now: float) -> Outcome:
    """What ``refused``, received at ``now``, means for the account."""
    status = refused.status
    code, words = (refused.code or "").lower(), _words(refused)
    if status == HTTPStatus.UNAUTHORIZED:
        return Unauthorized()
    if status == HTTPStatus.FORBIDDEN and _DEAD_KEY.search(words):
        return Unauthorized()
    if status == HTTPStatus.PAYMENT_REQUIRED or code in _BALANCE_CODES:
        return _limited(refused, LimitKind.BALANCE, now)
    if status == HTTPStatus.TOO_MANY_REQUESTS or (
        status == HTTPStatus.FORBIDDEN and any(word in words for word in _LIMIT_WORDS)
    ):
        return _limited(refused, _kind(refused), now)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT:
        return Failed(f"{status}: {refused.message}")
    return RequestRefused(status)


def _words(refused: Refused) -> str:
    return f"{refused.code} {refused.type} {refused.message}".lower()


def _limited(refused: Refused, kind: LimitKind, now: float) -> RateLimited:
    said = refused.retry_after_seconds or 0.0
    seconds: float | None = said
    if kind not in (LimitKind.RATE, LimitKind.ALLOCATION) and said < _SOON_SECONDS:
        seconds = _seconds_until_free(kind, now)
    elif said <= 0:
        seconds = None
    return RateLimited(
        retry_after_seconds=seconds and min(seconds, LONGEST_REST_SECONDS),
        model=refused.model if _is_about_the_model(refused) else None,
        kind=kind,
        reason=refused.message,
    )


def _kind(refused: Refused) -> LimitKind:
    """What is spent, by the code, the type, and the period that the message names."""
    message = refused.message.lower()
    codes = [word.lower() for word in (refused.code, refused.type) if word]
    says_quota = "quota" in message or any(
        "quota" in code and not code.startswith("throttling") for code in codes
    )
    if not says_quota:
        return LimitKind.RATE
    period = _PERIOD.search(message)
    if period is not None:
        return _KIND_BY_PERIOD[period.group(1)]
    if _ALLOCATION_CODE in codes and _FREE_QUOTA not in message:
        return LimitKind.ALLOCATION
    return LimitKind.RATE if any(code in _RATE_CODES for code in codes) else LimitKind.DAY


def _seconds_until_free(kind: LimitKind, now: float) -> float | None:
    match kind:
        case LimitKind.RATE | LimitKind.ALLOCATION:
            return None
        case LimitKind.HOURS:
            return ASKED_AGAIN_SECONDS
        case LimitKind.DAY | LimitKind.MONTH | LimitKind.BALANCE:
            return quota_is_back_at(now, next_midnight_in_beijing) - now
        case LimitKind.WEEK:
            return quota_is_back_at(now, next_monday_in_beijing) - now
        case _:
            assert_never(kind)


def _is_about_the_model(refused: Refused) -> bool:
    """Whether the code says so, or the message names the very model that was asked for."""
    if (refused.code or "").lower().startswith(("model_", "model.")):
        return True
    names = {refused.model, refused.upstream_model} - {None, ""}
    return any(
        re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", refused.message, re.IGNORECASE)
        for name in names
        if name is not None
    )
