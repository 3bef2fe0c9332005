"""A connection to an HTTP/1.1 upstream: mitmproxy's, where that is not patient enough.

*Interim answers* (1xx) are passed over until the real one comes. mitmproxy takes the first
head that arrives for the answer, whatever its status, and so would take what follows for
another request's. On HTTP/2 it passes over them by itself.

*A connection that is kept alive* may be closed by its upstream at the very moment at which
the next request goes out on it. That says nothing of the upstream (RFC 9112 §9.5), and so
it must be known of a connection whether it has served before.

*A head that has no end* is given up: mitmproxy keeps it until it is whole, however long it
grows, and so the line before a chunk.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import Http1Client, ReceiveHttp, ResponseProtocolError

from addon.proxy.failover.chunks import PatientChunkedReader
from addon.proxy.failover.joining import joined

_INTERIM_HEAD: Final = re.compile(rb"HTTP/1\.[01] 1(?!01)\d\d(?=[ \r\n]).*?\n\r?\n", re.DOTALL)
"""A whole one (RFC 9110 §15.2). After 101 the connection speaks something else than HTTP."""

_LONGEST_HEAD: Final = 128 * 1024
"""Bytes of a head with all interim ones before it. HTTP/2 has a limit of its own, half of that."""


Take: TypeAlias = Callable[[bytes], layer.CommandGenerator[None]]
"""What becomes of a piece of an answer's body."""


class PatientHttp1Client(Http1Client):
    """mitmproxy's, waiting for the answer that counts."""

    _has_served = False
    _passed_over: int = 0
    """Bytes of interim answers to the request."""
    _take: Take | None = None
    """Of the answer that is being read, where its body need not go through all layers."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's, and the end of an upstream whose head does not come to one."""
        if self._take is not None and event.__class__ is events.DataReceived:
            piece = self._piece_in(event.data)
            if piece:
                yield from self._take(piece)
                return
        yield from super()._handle_event(event)
        is_endless = self._passed_over + len(self.buf) > _LONGEST_HEAD
        if is_endless and isinstance(event, events.DataReceived) and self.state != self.done:
            yield from self._give_up()

    def hand_straight_to(self, take: Take, stream_id: int) -> None:
        """Has what comes of the answer's body taken, if that stream's is still being read."""
        if self.stream_id == stream_id and not self.response_done:
            self._take = take

    def _piece_in(self, received: bytes) -> bytes:
        """What ``received`` brings of the body, where it brings nothing else."""
        reader = self.body_reader
        if self.buf or self.debug is not None or not isinstance(reader, PatientChunkedReader):
            return b""
        return reader.only_chunks(received)

    def _give_up(self) -> layer.CommandGenerator[None]:
        self.state = self.done
        self.buf = ReceiveBuffer()
        yield commands.CloseConnection(self.conn)
        if self.stream_id is not None:
            fault = f"what should be its head is longer than {_LONGEST_HEAD} bytes"
            code = ResponseProtocolError.code
            yield ReceiveHttp(ResponseProtocolError(self.stream_id, fault, code))

    @property
    def closed_at_rest(self) -> bool:
        """Whether the connection had served, and ended before a byte of the next answer came."""
        return self._has_served and self.response is None and not self.buf

    def mark_done(
        self, *, request: bool = False, response: bool = False
    ) -> layer.CommandGenerator[None]:
        """mitmproxy's; a connection that has served is another than a new one."""
        self._has_served = self._has_served or response
        if response:
            self._take = None
        yield from super().mark_done(request=request, response=response)

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """mitmproxy's, once the interim answers are out of the way."""
        if isinstance(event, events.DataReceived) and self.request:
            while head := _INTERIM_HEAD.match(bytes(self.buf)):
                self.buf.maybe_extract_at_most(head.end())
                self._passed_over += head.end()
        yield from super().read_headers(event)

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's; what it reads at once goes on at once."""
        self._passed_over = 0
        if self.body_reader.__class__ is ChunkedReader:
            self.body_reader = PatientChunkedReader()
        yield from joined(super().read_body(event))
