"""Exchanges as the hooks would have made them, without a network."""

from __future__ import annotations

import io
from typing import Final

from mitmproxy import http
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.test import tflow

from addon.accounts.account import Account, ApiKeyCredential
from addon.broker import Lease
from addon.proxy.answer import begin_stream, hand_on, streamed_answer
from addon.proxy.exchange import Exchange
from addon.proxy.routing import Route
from addon.proxy.views.keeping import Keeping
from addon.translate import parse_request
from addon.translate.reasoning import Recollection
from tests.support.chat import events, text_stream

TOKEN: Final = "sk-0123456789abcdefghijklmnopqrstuv"
REQUEST: Final = b'{"model": "mine", "input": "How do you do?", "stream": true}'
CHAT_REQUEST: Final = b'{"model": "mine", "messages": [{"role": "user", "content": "Hi"}]}'
UPSTREAMS_REQUEST: Final = b'{"model": "theirs", "messages": []}'
HELLO: Final = events(text_stream("Hel", "lo"))


def lease() -> Lease:
    return Lease(
        id=1,
        account=Account(id="good", credential=ApiKeyCredential(TOKEN)),
        token=TOKEN,
        base_url="https://host.example/v1",
        upstream_model=None,
        taken_at=1.0,
    )


def begun(keeping: Keeping, route: Route = Route.RESPONSES, content: bytes = REQUEST) -> Exchange:
    """A request that has come."""
    flow = tflow.tflow(req=http.Request.make("POST", "https://host.example/v1", content))
    exchange = Exchange(
        flow=flow,
        route=route,
        client_http_version="HTTP/1.1",
        started_at=1.0,
        path="/v1/responses",
    )
    keeping.begin(exchange)
    if exchange.kept is not None and route.is_translated:
        exchange.kept.client_sent(content)
    return exchange


def sent(exchange: Exchange) -> Exchange:
    """It has gone to its upstream."""
    exchange.lease = lease()
    exchange.upstream_address = ("host.example", 443)
    if exchange.route.is_translated:
        exchange.request = parse_request(REQUEST, Recollection())
        exchange.flow.request.content = UPSTREAMS_REQUEST
    return exchange


def answering(exchange: Exchange, *pieces: bytes, encoding: str = "") -> bytes:
    """Its upstream streams; gives what the client gets."""
    headers = {"content-type": "text/event-stream", "content-encoding": encoding}
    flow = exchange.flow
    flow.response = http.Response.make(200, b"", headers)
    flow.response.data.content = None
    if exchange.route.is_translated:
        exchange.answer = streamed_answer(exchange, flow.response)
        begin_stream(flow, exchange)
    else:
        hand_on(flow, exchange)
    stream = exchange.stream
    assert stream is not None
    return b"".join(stream(piece) or b"" for piece in pieces)


def saved_and_read(flow: http.HTTPFlow) -> http.HTTPFlow:
    """The flow as another mitmproxy reads it from a file."""
    file = io.BytesIO()
    FlowWriter(file).add(flow)
    file.seek(0)
    (read,) = FlowReader(file).stream()
    assert isinstance(read, http.HTTPFlow)
    return read
