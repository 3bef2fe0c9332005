"""What is left without the stream class, on a mitmproxy whose internals have changed.

One account a request: a refusal goes to the client, in OpenAI's shape. The token is
in the flow while the request is on its way, since only the stream class can keep it
out, and is masked as soon as the answer begins. A stream that is cut stays cut.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from mitmproxy import http

from addon.accounts.account import mask
from addon.broker import Lease, RateLimited
from addon.errors import ApiError
from addon.proxy.answer import (
    is_event_stream,
    mask_token,
    streamed_answer,
    translate_whole,
)
from addon.proxy.exchange import Exchange, StreamedAnswer, UpstreamRefusal
from addon.proxy.refused import refused_attempt
from addon.proxy.verdict import Verdict, judge
from addon.translate import CodingError, UpstreamError, read_error_body

_LONGEST_WAIT_SECONDS: Final = 60.0
_COME_AGAIN_SECONDS: Final = 1.0
"""When to come again after a limit that lasts longer, or nobody knows how long. The next
request goes to another account, or is told how long all of them are limited."""


def show_token(flow: http.HTTPFlow, lease: Lease) -> None:
    """Puts the real token where mitmproxy will send it from."""
    flow.request.headers["authorization"] = f"Bearer {lease.token}"


def hide_token(flow: http.HTTPFlow, lease: Lease) -> None:
    """Masks it again."""
    flow.request.headers["authorization"] = f"Bearer {mask(lease.token)}"


def begin(response: http.Response, exchange: Exchange) -> None:
    """At the head of the upstream's answer: a stream is to be translated as it comes."""
    request = exchange.request
    if request is None or response.status_code != HTTPStatus.OK:
        return
    if request.stream and is_event_stream(response):
        with suppress(CodingError):
            exchange.answer = streamed_answer(exchange, response)


def ending_with_its_body(answer: StreamedAnswer) -> Callable[[bytes], bytes | tuple[()]]:
    """``answer`` for mitmproxy to call; without the stream class nobody else tells it its end."""
    return lambda data: answer(data) if data else answer.finish() or ()


def finish(flow: http.HTTPFlow, exchange: Exchange) -> Verdict | None:
    """At the end of an answer that was not streamed: translates it, or says why it is none."""
    response = flow.response
    if response is None or exchange.answer is not None:
        return None
    if response.status_code != HTTPStatus.OK:
        mask_token(response, exchange)
        body = response.raw_content or b""
        error = read_error_body(body, response.status_code)
        refused = UpstreamRefusal(response.status_code, error, response.headers, body=body)
        return _judge(refused, exchange)
    try:
        translate_whole(flow, exchange)
    except ApiError as error:
        fault = UpstreamError(error.message, error.code, error.type)
        refused = UpstreamRefusal(response.status_code, fault, response.headers, in_disguise=True)
        return _judge(refused, exchange)
    return None


def _judge(refused: UpstreamRefusal, exchange: Exchange) -> Verdict:
    lease = exchange.lease
    assert lease is not None
    refused, now = replace(refused, error=refused.error.without(lease.token)), time.time()
    exchange.attempts.keep(refused_attempt(refused, lease, now))
    verdict = judge(refused, now, model=exchange.model, upstream_model=lease.upstream_model)
    wait = verdict.error.retry_after_seconds
    if isinstance(verdict.outcome, RateLimited) and (wait is None or wait > _LONGEST_WAIT_SECONDS):
        verdict.error.retry_after_seconds = _COME_AGAIN_SECONDS
    return verdict
