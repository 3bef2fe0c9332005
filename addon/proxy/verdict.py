"""What a refusal of the upstream means: for the account, and for the client.

Pure: the row of design.md's "Bad weather" that a refusal belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from mitmproxy import http

from addon.broker import Failed, Outcome, RateLimited, RequestRefused, Served, Unauthorized
from addon.errors import ApiError, Code, refusal
from addon.proxy.exchange import UpstreamRefusal
from addon.translate import retry_after_seconds

_LIMIT_WORDS: Final = ("quota", "throttling")
"""In the code or message of a 403 that is a limit, and would be a 429 elsewhere."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the account, and what the client reads."""

    outcome: Outcome
    error: ApiError


def judge(refused: UpstreamRefusal, now: float) -> Verdict:
    """The verdict on ``refused`` at ``now`` (Unix seconds)."""
    if refused.status is None:
        message = refused.error.message
        code = Code.UPSTREAM_TIMEOUT if refused.timed_out else Code.UPSTREAM_UNREACHABLE
        return Verdict(Failed(message), refusal(code, message))
    status = refused.error.implied_status() if refused.in_disguise else refused.status
    wait = retry_after_seconds(refused.headers, now)
    if status < HTTPStatus.BAD_REQUEST:
        # A redirect is not followed: a token goes to its own account's host alone.
        message = f"The upstream answered {status} instead of serving: {refused.error.message}"
        return Verdict(Failed(message), refusal(Code.UPSTREAM_INVALID_RESPONSE, message))
    return Verdict(
        outcome_of(status, refused.error.code, refused.error.message, wait),
        refused.error.to_api_error(status, wait),
    )


def outcome_of(status: int, code: str | None, message: str, wait: float | None) -> Outcome:
    """What an error ``status`` means for the account; ``wait`` in seconds, if the upstream said."""
    if status == HTTPStatus.UNAUTHORIZED:
        return Unauthorized()
    words = f"{code} {message}".lower()
    is_limit = status == HTTPStatus.FORBIDDEN and any(word in words for word in _LIMIT_WORDS)
    if status == HTTPStatus.TOO_MANY_REQUESTS or is_limit:
        return RateLimited(retry_after_seconds=wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failed(f"{status}: {message}")
    return RequestRefused(status)


def outcome_untouched(response: http.Response, now: float) -> Outcome:
    """The outcome of an answer that was handed on as it came, of which only the head was read."""
    if response.status_code < HTTPStatus.BAD_REQUEST:
        return Served()
    wait = retry_after_seconds(response.headers, now)
    return outcome_of(response.status_code, None, response.reason, wait)
