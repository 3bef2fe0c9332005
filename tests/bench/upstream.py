"""The scripted upstream of the bench, a process of its own: ``python -m tests.bench.upstream``.

Its first line is the port; it ends when its standard input does. Each event is a chunk of
HTTP and, where an answer has a pace, a write of its own, as from a service that writes
tokens as they come. It looks at no more of a request than it must: what is right and wrong
in a request is ``tests/support/upstream.py``'s affair.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import re
import selectors
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from tests.bench.answers import Script

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_TARGET: Final = b"POST /v1/chat/completions "

_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"x-request-id: bench\r\ntransfer-encoding: chunked\r\n\r\n"
)
_LAST_CHUNK: Final = b"0\r\n\r\n"
_NOT_FOUND: Final = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"

_GOLDEN: Final = 0.618034
"""Steps of it never meet on a circle: streams that begin together do not stay in step."""


@lru_cache(maxsize=64)
def chunks(script: Script) -> tuple[bytes, ...]:
    """The events as they go out, the last one with the end of the body."""
    framed = [b"%x\r\n%s\r\n" % (len(event), event) for event in script.events()]
    return (*framed[:-1], framed[-1] + _LAST_CHUNK)


@lru_cache(maxsize=64)
def at_once(script: Script) -> bytes:
    """A whole answer in one piece."""
    return _HEAD + b"".join(chunks(script))


class Connection(asyncio.Protocol):
    """One connection: requests in, the answers that they name out."""

    _numbers = itertools.count(1)

    def __init__(self) -> None:
        self._received = bytearray()
        self._needed = 0
        """How long the request is that has begun to arrive; 0: not known yet."""
        self._transport: asyncio.WriteTransport
        self._timer: asyncio.TimerHandle | None = None
        self._number = next(self._numbers)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._needed:
            head = self._received.find(_HEAD_END)
            if head < 0:
                return
            length = _LENGTH.search(self._received, 0, head + 2)
            self._needed = head + len(_HEAD_END) + (int(length[1]) if length else 0)
        if len(self._received) >= self._needed:
            request = bytes(self._received[: self._needed])
            del self._received[: self._needed]
            self._needed = 0
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        script = Script.asked_for(request) if request.startswith(_TARGET) else None
        if script is None:
            self._transport.write(_NOT_FOUND)
        elif not script.per_second:
            self._transport.write(at_once(script))
        else:
            first, *rest = chunks(script)
            self._transport.write(_HEAD + first)
            interval = 1 / script.per_second
            phase = self._number * _GOLDEN % 1
            begin = asyncio.get_running_loop().time() + phase * interval
            self._pace(iter(rest), begin, interval)

    def _pace(self, rest: Iterator[bytes], at: float, interval: float) -> None:
        """Write what is ``rest``, a piece each ``interval`` from the loop's time ``at`` on."""
        loop = asyncio.get_running_loop()

        def write_next() -> None:
            nonlocal at
            piece = next(rest, None)
            if piece is not None:
                self._transport.write(piece)
                at += interval
                self._timer = loop.call_at(at, write_next)

        self._timer = loop.call_at(at, write_next)


async def serve() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - whoever started us reads it
    over = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), over.set)
    await over.wait()


def fine_timed_loop() -> asyncio.AbstractEventLoop:
    """A loop whose timers are good to microseconds: epoll and poll count milliseconds."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    gc.disable()
    with asyncio.Runner(loop_factory=fine_timed_loop) as runner:
        runner.run(serve())
