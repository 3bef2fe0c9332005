"""Clients that leave whenever the test likes, and as rudely as real ones: HTTP/1.1 and HTTP/2.

An HTTP client library leaves when it sees fit. Here a request goes out as far as the test says,
and then the client is gone: its connection is closed, or on HTTP/2 its stream is reset while the
connection stays (which is how a client there says that it has lost interest).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import h2.config
import h2.connection
import h2.errors
import h2.events

SAFETY_SECONDS: Final = 30.0

_HOST: Final = "portal.qwen.ai"
_PATH: Final = "/v1/responses"
_TYPE: Final = ("content-type", "application/json")


class Leaver(Protocol):
    """A client with one request."""

    def send(self, body: bytes, *, cut_at: int | None = None) -> None:
        """Send the request with ``body``, of which only ``cut_at`` octets go out if it is given."""

    def wait_for_answer(self) -> None:
        """Wait until the first piece of the answer's body is here."""

    def leave(self) -> None:
        """Be gone."""


class Http1Leaver:
    """One connection, one request."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def send(self, body: bytes, *, cut_at: int | None = None) -> None:
        name, value = _TYPE
        head = (
            f"POST {_PATH} HTTP/1.1\r\nhost: {_HOST}\r\n{name}: {value}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body[:cut_at])

    def wait_for_answer(self) -> None:
        seen = b""
        while not seen.partition(b"\r\n\r\n")[2]:
            seen += _received(self._socket)

    def leave(self) -> None:
        self._socket.close()


class Http2Leaver:
    """One stream on a connection that stays."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._h2.initiate_connection()
        self._stream = self._h2.get_next_available_stream_id()
        self._flush()

    def send(self, body: bytes, *, cut_at: int | None = None) -> None:
        pseudo = {":method": "POST", ":scheme": "https", ":authority": _HOST, ":path": _PATH}
        self._h2.send_headers(self._stream, [*pseudo.items(), _TYPE])
        self._h2.send_data(self._stream, body[:cut_at], end_stream=cut_at is None)
        self._flush()

    def wait_for_answer(self) -> None:
        while True:
            events = self._h2.receive_data(_received(self._socket))
            self._flush()
            if any(isinstance(event, h2.events.DataReceived) for event in events):
                return

    def leave(self) -> None:
        self._h2.reset_stream(self._stream, h2.errors.ErrorCodes.CANCEL)
        self._flush()

    def _flush(self) -> None:
        self._socket.sendall(self._h2.data_to_send())


@contextlib.contextmanager
def leaver(port: int, *, http2: bool, ca: Path) -> Iterator[Leaver]:
    """A client of the listener at ``port``, whose certificates the authority in ``ca`` signs."""
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", port)
        sock = stack.enter_context(socket.create_connection(address, timeout=SAFETY_SECONDS))
        if not http2:
            yield Http1Leaver(sock)
            return
        context = ssl.create_default_context(cafile=str(ca))
        context.set_alpn_protocols(["h2"])
        yield Http2Leaver(stack.enter_context(context.wrap_socket(sock, server_hostname=_HOST)))


def _received(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    assert data, "the proxy closed the connection"
    return data
