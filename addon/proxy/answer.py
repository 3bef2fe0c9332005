"""The client's answer, made of the upstream's: its head, and its body where that is whole."""

from __future__ import annotations

import re
import time
import uuid
from http import HTTPStatus
from typing import Final

from mitmproxy import http

from addon.accounts.account import mask
from addon.errors import ApiError, Code, refusal
from addon.proxy.exchange import LONGEST_STREAM, Exchange, StreamedAnswer, UpstreamRefusal
from addon.proxy.masking import masked
from addon.proxy.routing import is_reverse
from addon.proxy.untouched import UntouchedAnswer
from addon.translate import (
    CodingError,
    ResponseRenderer,
    StreamTranslator,
    decoder,
    translate_completion,
    whole_response,
)

_EVENT_STREAM = "text/event-stream"
_OUR_EVENT_STREAM = f"{_EVENT_STREAM}; charset=utf-8"

_LONGEST_WHOLE: Final = 32 * 1024 * 1024
"""Bytes of an answer in one piece: as values of Python's they may be twenty times as long."""

_REQUEST_ID: Final = re.compile(r"[!-~]{1,200}")

_OF_AN_ORIGIN: Final = re.compile(
    rb"set-cookie2?|access-control-.*|clear-site-data|strict-transport-security|alt-svc|refresh"
    rb"|proxy-authenticate|x-qwen-.*",
    re.IGNORECASE,
)
"""Headers with which a server speaks to browsers, or to proxies, of the place where it is."""

_PAGE: Final = re.compile(r"$|.*(html|xml|svg)", re.IGNORECASE)
"""The content types of what a browser may take for a page with scripts, none among them."""


def is_event_stream(response: http.Response) -> bool:
    """Whether the upstream streams its answer."""
    content_type: str = response.headers.get("content-type", "")
    return content_type.lower().startswith(_EVENT_STREAM)


def longest_whole(response: http.Response) -> int:
    """How many bytes an answer may have that is read to its end before anything is made of it."""
    return LONGEST_STREAM if is_event_stream(response) else _LONGEST_WHOLE


def streamed_answer(exchange: Exchange, response: http.Response) -> StreamedAnswer:
    """What will translate the stream that ``response`` begins. Raises CodingError."""
    decode = decoder(response.headers.get("content-encoding", ""))
    token = exchange.lease.token if exchange.lease is not None else ""
    return StreamedAnswer(_translator(exchange), decode, exchange.kept, token=token)


def begin_stream(flow: http.HTTPFlow, exchange: Exchange) -> None:
    """Turns the head of the upstream's stream into the head of the client's."""
    assert flow.response is not None
    assert exchange.answer is not None
    _replace_head(flow.response, exchange, _OUR_EVENT_STREAM, {"cache-control": "no-cache"})
    flow.response.stream = exchange.answer


def translate_whole(flow: http.HTTPFlow, exchange: Exchange) -> None:
    """Turns the upstream's whole answer into the client's: JSON, or events if it asked for them.

    Raises ApiError where the upstream's answer is none.
    """
    upstream, request = flow.response, exchange.request
    assert upstream is not None
    assert request is not None
    translator, now = _translator(exchange), time.time()
    body = _decoded(upstream)
    if is_event_stream(upstream):
        events = translator.feed(body, now) + translator.finish(now)
    else:
        events = translate_completion(body, translator, now)
    exchange.usage = translator.usage
    if request.stream:
        content, kind = events, _OUR_EVENT_STREAM
    else:
        content, kind = whole_response(translator.ending), "application/json"
    if exchange.kept is not None:
        exchange.kept.add(body, b"")
    _replace_head(upstream, exchange, kind, {})
    upstream.headers.pop("transfer-encoding", None)
    upstream.content = masked(content, exchange.lease.token) if exchange.lease else content


def error_response(error: ApiError, exchange: Exchange) -> http.Response:
    """``error`` as the client's answer."""
    request_id = _request_id(exchange.refusal, exchange)
    headers = error.headers() | request_id | control_headers(exchange)
    response = http.Response.make(error.status, error.body(), headers)
    response.reason = _reason(error.status)
    response.http_version = exchange.client_http_version
    return response


def mask_token(response: http.Response, exchange: Exchange) -> None:
    """Takes the account's token out of an answer that repeats it, head and body.

    The body comes out of its content coding for that. Nothing is left of one that is not what
    its head says, or would become too long.
    """
    assert exchange.lease is not None
    token = exchange.lease.token
    response.headers = http.Headers(
        [(name, masked(value, token)) for name, value in response.headers.fields]
    )
    if not response.raw_content:
        return
    body = _unpacked(response)
    if body != response.raw_content:
        del response.headers["content-encoding"]
    if (shown := masked(body, token)) != response.raw_content:
        response.content = shown


