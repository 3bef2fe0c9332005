"""What a scripted upstream may do with one request, down to the byte.

A ``Reply`` is a value: status, headers, the pieces of the body, and how it ends. The builders make
the usual ones. Playing it on a connection is ``play``'s part.
"""

from __future__ import annotations

import asyncio
import enum
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

import brotli
import zstandard

from tests.support.wire import Channel

SAFETY_SECONDS: Final = 20.0
"""How long anything in the rig waits before the test is given up: a net, never a pace."""


_INTERIM_HEADERS: Final = (("link", "</style.css>; rel=preload"),)
"""As of early hints (RFC 8297); on another status they mean nothing."""


class Ending(enum.Enum):
    """How a reply ends once its pieces are sent."""

    CLEAN = "as HTTP says it must"
    CUT = "broken off: the connection is closed (1.1), the stream is reset (2)"
    RESET = "broken off with a TCP RST"
    HANG = "not at all, until the client goes"


class Gate:
    """A place in a reply where the upstream waits until the test opens it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._opened = asyncio.Event()

    def open(self) -> None:
        """Let the reply go on. Callable from any thread."""
        self._loop.call_soon_threadsafe(self._opened.set)

    async def passed(self) -> None:
        """Wait until the gate is open."""
        await asyncio.wait_for(self._opened.wait(), 2 * SAFETY_SECONDS)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the upstream does with one request."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    pieces: tuple[bytes | Gate, ...] = ()
    """Each bytes is one chunk (HTTP/1.1) or DATA frame (HTTP/2)."""
    ending: Ending = Ending.CLEAN
    has_head: bool = True
    """False: the ending comes before the status line."""
    interim: tuple[int, ...] = ()
    """Statuses of the informational answers (1xx, RFC 9110 §15.2) that come before the head."""

    def __post_init__(self) -> None:
        assert self.has_head or self.ending is not Ending.CLEAN, "a clean reply has a head"


def json_reply(
    payload: object,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> Reply:
    """A plain JSON answer with its ``content-length``."""
    (body,) = compressed([json.dumps(payload, ensure_ascii=False).encode()], encoding)
    fields = {"content-type": "application/json", "content-length": str(len(body))}
    return Reply(status, _headers(fields, headers, encoding), (body,))


def stream_reply(
    pieces: Iterable[bytes | Gate],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    encoding: str | None = None,
    ending: Ending = Ending.CLEAN,
) -> Reply:
    """An event stream, each piece sent by itself. ``encoding``: gzip, deflate, br or zstd."""
    given = list(pieces)
    assert encoding is None or not any(isinstance(piece, Gate) for piece in given)
    body: Sequence[bytes | Gate] = (
        given if encoding is None else compressed(cast(list[bytes], given), encoding)
    )
    fields = {"content-type": "text/event-stream; charset=utf-8"}
    return Reply(status, _headers(fields, headers, encoding), tuple(body), ending)


def refusal(
    status: int, code: str | None, message: str, *, headers: Mapping[str, str] | None = None
) -> Reply:
    """An error in OpenAI's shape, as the services write it."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return json_reply({"error": error}, status, headers=headers)


def broken(ending: Ending) -> Reply:
    """No answer at all: the connection ends, or stays silent, before the status line."""
    return Reply(ending=ending, has_head=False)


def _headers(
    fields: Mapping[str, str], more: Mapping[str, str] | None, encoding: str | None
) -> tuple[tuple[str, str], ...]:
    coded = {"content-encoding": encoding} if encoding else {}
    return tuple({**fields, **coded, **(more or {})}.items())


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self, mode: int = ..., /) -> bytes: ...


def compressed(pieces: Sequence[bytes], encoding: str | None) -> list[bytes]:
    """``pieces`` in a content coding, flushed so that each can be read as soon as it is there."""
    match encoding:
        case None:
            return list(pieces)
        case "br":
            brotli_coder = brotli.Compressor()
            coded = [brotli_coder.process(piece) + brotli_coder.flush() for piece in pieces]
            return [*coded[:-1], coded[-1] + brotli_coder.finish()]
        case "zstd":
            coder = cast(_Compressor, zstandard.ZstdCompressor().compressobj())
            return _flushed(pieces, coder, zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        case "gzip" | "deflate":
            bits = zlib.MAX_WBITS + (16 if encoding == "gzip" else 0)
            coder = cast(_Compressor, zlib.compressobj(wbits=bits))
            return _flushed(pieces, coder, zlib.Z_SYNC_FLUSH)
        case _:
            raise ValueError(encoding)


def _flushed(pieces: Sequence[bytes], coder: _Compressor, mode: int) -> list[bytes]:
    coded = [coder.compress(piece) + coder.flush(mode) for piece in pieces]
    return [*coded[:-1], coded[-1] + coder.flush()]


async def play(reply: Reply, channel: Channel) -> None:
    """Send ``reply`` piece by piece. Raises ConnectionError when the client has gone."""
    for status in reply.interim:
        await channel.interim(status, _INTERIM_HEADERS)
    if reply.has_head:
        await channel.head(reply.status, reply.headers)
        for piece in reply.pieces:
            if isinstance(piece, Gate):
                await piece.passed()
            else:
                await channel.data(piece)
    match reply.ending:
        case Ending.CLEAN:
            await channel.end()
        case Ending.CUT:
            await channel.cut()
        case Ending.RESET:
            await channel.reset()
        case Ending.HANG:
            await channel.gone.wait()
            raise ConnectionResetError
