"""A request that is over, as it is told of: plain values, and no token among them.

Names and reasons come from clients and upstreams: they are cut to a length, and hold no
character that a terminal would obey.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from mitmproxy import http

from addon.proxy.attempts import RefusedAttempt
from addon.proxy.exchange import Exchange
from addon.proxy.record import printable

_LONGEST_NAME: Final = 120
_LONGEST_REASON: Final = 300
NO_ANSWER: Final = "no answer"
"""What a refusal is called where no answer came at all."""


class Ending(StrEnum):
    """What became of a request."""

    SERVED = "served"
    REFUSED = "refused"
    """The client got an error."""
    CUT = "cut"
    """It broke off after it had begun."""
    LEFT = "left"
    """The client went before the end."""


@dataclass(frozen=True, slots=True)
class RefusedOnTheWay:
    """An attempt that did not serve."""

    account: str
    kind: str
    """Status and code, as ``429 insufficient_quota``."""
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class EndedRequest:
    """One request of ours, after its end."""

    ended_at: float
    """Unix seconds."""
    path: str
    ending: Ending
    status: int | None
    """What the client got; None: nothing."""
    account: str | None
    """That served, or was asked last."""
    server: str
    """The upstream's host; empty where none was asked."""
    model: str | None
    """As the client named it."""
    upstream_model: str | None
    seconds: float
    """From its head to its end."""
    first_event_seconds: float | None
    """From its head to the first event of its answer, where that streamed."""
    flow_seconds: float | None
    """From there to the last."""
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    attempts: int
    refused: tuple[RefusedOnTheWay, ...]
    """The first of them, and the last."""
    kind: str
    """What the client was refused with, as ``429 rate_limit_exceeded``; else empty."""
    reason: str
    """The same in words, or why it was cut."""

    @property
    def tokens_per_second(self) -> float | None:
        """How fast the answer came; None where it came at once, or nobody counted."""
        if not self.output_tokens or not self.flow_seconds:
            return None
        return self.output_tokens / self.flow_seconds


def ended_request(flow: http.HTTPFlow, exchange: Exchange, now: float) -> EndedRequest:
    """What there is to tell of ``exchange``, which ends at ``now`` (Unix seconds)."""
    lease, usage, stream = exchange.lease, exchange.usage, exchange.stream
    first_event_at = stream.first_event_at if stream is not None else None
    status = flow.response.status_code if flow.response is not None else None
    ending = _ending(exchange, status)
    return EndedRequest(
        ended_at=now,
        path=_name(exchange.path),
        ending=ending,
        status=status,
        account=_name(lease.account.name) if lease is not None else None,
        server=(urlsplit(lease.base_url).hostname or "") if lease is not None else "",
        model=_name(exchange.model) if exchange.model is not None else None,
        upstream_model=_upstream_model(exchange),
        seconds=max(0.0, now - exchange.started_at),
        first_event_seconds=_from(exchange.started_at, first_event_at),
        flow_seconds=_from(first_event_at, stream.last_data_at) if stream is not None else None,
        input_tokens=usage.input_tokens if usage is not None else None,
        output_tokens=usage.output_tokens if usage is not None else None,
        cached_tokens=usage.cached_tokens if usage is not None else None,
        attempts=exchange.attempts.count,
        refused=tuple(map(_on_the_way, exchange.attempts.refused)),
        kind=_kind(status, exchange.error.code if exchange.error else None)
        if ending is Ending.REFUSED
        else "",
        reason=_reason(exchange),
    )


def _ending(exchange: Exchange, status: int | None) -> Ending:
    if exchange.client_left:
        return Ending.LEFT
    if exchange.cut is not None:
        return Ending.CUT
    is_refused = status is None or status >= HTTPStatus.BAD_REQUEST
    return Ending.REFUSED if is_refused else Ending.SERVED


def _upstream_model(exchange: Exchange) -> str | None:
    """As it was sent, where that is another name than the client's."""
    model = exchange.lease.upstream_model if exchange.lease is not None else None
    is_another = exchange.route.is_translated and model is not None and model != exchange.model
    return _name(model) if is_another and model is not None else None


def _from(start: float | None, end: float | None) -> float | None:
    return max(0.0, end - start) if start is not None and end is not None else None


def _on_the_way(attempt: RefusedAttempt) -> RefusedOnTheWay:
    return RefusedOnTheWay(
        account=_name(attempt.account),
        kind=_kind(attempt.status, attempt.code),
        reason=_cut(attempt.reason, _LONGEST_REASON),
        seconds=attempt.seconds,
    )


def _kind(status: int | None, code: str | None) -> str:
    status_text = NO_ANSWER if status is None else str(status)
    return _name(f"{status_text} {code}" if code else status_text)


def _reason(exchange: Exchange) -> str:
    if exchange.error is not None:
        return _cut(exchange.error.message, _LONGEST_REASON)
    return _cut(exchange.cut or "", _LONGEST_REASON)


def _name(text: str) -> str:
    return _cut(text, _LONGEST_NAME)


def _cut(text: str, longest: int) -> str:
    shown = printable(text[:longest])
    return shown if len(text) <= longest else f"{shown[:-1]}…"
