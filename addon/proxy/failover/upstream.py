"""The upstream's end of a request inside mitmproxy: found, given up, forgotten.

A stream of ours may turn to another upstream while the last one still has things to
say; nothing of that may arrive any more.
"""

from __future__ import annotations

from typing import Any, Final

from mitmproxy.connection import Server
from mitmproxy.net.http import status_codes
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http import (
    Http1Client,
    Http2Client,
    HttpLayer,
    HttpStream,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
    SendHttp,
)

from addon.proxy.failover.interim import PatientHttp1Client


def http_layer_of(stream: HttpStream) -> HttpLayer:
    """The layer that handles all requests of the client's connection."""
    layers = stream.context.layers
    http_layer = layers[layers.index(stream) - 1]
    assert isinstance(http_layer, HttpLayer)
    return http_layer


def abandon(stream: HttpStream) -> layer.CommandGenerator[None]:
    """Ends ``stream``'s attempt on its upstream, so that nothing of it can arrive any more."""
    client, server = client_of(stream), stream.context.server
    if isinstance(client, Http1Client):
        # whatever state it is in, and goes into once this event is through
        client._handle_event = _hear_nothing  # type: ignore[method-assign, assignment]  # noqa: SLF001
        yield commands.CloseConnection(server)
    elif isinstance(client, Http2Client):
        yield SendHttp(RequestProtocolError(stream.stream_id, "given up", _CANCEL), server)
        # A new dict: the connection may be going through the old one just now.
        ours = forget_stream_id(stream)
        client.streams = {id_: state for id_, state in client.streams.items() if id_ != ours}


def forget_stream_id(stream: HttpStream) -> int | None:
    """On an HTTP/2 connection the next attempt must not take the old, closed stream's id.

    Gives that id, where there is one.
    """
    client = client_of(stream)
    if not isinstance(client, Http2Client):
        return None
    client.stream_queue.pop(stream.stream_id, None)
    return client.our_stream_id.pop(stream.stream_id, None)


def hear_no_more(stream: HttpStream) -> None:
    """After ``stream``'s HTTP/1.1 connection went wrong: it reports its own end too, later on."""
    client = client_of(stream)
    if isinstance(client, Http1Client) and client.stream_id == stream.stream_id:
        client._handle_event = _hear_nothing  # type: ignore[method-assign, assignment]  # noqa: SLF001


def was_closed_at_rest(stream: HttpStream) -> bool:
    """Whether ``stream``'s request met a kept connection that its upstream was about to close."""
    client = client_of(stream)
    return (
        isinstance(client, PatientHttp1Client)
        and client._handle_event is not _hear_nothing  # noqa: SLF001 - or another one failed since
        and client.stream_id == stream.stream_id
        and client.closed_at_rest
    )


def drop_late_events(stream: HttpStream) -> None:
    """What came of a refused answer while the hook was at work must not meet the next one."""
    queue = stream._paused_event_queue  # noqa: SLF001
    kept = [event for event in queue if not isinstance(event, _OF_AN_ANSWER)]
    queue.clear()
    queue.extend(kept)


def upstream_failed(stream: HttpStream, fault: str) -> ResponseProtocolError:
    """What ``stream`` would hear if its upstream itself had broken off."""
    return ResponseProtocolError(stream.stream_id, fault, _SERVER_ERROR)


def client_of(stream: HttpStream) -> layer.Layer | None:
    """The layer that speaks HTTP on the connection to ``stream``'s upstream."""
    server: Server = stream.context.server
    connection = http_layer_of(stream).connections.get(server)
    return connection.context.layers[-1] if connection is not None else None


def _hear_nothing(_: events.Event) -> layer.CommandGenerator[None]:
    """How a layer handles events that nobody waits for any more."""
    yield from ()


_OF_AN_ANSWER: Final = (
    ResponseHeaders,
    ResponseData,
    ResponseTrailers,
    ResponseEndOfMessage,
    ResponseProtocolError,
)

_CANCEL: Final[Any] = (
    http_layers.ErrorCode.CANCEL
    if hasattr(http_layers, "ErrorCode")
    else status_codes.CLIENT_CLOSED_REQUEST
)
"""How mitmproxy says that a stream is given up: an enum's member in 12, a status in 11."""

_SERVER_ERROR: Final[Any] = (
    http_layers.ErrorCode.GENERIC_SERVER_ERROR
    if hasattr(http_layers, "ErrorCode")
    else status_codes.BAD_GATEWAY
)
