"""What a refusal of the upstream means: for the account, and for the client.

Pure: the row of design.md's "Bad weather" that a refusal belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from mitmproxy import http

from addon.broker import (
    Cut,
    Declined,
    Failed,
    Outcome,
    RateLimited,
    Refused,
    RequestRefused,
    Served,
    Unauthorized,
    Usage,
    outcome_of,
)
from addon.errors import ApiError, Code, refusal
from addon.proxy.exchange import Exchange, UpstreamRefusal
from addon.translate import retry_after_seconds


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the account, and what the client reads."""

    outcome: Outcome
    error: ApiError


def judge(
    refused: UpstreamRefusal,
    now: float,
    *,
    model: str | None,
    upstream_model: str | None = None,
) -> Verdict:
    """The verdict on ``refused`` at ``now`` (Unix seconds).

    ``model`` is what the client asked for, ``upstream_model`` what the upstream calls it;
    a request without one is for the list of models.
    """
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
    error = refused.error
    facts = Refused(
        status=status,
        code=error.code,
        type=error.type,
        message=error.message,
        retry_after_seconds=wait,
        model=model,
        upstream_model=upstream_model,
    )
    outcome = outcome_of(facts, now)
    if model is None and _is_declined(outcome):
        outcome = Declined(status)
    if isinstance(outcome, RateLimited):
        return Verdict(outcome, _too_early(error.message, outcome.retry_after_seconds))
    return Verdict(outcome, error.to_api_error(status, wait))


def _too_early(message: str, retry_after_seconds: float | None) -> ApiError:
    """Whatever the upstream's status: a client must come again later, and gives up on 403."""
    return refusal(Code.RATE_LIMIT_EXCEEDED, message, retry_after_seconds=retry_after_seconds)


def _is_declined(outcome: Outcome) -> bool:
    """Whether a service that serves chat may say so to who asks which models it has."""
    match outcome:
        case Unauthorized():
            return True
        case RequestRefused(status):
            return status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
        case _:
            return False


def may_stand(response: http.Response | None, exchange: Exchange) -> bool:
    """Whether the upstream's refusal may go to the client as it is.

    A redirect may not: some clients would take the request along, to whom nobody has chosen.
    """
    if response is None or exchange.route.is_translated:
        return False
    is_disguised = exchange.refusal is not None and exchange.refusal.in_disguise
    return response.status_code >= HTTPStatus.BAD_REQUEST and not is_disguised


def outcome_untouched(response: http.Response, now: float, cost: Usage | None = None) -> Outcome:
    """The outcome of an answer that was handed on as it came, by its head and what it cost."""
    if response.status_code < HTTPStatus.BAD_REQUEST:
        return Served(cost)
    wait = retry_after_seconds(response.headers, now)
    facts = Refused(response.status_code, message=response.reason, retry_after_seconds=wait)
    return outcome_of(facts, now)


def outcome_translated(exchange: Exchange) -> Outcome:
    """The outcome of an answer that was translated, now that it is over; its cost is noted."""
    if exchange.answer is not None:
        translator = exchange.answer.translator
        exchange.usage = translator.usage
        if translator.ending is not None and translator.ending.error is not None:
            exchange.cut = exchange.cut or translator.ending.error.message
    return Cut(exchange.cut) if exchange.cut else Served(exchange.cost)
