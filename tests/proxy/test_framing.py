"""What goes out to an HTTP/1.1 client, and in which writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias
from unittest.mock import Mock

import pytest
from mitmproxy import http
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.options import Options
from mitmproxy.proxy.commands import CloseConnection, SendData
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import (
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.test import tutils

from addon.proxy.exchange import StreamedAnswer
from addon.proxy.failover.framing import FramingHttp1Server

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
CLOSED = "closed"

Stream: TypeAlias = Callable[[bytes], Iterable[bytes] | bytes] | bool


class Connection:
    """A client's, as one that has asked, and what is written to it."""

    def __init__(self) -> None:
        client = Client(
            peername=("127.0.0.1", 1),
            sockname=("127.0.0.1", 2),
            timestamp_start=0.0,
            state=ConnectionState.OPEN,
        )
        self._server = FramingHttp1Server(Context(client, Options()))
        self._server.request = tutils.treq()

    def head(self, stream: Stream, coding: str = "chunked") -> HttpEvent:
        headers = http.Headers([(b"transfer-encoding", coding.encode())] if coding else [])
        response = http.Response(b"HTTP/1.1", 200, b"OK", headers, None, None, 0.0, None)
        response.stream = stream
        return ResponseHeaders(1, response)

    def writes(self, *events: HttpEvent) -> list[bytes | str]:
        written: list[bytes | str] = []
        for event in events:
            for command in self._server.send(event):
                if isinstance(command, SendData):
                    written.append(command.data)
                elif isinstance(command, CloseConnection):
                    written.append(CLOSED)
        return written


@pytest.fixture
def connection() -> Connection:
    return Connection()


def data(piece: bytes) -> HttpEvent:
    return ResponseData(1, piece)


def test_the_head_of_a_translated_stream_goes_out_with_its_first_events(
    connection: Connection,
) -> None:
    head = connection.head(Mock(StreamedAnswer))
    assert connection.writes(head) == []
    assert connection.writes(data(b"one")) == [HEAD + b"3\r\none\r\n"]
    assert connection.writes(data(b"more")) == [b"4\r\nmore\r\n"]
    assert connection.writes(ResponseEndOfMessage(1)) == [b"0\r\n\r\n"]


def test_it_goes_out_whatever_follows(connection: Connection) -> None:
    head = connection.head(Mock(StreamedAnswer))
    assert connection.writes(head, ResponseEndOfMessage(1)) == [HEAD, b"0\r\n\r\n"]


def test_it_goes_out_before_the_connection_is_closed(connection: Connection) -> None:
    head = connection.head(Mock(StreamedAnswer))
    error = ResponseProtocolError(1, "gone", ResponseProtocolError.code)
    assert connection.writes(head, error) == [HEAD, CLOSED]


@pytest.mark.parametrize("stream", [True, False, lambda piece: piece])
def test_the_head_of_another_answer_goes_out_at_once(
    connection: Connection, stream: Stream
) -> None:
    assert connection.writes(connection.head(stream)) == [HEAD]
    assert connection.writes(data(b"one"), data(b"")) == [b"3\r\none\r\n"]


def test_an_answer_in_no_chunks_goes_out_as_it_comes(connection: Connection) -> None:
    """To a client of HTTP/1.0."""
    head = connection.head(Mock(StreamedAnswer), coding="")
    assert connection.writes(head) == [b"HTTP/1.1 200 OK\r\n\r\n"]
    assert connection.writes(data(b"one")) == [b"one"]