def _unpacked(response: http.Response) -> bytes:
    body = response.raw_content or b""
    try:
        decode = decoder(response.headers.get("content-encoding", ""), _LONGEST_WHOLE)
    except CodingError:
        return body  # nobody here knows how, but perhaps the client
    try:
        return decode(body) if decode is not None else body
    except CodingError:
        return b""


def hand_on(flow: http.HTTPFlow, exchange: Exchange) -> None:
    """Has an untouched answer handed on as it comes, but for the account's token.

    And but for headers that speak of an origin: they are its service's, and the client has
    asked under another.
    """
    response = flow.response
    assert response is not None
    mask_token(response, exchange)
    response.headers = http.Headers(
        [field for field in response.headers.fields if not _OF_AN_ORIGIN.fullmatch(field[0])]
    )
    response.headers.update(control_headers(exchange))
    make_no_page_of_ours(flow)
    if response.status_code < HTTPStatus.BAD_REQUEST:
        _stream_on(response, exchange)


def make_no_page_of_ours(flow: http.HTTPFlow) -> None:
    """Keeps a browser from taking another service's page for one of ours.

    On a reverse listener it finds both at one origin. Such a page is shown without scripts and
    as of no origin (``sandbox``, CSP Level 3 §6.3.2), or its scripts could do on the live page
    what the person can. Programs do not look at that, and what is no page stays as it is.
    """
    assert flow.response is not None
    headers = flow.response.headers
    if is_reverse(flow.client_conn) and _PAGE.match(headers.get("content-type", "")):
        headers.add("content-security-policy", "sandbox")


def _stream_on(response: http.Response, exchange: Exchange) -> None:
    assert exchange.lease is not None
    if response.raw_content is not None:
        return  # it is here already: one of our own
    response.stream = exchange.untouched = UntouchedAnswer(
        exchange.lease.token,
        response.headers.get("content-encoding", ""),
        is_stream=is_event_stream(response),
        kept=exchange.kept,
    )
    response.data.content = b""  # a view is asked for nothing that is missing


def control_headers(exchange: Exchange) -> dict[str, str]:
    """Which account served, and at which attempt; and that the connection ends, if it is to.

    mitmproxy looks for that in the request too, whose head is the upstream's by now.
    """
    headers = {"connection": "close"} if exchange.closes else {}
    if exchange.lease is not None:
        headers["x-qwen-account"] = _header_text(exchange.lease.account.name)
        headers["x-qwen-attempts"] = str(exchange.attempts.count)
    return headers


def _translator(exchange: Exchange) -> StreamTranslator:
    assert exchange.request is not None
    unique = uuid.uuid4().hex
    renderer = ResponseRenderer(exchange.request.shape, f"resp_{unique}", int(time.time()))
    token = exchange.lease.token if exchange.lease is not None else ""
    return StreamTranslator(
        renderer,
        item_ids=unique,
        secret=token,
        needs=exchange.request.answer,
        reasoning=exchange.recollection,
    )


def _replace_head(
    response: http.Response, exchange: Exchange, content_type: str, more: dict[str, str]
) -> None:
    """Puts the client's head in the place of the upstream's, on the same object.

    mitmproxy checks the type of each field when another is made, which takes as long as a
    hundred events. Few headers: it also looks one up for every chunk.
    """
    headers = {"transfer-encoding": "chunked"} if exchange.client_http_version == "HTTP/1.1" else {}
    headers |= {
        "content-type": content_type,
        **_request_id(response, exchange),
        **control_headers(exchange),
        **more,
    }
    data = response.data
    data.http_version = exchange.client_http_version.encode()
    data.status_code, data.reason = HTTPStatus.OK, b"OK"
    data.headers = http.Headers(
        [(name.encode(), value.encode()) for name, value in headers.items()]
    )
    data.content = b""  # a view is asked for nothing that is missing
    data.trailers = data.timestamp_end = None


def _decoded(response: http.Response) -> bytes:
    body = response.raw_content or b""
    try:
        decode = decoder(response.headers.get("content-encoding", ""), longest_whole(response))
        return decode(body) if decode is not None else body
    except CodingError as error:
        raise refusal(Code.UPSTREAM_INVALID_RESPONSE, str(error)) from None


def _request_id(
    answer: http.Response | UpstreamRefusal | None, exchange: Exchange
) -> dict[str, str]:
    """The upstream's name for the request, where it is one: what its support asks for."""
    value = answer.headers.get("x-request-id") if answer is not None else None
    if not value or exchange.lease is None or not _REQUEST_ID.fullmatch(value):
        return {}
    return {"x-request-id": value.replace(exchange.lease.token, mask(exchange.lease.token))}


def _reason(status: int) -> str:
    """The reason phrase; mitmproxy 11 does not know all of them."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _header_text(text: str) -> str:
    """``text`` fit for a header: a label may hold anything, a header only visible ASCII."""
    return "".join(char if " " <= char <= "~" else "?" for char in text).strip() or "?"
