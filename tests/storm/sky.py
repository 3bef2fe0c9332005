"""The server on which the weather is played: real sockets, and any byte that a fault wants.

It knows by the token of a request what to do with it. One server listens at several ports: plain,
with TLS and HTTP/2, with a certificate that nobody trusts, and one that is deaf.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Final

import h2.exceptions

from tests.storm import http2
from tests.storm.weather import Fault, Place, serve
from tests.support.listener import Listener
from tests.support.tls import CertificateAuthority
from tests.support.wire import Channel, Http2Channel, Http2Connection, Message, reset_connection

Chooser = Callable[[str], Fault | None]
"""By the token: what a request meets; None: it is served."""

_BACKLOG: Final = 2048
_H2: Final = ["h2"]
_WITHOUT_TLS: Final = (Place.PLAIN, Place.CLOSED, Place.FULL, Place.DEAF)


@dataclass(slots=True)
class Http1Line:
    """One request on a line of HTTP/1.1; see ``weather.Line``."""

    reader: StreamReader
    writer: StreamWriter
    marker: str
    is_stream: bool
    is_worn_out: bool = False

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hang(self) -> None:
        while await self.reader.read(65536):
            pass

    def is_gone(self) -> bool:
        return self.reader.at_eof() or self.writer.is_closing()

    def half_close(self) -> None:
        self.writer.write_eof()

    def reset(self) -> None:
        reset_connection(self.writer)

    def wear_out(self) -> None:
        self.is_worn_out = True


class Sky:
    """The servers; ``opened`` in the loop of the run."""

    def __init__(self, choose: Chooser, trusted: CertificateAuthority) -> None:
        self._choose = choose
        self._trusted = trusted
        self._ports: dict[Place, int] = {}
        self._servers: list[Listener] = []
        self.played: Counter[str] = Counter()
        """How often each fault was met, by its name."""
        self.served = 0
        self.faults: list[str] = []
        """What went wrong in here."""

    def url(self, place: Place) -> str:
        """The base URL that leads there."""
        if place is Place.NAMELESS:
            return "https://no-such-host.invalid/v1"
        scheme = "http" if place in _WITHOUT_TLS else "https"
        return f"{scheme}://127.0.0.1:{self._ports[place]}/v1"

    @contextlib.asynccontextmanager
    async def opened(self, untrusted: CertificateAuthority) -> AsyncIterator[None]:
        """They listen inside the ``async with``."""
        contexts: dict[Place, ssl.SSLContext | None] = {
            Place.PLAIN: None,
            Place.HTTP2: self._trusted.server_context(["127.0.0.1"], alpn=_H2),
            Place.UNTRUSTED: untrusted.server_context(["127.0.0.1"], alpn=_H2),
            Place.OTHER_NAME: self._trusted.server_context(["other.invalid"], alpn=_H2),
        }
        async with contextlib.AsyncExitStack() as stack:
            for place, context in contexts.items():
                server = Listener(self._connected, tls=context, backlog=_BACKLOG)
                self._servers.append(await stack.enter_async_context(server))
                self._ports[place] = server.port
            self._ports[Place.NO_TLS] = self._ports[Place.PLAIN]
            shy = await stack.enter_async_context(Listener(_shy, backlog=_BACKLOG))
            self._ports[Place.SHY_TLS] = shy.port
            deaf = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG))
            self._ports[Place.DEAF] = self._ports[Place.DEAF_TLS] = deaf.getsockname()[1]
            self._ports[Place.FULL] = stack.enter_context(_full())
            with socket.create_server(("127.0.0.1", 0)) as closed:
                self._ports[Place.CLOSED] = closed.getsockname()[1]
            yield

    @property
    def open_lines(self) -> int:
        """How many connections of the proxy's are open here."""
        return sum(server.open_lines for server in self._servers)

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            if writer.get_extra_info("ssl_object") is None:
                while await self._answer(reader, writer):
                    pass
            else:
                await Http2Connection(reader, writer).serve(self._answer2)
        except* (OSError, EOFError, asyncio.LimitOverrunError):
            writer.transport.abort()
        except* h2.exceptions.ProtocolError:
            pass  # what still comes after GOAWAY
        except* Exception as error:  # noqa: BLE001 - the run's end tells of it
            self.faults.append(repr(error))

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> bool:
        """One request on HTTP/1.1; gives whether there may be another."""
        authorization, body = await _request(reader)
        marker, is_stream = _asked(body)
        fault = self._meet(authorization)
        line = Http1Line(reader, writer, marker, is_stream)
        play = fault.play if fault is not None else None
        goes_on = await (play or serve)(line)
        if line.is_worn_out:
            await _request(reader)
            return False
        return goes_on

    async def _answer2(self, message: Message, channel: Channel) -> None:
        """One request on HTTP/2."""
        assert isinstance(channel, Http2Channel)
        fault = self._meet(dict(message.headers)["authorization"])
        with contextlib.suppress(OSError):
            if fault is None:
                await http2.serve(channel, _asked(message.body)[0])
            else:
                await http2.PLAYS[fault.name][0](channel)

    def _meet(self, authorization: str) -> Fault | None:
        fault = self._choose(authorization.partition(" ")[2])
        if fault is None:
            self.served += 1
        else:
            self.played[fault.name] += 1
        return fault


async def _shy(reader: StreamReader, writer: StreamWriter) -> None:
    """Resets the connection as soon as anything is said on it."""
    with contextlib.suppress(OSError):
        await reader.read(1)
    reset_connection(writer)


@contextlib.contextmanager
def _full() -> Iterator[int]:
    """A port whose queue of connections is full: Linux drops what else knocks."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(_KNOCKS):
            knocking = stack.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(server.getsockname())
        yield server.getsockname()[1]


_KNOCKS: Final = 4


async def _request(reader: StreamReader) -> tuple[str, bytes]:
    """Its authorization, and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    pairs = (line.partition(": ") for line in head.split("\r\n")[1:])
    fields = {name.lower(): value for name, _, value in pairs}
    return fields["authorization"], await reader.readexactly(int(fields["content-length"]))


def _asked(body: bytes) -> tuple[str, bool]:
    chat = json.loads(body)
    return str(chat["messages"][-1]["content"]), bool(chat.get("stream"))
