"""The scripted upstream's two wire formats: HTTP/1.1 (h11) and HTTP/2 (h2) on one asyncio stream.

A connection reads requests and hands each to ``answer`` with the channel to answer on. A channel
sends exactly the pieces that it is given, each as a chunk or a DATA frame of its own, and can break
off as a failing server would. What is answered is not decided here.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h11

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it came off the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, in the order sent."""
    body: bytes
    http_version: str
    """``HTTP/1.1`` or ``HTTP/2``."""


class Channel(Protocol):
    """The way back for one request."""

    gone: asyncio.Event
    """Set once the client has closed the connection or reset the stream."""

    async def interim(self, status: int, headers: Headers) -> None:
        """Send an informational answer (1xx), before the head."""

    async def head(self, status: int, headers: Headers) -> None:
        """Send status and headers."""

    async def data(self, piece: bytes) -> None:
        """Send ``piece`` in one chunk or frame (several frames where flow control says so)."""

    async def end(self) -> None:
        """End the message as HTTP says it must end."""

    async def cut(self) -> None:
        """Break off in mid-message: close the connection (1.1) or reset the stream (2)."""

    async def reset(self) -> None:
        """Break off the TCP connection with RST."""


Answer = Callable[[Message, Channel], Awaitable[None]]


def reset_connection(writer: StreamWriter) -> None:
    """Close so that the peer sees RST and not FIN (SO_LINGER with zero seconds)."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Http1Connection:
    """HTTP/1.1: one request after the other, kept alive as long as both sides like."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._h11 = h11.Connection(h11.SERVER)
        self._arrived = asyncio.Event()
        self.gone = asyncio.Event()

    async def serve(self, answer: Answer) -> None:
        """Answer requests until the client leaves or the connection must close."""
        reading = asyncio.create_task(self._read())
        try:
            while (message := await self._next_message()) is not None:
                await answer(message, self)
                if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
                    break
                self._h11.start_next_cycle()
        finally:
            reading.cancel()
            self._writer.close()

    async def _read(self) -> None:
        while not self.gone.is_set():
            try:
                data = await self._reader.read(65536)
            except OSError:
                data = b""
            self._h11.receive_data(data)
            if not data:
                self.gone.set()
            self._arrived.set()

    async def _next_message(self) -> Message | None:
        request: h11.Request | None = None
        body = bytearray()
        while True:
            event = await self._next_event()
            if isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return _message_from_http1(request, bytes(body))
            elif isinstance(event, h11.ConnectionClosed):
                return None

    async def _next_event(self) -> h11.Event:
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError:
                return h11.ConnectionClosed()
            if event is h11.PAUSED:
                return h11.ConnectionClosed()
            if event is not h11.NEED_DATA:
                assert isinstance(event, h11.Event)
                return event
            self._arrived.clear()
            await self._arrived.wait()

    async def interim(self, status: int, headers: Headers) -> None:
        # not by h11: it sends no 101 that nobody has asked for
        lines = [f"HTTP/1.1 {status} ", *(f"{name}: {value}" for name, value in headers), "", ""]
        self._writer.write("\r\n".join(lines).encode())
        await self._writer.drain()

    async def head(self, status: int, headers: Headers) -> None:
        await self._send(h11.Response(status_code=status, headers=list(headers)))

    async def data(self, piece: bytes) -> None:
        await self._send(h11.Data(data=piece))

    async def end(self) -> None:
        await self._send(h11.EndOfMessage())

    async def cut(self) -> None:
        self._h11.send_failed()
        self._writer.close()

    async def reset(self) -> None:
        self._h11.send_failed()
        reset_connection(self._writer)

    async def _send(self, event: h11.Event) -> None:
        self._writer.write(self._h11.send(event) or b"")
        await self._writer.drain()


def _message_from_http1(request: h11.Request, body: bytes) -> Message:
    return Message(
        method=request.method.decode(),
        target=request.target.decode(),
        headers=tuple((name.decode(), value.decode("latin-1")) for name, value in request.headers),
        body=body,
        http_version="HTTP/1.1",
    )


@dataclass(slots=True)
class _Incoming:
    """An HTTP/2 request while it is being received."""

    headers: list[tuple[str, str]]
    body: bytearray = field(default_factory=bytearray)


