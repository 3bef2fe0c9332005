"""What is said of a request once it is over: one log line, and the flow's comment.

Both are for people, and neither holds a token, nor a control character that a client or
an upstream might have put in to forge another line.
"""

from __future__ import annotations

from mitmproxy import http
from mitmproxy.utils.strutils import escape_control_characters

from addon.proxy.exchange import Exchange


def log_line(flow: http.HTTPFlow, exchange: Exchange, now: float) -> str:
    """One line: what was asked, who served, how it ended, what it cost."""
    status = flow.response.status_code if flow.response else "no answer"
    line = f"{exchange.path}: {status}, {', '.join(_facts(exchange, now))}"
    return escape_control_characters(line, keep_spacing=False)


def comment(exchange: Exchange, now: float) -> str:
    """The flow's comment: the same, and what was left out of the request."""
    text = "; ".join((*_facts(exchange, now), *exchange.notes))
    return escape_control_characters(text, keep_spacing=False)


def _facts(exchange: Exchange, now: float) -> list[str]:
    facts = []
    if exchange.lease is not None:
        facts.append(f"account {exchange.lease.account.name}")
    if exchange.model is not None:
        facts.append(_model(exchange, exchange.model))
    if exchange.usage is not None:
        usage = exchange.usage
        facts.append(
            f"{usage.input_tokens} tokens in ({usage.cached_tokens} cached), "
            f"{usage.output_tokens} out"
        )
    if exchange.answer is not None and exchange.answer.first_event_at is not None:
        facts.append(
            f"first event after {exchange.answer.first_event_at - exchange.started_at:.2f} s"
        )
    facts.append(f"{now - exchange.started_at:.2f} s in all")
    if exchange.error is not None:
        facts.append(f"refused: {exchange.error.code}: {exchange.error.message}")
    if exchange.cut is not None:
        facts.append(f"cut: {exchange.cut}")
    if exchange.client_left:
        facts.append("the client left before the end")
    return facts


def _model(exchange: Exchange, model: str) -> str:
    is_mapped = exchange.lease is not None and exchange.route.is_translated
    upstream = exchange.lease.upstream_model if exchange.lease and is_mapped else None
    return f"model {model}" if upstream in (None, model) else f"model {model} as {upstream}"
