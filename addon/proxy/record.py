"""What is said of a request once it is over: one log line, and what mitmproxy shows of its flow.

That is the flow's comment, a marker, and the refused attempts as data. All are for people,
and none holds a token. Nor do the lines hold a control character that a client or an upstream
might have put in to forge another line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from http import HTTPStatus
from typing import Final

from mitmproxy import http

from addon.proxy.attempts import RefusedAttempt
from addon.proxy.exchange import Exchange

ATTEMPTS: Final = "qwen_attempts"
"""Where in a flow's metadata its refused attempts stand, oldest first; saved with the flow."""

FAILED: Final = ":x:"
CUT: Final = ":warning:"
RETRIED: Final = ":repeat:"

_OURS: Final = frozenset(("", FAILED, CUT, RETRIED))
"""The markers that may be replaced; another one is the user's."""

_LONGEST_REASON: Final = 120
"""Characters of an upstream's words in a line; the rest stands in the metadata."""

_SHORTEST_FLOW_SECONDS: Final = 0.1
"""An answer that comes at once, or in one piece, has no speed."""


def log_line(flow: http.HTTPFlow, exchange: Exchange, facts: Iterable[str]) -> str:
    """One line: what was asked, and ``facts``."""
    status = flow.response.status_code if flow.response else "no answer"
    return printable(f"{exchange.path}: {status}, {', '.join(facts)}")


def annotate(flow: http.HTTPFlow, exchange: Exchange, facts: Iterable[str]) -> None:
    """Writes ``facts`` into ``flow``, what was left out of the request, and each refusal."""
    flow.comment = printable("; ".join((*facts, *exchange.notes)))
    if flow.marked in _OURS:
        flow.marked = _marker(flow, exchange)
    flow.metadata.pop(ATTEMPTS, None)  # of a flow that was sent before
    if exchange.attempts.refused:
        flow.metadata[ATTEMPTS] = [asdict(each) for each in exchange.attempts.refused]


def _marker(flow: http.HTTPFlow, exchange: Exchange) -> str:
    if exchange.cut is not None:
        return CUT
    if flow.response is not None and flow.response.status_code >= HTTPStatus.BAD_REQUEST:
        return FAILED
    return RETRIED if exchange.attempts.refusals and not exchange.client_left else ""


def facts_of(exchange: Exchange, now: float) -> tuple[str, ...]:
    """Who served, how it ended at ``now`` (Unix seconds), what it cost."""
    return tuple(_facts(exchange, now))


def _facts(exchange: Exchange, now: float) -> Iterator[str]:
    if exchange.lease is not None:
        yield f"account {exchange.lease.account.name}"
    if exchange.model is not None:
        yield _model(exchange, exchange.model)
    yield from _cost(exchange)
    yield f"{now - exchange.started_at:.2f} s in all"
    yield from _attempts(exchange)
    if exchange.error is not None and not _is_told(exchange):
        yield f"refused: {exchange.error.code}: {exchange.error.message}"
    if exchange.cut is not None:
        yield f"cut: {exchange.cut}"
    if exchange.client_left:
        yield "the client left before the end"


def _model(exchange: Exchange, model: str) -> str:
    is_mapped = exchange.lease is not None and exchange.route.is_translated
    upstream = exchange.lease.upstream_model if exchange.lease and is_mapped else None
    return f"model {model}" if upstream in (None, model) else f"model {model} as {upstream}"


def _cost(exchange: Exchange) -> Iterator[str]:
    """Tokens, and how fast they came."""
    usage, stream = exchange.usage, exchange.stream
    if usage is not None:
        yield f"{usage.input_tokens} tokens in ({usage.cached_tokens} cached)"
        yield f"{usage.output_tokens} out"
    if stream is None or stream.first_event_at is None:
        return
    yield f"first event after {stream.first_event_at - exchange.started_at:.2f} s"
    seconds = stream.last_data_at - stream.first_event_at
    if usage is not None and usage.output_tokens and seconds >= _SHORTEST_FLOW_SECONDS:
        yield f"{usage.output_tokens / seconds:.1f} tokens/s"


def _attempts(exchange: Exchange) -> Iterator[str]:
    """How many, if not one, and why each that was refused was refused."""
    attempts = exchange.attempts
    if attempts.count > 1:
        yield f"{attempts.count} attempts"
    untold = attempts.refusals - len(attempts.refused)
    for refused in attempts.refused[:-1]:
        yield _refusal(refused)
    if untold:
        yield f"{untold} more refused"
    if attempts.refused:
        yield _refusal(attempts.refused[-1])


def _refusal(refused: RefusedAttempt) -> str:
    reason = refused.reason
    if len(reason) > _LONGEST_REASON:
        reason = f"{reason[: _LONGEST_REASON - 1]}…"
    if refused.status is None:
        return f"{refused.account} failed: {reason}"
    code = f" {refused.code}" if refused.code else ""
    return f"{refused.account} refused with {refused.status}{code}: {reason}"


def _is_told(exchange: Exchange) -> bool:
    """Whether the client was refused in the words of the last attempt, which are there already."""
    refused, error = exchange.attempts.refused, exchange.error
    return bool(refused) and error is not None and error.message == refused[-1].reason


def printable(line: str) -> str:
    """``line`` as one line: what a terminal would obey, or would not show, is a dot or a space."""
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else " " if char.isspace() else "." for char in line)