class Http2Connection:
    """HTTP/2: every stream is answered in a task of its own."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config=config)
        self._incoming: dict[int, _Incoming] = {}
        self._channels: dict[int, Http2Channel] = {}
        self._window_opened = asyncio.Event()
        self._pings: dict[bytes, asyncio.Event] = {}
        self._numbers = itertools.count()

    async def serve(self, answer: Answer) -> None:
        """Answer streams until the client leaves."""
        self.h2.initiate_connection()
        await self.flush()
        try:
            async with asyncio.TaskGroup() as answers:
                while data := await self._receive():
                    for event in self.h2.receive_data(data):
                        if (message := self._handle(event)) is not None:
                            stream_id, request = message
                            answers.create_task(_answer(answer, request, self._open(stream_id)))
                    await self.flush()
                for channel in self._channels.values():
                    channel.gone.set()
                self._window_opened.set()
                for acknowledged in self._pings.values():
                    acknowledged.set()
        finally:
            self._writer.close()

    async def _receive(self) -> bytes:
        try:
            return await self._reader.read(65536)
        except OSError:
            return b""

    def _open(self, stream_id: int) -> Http2Channel:
        channel = self._channels[stream_id] = Http2Channel(self, stream_id)
        return channel

    def _handle(self, event: h2.events.Event) -> tuple[int, Message] | None:
        match event:
            case h2.events.RequestReceived(stream_id=int(stream_id), headers=list(headers)):
                self._incoming[stream_id] = _Incoming([(str(n), str(v)) for n, v in headers])
            case h2.events.DataReceived(stream_id=int(stream_id), data=bytes(data)):
                self._incoming[stream_id].body += data
                self.h2.acknowledge_received_data(event.flow_controlled_length or 0, stream_id)
            case h2.events.StreamEnded(stream_id=int(stream_id)):
                return stream_id, _message_from_http2(self._incoming.pop(stream_id))
            case h2.events.StreamReset(stream_id=int(stream_id)) if stream_id in self._channels:
                self._channels[stream_id].gone.set()
                self._window_opened.set()
            case h2.events.PingAckReceived(ping_data=bytes(data)):
                self._pings.pop(data).set()
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                self._window_opened.set()
        return None

    async def flush(self) -> None:
        """Put on the wire what h2 has made ready."""
        self._writer.write(self.h2.data_to_send())
        await self._writer.drain()

    async def room(self, stream_id: int, gone: asyncio.Event) -> int:
        """How many octets flow control allows on the stream; waits until that is not zero."""
        while not (room := self.h2.local_flow_control_window(stream_id)):
            self._window_opened.clear()
            await self._window_opened.wait()
            if gone.is_set():
                raise ConnectionResetError
        return min(room, self.h2.max_outbound_frame_size)

    async def wait_until_read(self) -> None:
        """Wait until the client has read all that was sent so far, or has left (RFC 9113 §6.7)."""
        number = next(self._numbers).to_bytes(8)
        acknowledged = self._pings[number] = asyncio.Event()
        self.h2.ping(number)
        await self.flush()
        await acknowledged.wait()

    def abort(self) -> None:
        """Break off the whole connection with RST."""
        reset_connection(self._writer)


async def _answer(answer: Answer, message: Message, channel: Http2Channel) -> None:
    await answer(message, channel)


@dataclass(slots=True)
class Http2Channel:
    """The way back on one HTTP/2 stream."""

    connection: Http2Connection
    stream_id: int
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def interim(self, status: int, headers: Headers) -> None:
        await self.head(status, headers)  # h2 knows one by its status

    async def head(self, status: int, headers: Headers) -> None:
        fields = [(":status", str(status)), *headers]
        self._stream_open()
        self.connection.h2.send_headers(self.stream_id, fields)
        await self.connection.flush()

    async def data(self, piece: bytes) -> None:
        while piece:
            self._stream_open()
            room = await self.connection.room(self.stream_id, self.gone)
            self.connection.h2.send_data(self.stream_id, piece[:room])
            await self.connection.flush()
            piece = piece[room:]

    async def end(self) -> None:
        self._stream_open()
        self.connection.h2.end_stream(self.stream_id)
        await self.connection.flush()

    async def cut(self) -> None:
        self._stream_open()
        self.connection.h2.reset_stream(self.stream_id, h2.errors.ErrorCodes.INTERNAL_ERROR)
        await self.connection.flush()

    async def reset(self) -> None:
        self.connection.abort()

    def _stream_open(self) -> None:
        if self.gone.is_set():
            raise ConnectionResetError


def _message_from_http2(incoming: _Incoming) -> Message:
    pseudo = dict(item for item in incoming.headers if item[0].startswith(":"))
    headers = [item for item in incoming.headers if not item[0].startswith(":")]
    return Message(
        method=pseudo[":method"],
        target=pseudo[":path"],
        headers=(("host", pseudo.get(":authority", "")), *headers),
        body=bytes(incoming.body),
        http_version="HTTP/2",
    )
