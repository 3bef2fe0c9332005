"""What an upstream can do to a request, down to the byte, and what the client must see of it.

Everything that the rows of the failover's table know, and what a broken line adds. A fault is a
coroutine that plays on a ``Line``; it may wait, but only for the other side to hang up.
"""

from __future__ import annotations

import asyncio
import enum
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from tests.support.chat import completion, events, sse, text_stream


class Expected(enum.Enum):
    """What a client whose request meets the fault on one account must get."""

    SERVED = "the whole answer, whoever gave it"
    FAILED = "response.failed, after what had come"
    REFUSED = "the refusal, in OpenAI's shape"


class Place(enum.Enum):
    """Where an account's base URL leads."""

    PLAIN = enum.auto()
    HTTP2 = enum.auto()
    UNTRUSTED = enum.auto()
    """TLS with a certificate that nobody trusts."""
    OTHER_NAME = enum.auto()
    """TLS with the certificate of another host."""
    NO_TLS = enum.auto()
    """https to a port that speaks plain HTTP."""
    DEAF_TLS = enum.auto()
    """https to a port that never says anything."""
    SHY_TLS = enum.auto()
    """https to a port that resets what says hello."""
    CLOSED = enum.auto()
    """Nobody listens there."""
    FULL = enum.auto()
    """Nobody takes connections any more, nor refuses them."""
    DEAF = enum.auto()
    """Connections are taken, and nothing is ever said."""
    NAMELESS = enum.auto()
    """A host that has no address."""


class Credential(enum.Enum):
    """What the account holds that meets the fault."""

    KEY = enum.auto()
    SIGN_IN = enum.auto()
    """A token, and what renews it: the new token is good."""
    ENDED = enum.auto()
    """The same, but the person's sign-in is over: it cannot be renewed."""


class Line(Protocol):
    """The way back to the proxy for one request."""

    marker: str
    """What the request asked; the answer must repeat it."""
    is_stream: bool

    async def say(self, data: bytes) -> None:
        """These bytes on the wire."""

    async def hang(self) -> None:
        """Nothing more, until the other side hangs up."""

    def is_gone(self) -> bool:
        """Whether the other side has hung up."""

    def half_close(self) -> None:
        """FIN, while the other direction stays open."""

    def reset(self) -> None:
        """RST."""

    def wear_out(self) -> None:
        """The next request on this connection is answered by its end."""


Play = Callable[[Line], Awaitable[bool]]
"""Gives whether the connection may carry another request."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong."""

    name: str
    play: Play | None
    expected: Expected = Expected.SERVED
    place: Place = Place.PLAIN
    credential: Credential = Credential.KEY
    has_expired: bool = False
    """Whether the token is known to be dead, so that no request is sent with it."""

    @property
    def arrives(self) -> bool:
        """Whether requests that meet it reach an upstream which can count them."""
        return self.play is not None or self.place is Place.HTTP2

    @property
    def is_silent(self) -> bool:
        """Whether it takes as long as a time-out."""
        return any(word in self.name for word in ("silence", "slow loris", "deaf", "full"))

    @property
    def model(self) -> str:
        """The model that only this fault's accounts serve."""
        return "model-of-" + self.name.replace(" ", "-")


def answer(marker: str) -> list[bytes]:
    """The events of a whole answer."""
    return events(text_stream(marker, *(f" word {number}" for number in range(4))))


def chunked(data: bytes) -> bytes:
    """``data`` as one chunk of a body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


DRIBBLE_SECONDS: Final = 0.05
"""Between two bytes of a slow loris."""

LAST_CHUNK: Final = b"0\r\n\r\n"
SSE_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED: Final = SSE_HEAD + b"transfer-encoding: chunked\r\n\r\n"


def whole(status: int, payload: object, *headers: str) -> bytes:
    """A whole answer with its length."""
    body = json.dumps(payload).encode()
    lines = [f"HTTP/1.1 {status} So", "content-type: application/json", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def error(code: str | None, message: str) -> dict[str, object]:
    """OpenAI's shape."""
    return {"error": {"message": message, "type": "x", "param": None, "code": code}}


async def serve(line: Line) -> bool:
    """As it should be."""
    if not line.is_stream:
        await line.say(whole(200, completion(line.marker)))
        return True
    await line.say(CHUNKED)
    for piece in answer(line.marker):
        await line.say(chunked(piece))
        await asyncio.sleep(0)
    await line.say(LAST_CHUNK)
    return True


def says(data: bytes, *, stays: bool = False) -> Play:
    """This, and FIN; or, where it ``stays``, the next request."""

    async def play(line: Line) -> bool:
        await line.say(data)
        return stays

    return play


async def wear_out(line: Line) -> bool:
    """A refusal after which the connection looks as if it could be used again."""
    line.wear_out()
    await line.say(REFUSALS["500"])
    return True


def resets(data: bytes = b"") -> Play:
    """This, and RST."""

    async def play(line: Line) -> bool:
        if data:
            await line.say(data)
        line.reset()
        return False

    return play


def stalls(data: bytes = b"") -> Play:
    """This, and silence."""

    async def play(line: Line) -> bool:
        if data:
            await line.say(data)
        await line.hang()
        return False

    return play


def half_closes(data: bytes = b"") -> Play:
    """This, FIN, and a socket that stays open all the same."""

    async def play(line: Line) -> bool:
        if data:
            await line.say(data)
        line.half_close()
        await line.hang()
        return False

    return play


def dribbles(data: bytes) -> Play:
    """This, then one byte after the other of what never ends."""

    async def play(line: Line) -> bool:
        await line.say(data)
        while not line.is_gone():
            await line.say(b"x")
            await asyncio.sleep(DRIBBLE_SECONDS)
        return False

    return play


async def serve_by_the_byte(line: Line) -> bool:
    """A whole answer, in the smallest pieces there are."""
    data = CHUNKED + b"".join(chunked(piece) for piece in answer(line.marker)) + LAST_CHUNK
    for number in range(len(data)):
        await line.say(data[number : number + 1])
        if number % 16 == 0:
            await asyncio.sleep(0)
    return True


REFUSALS: Final[Mapping[str, bytes]] = {
    "401 to a key": whole(401, error(None, "invalid access token or token expired")),
    "403 quota": whole(403, error("insufficient_quota", "Free allocated quota exceeded.")),
    "403 wrong key": whole(403, error(None, "invalid api-key")),
    "403 hours": whole(403, error(None, "hour allocated quota exceeded")),
    "402 balance": whole(402, error("Arrearage", "Overdue payment.")),
    "429 with its time": whole(429, error("rate_limit_exceeded", "Slow."), "retry-after: 60"),
    "429 without": whole(429, error("Throttling", "Slow.")),
    "429 of one model": whole(429, error("model_busy", "Slow."), "retry-after: 60"),
    "408": whole(408, error(None, "You were slow.")),
    "500": whole(500, error(None, "The engine fell over.")),
    "503 as a page": (
        b"HTTP/1.1 503 No\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"
    ),
    "error as first event": CHUNKED + chunked(sse(error("x", "No."))) + LAST_CHUNK,
}
"""Answered in full: the connection could go on."""

HALF: Final = answer("half")[2]
"""An event of text; it says nothing of whose it is."""
BEGUN: Final = CHUNKED + chunked(answer("half")[0]) + chunked(HALF)

BEFORE: Final[Mapping[str, Play]] = {
    "reset": resets(),
    "closed": says(b""),
    "silence": stalls(),
    "half closed": half_closes(),
    "half closed in the head": half_closes(SSE_HEAD[:-9]),
    "slow loris in the head": dribbles(SSE_HEAD + b"x-never: "),
    "slow loris in a refusal": dribbles(b"HTTP/1.1 500 No\r\ncontent-length: 99999\r\n\r\n{"),
    "slow loris in the first event": dribbles(SSE_HEAD + b"\r\n"),
    "slow loris in an answer in one piece": dribbles(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999\r\n\r\n{"
    ),
    "garbage": says(b"\x16\x03\x01\r\n\r\n\0\xff garbage"),
    "head and nothing more": says(CHUNKED),
    "head and silence": stalls(CHUNKED),
    "no event at all": says(CHUNKED + LAST_CHUNK),
    "two lengths": says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
    "a length that is none": says(b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\n{}"),
    "refusal shorter than its length": says(b"HTTP/1.1 500 No\r\ncontent-length: 99\r\n\r\n{"),
    "refusal longer than its length": says(
        b'HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\n{}{"more": true}'
    ),
    "stream shorter than its length, at once": says(SSE_HEAD + b"content-length: 999\r\n\r\n"),
    "cut in a chunk header, at once": says(CHUNKED + b"1"),
    "cut in a chunk, at once": says(CHUNKED + b"ff\r\ndata: {"),
    "reset after the head": resets(CHUNKED),
    "kept connection that is closed under the next": wear_out,
}
"""Broken before the first byte that could go to the client."""

AFTER: Final[Mapping[str, Play]] = {
    "cut": says(BEGUN),
    "reset in mid-stream": resets(BEGUN),
    "silence in mid-stream": stalls(BEGUN),
    "slow loris in mid-stream": dribbles(SSE_HEAD + b"content-length: 9999\r\n\r\n" + HALF),
    "half closed in mid-stream": half_closes(BEGUN),
    "cut in a chunk header": says(BEGUN + b"1"),
    "cut after a chunk header": says(BEGUN + b"ff\r\n"),
    "cut in a chunk": says(BEGUN + b"ff\r\ndata: {"),
    "garbage for a chunk header": says(BEGUN + b"ZZ\r\n"),
    "stream shorter than its length": says(SSE_HEAD + b"content-length: 9999\r\n\r\n" + HALF),
    "stream longer than its length": says(
        SSE_HEAD + b"content-length: %d\r\n\r\n%s%s" % (len(HALF), HALF, HALF)
    ),
    "error in mid-stream": says(BEGUN + chunked(sse(error("x", "No."))) + LAST_CHUNK, stays=True),
    "end without a finish": says(BEGUN + LAST_CHUNK, stays=True),
}
"""Broken once an event had gone to the client."""

PLACES: Final[Mapping[str, Place]] = {
    "certificate that nobody trusts": Place.UNTRUSTED,
    "certificate of another host": Place.OTHER_NAME,
    "no TLS where TLS belongs": Place.NO_TLS,
    "deaf in TLS": Place.DEAF_TLS,
    "reset in TLS": Place.SHY_TLS,
    "connection refused": Place.CLOSED,
    "full": Place.FULL,
    "deaf": Place.DEAF,
    "no such host": Place.NAMELESS,
}
"""Where no request arrives."""

NAMES: Final[Mapping[Credential, str]] = {
    Credential.SIGN_IN: "can be renewed",
    Credential.ENDED: "cannot be renewed",
}

OF_THE_REQUEST: Final = (400, 404, 413, 422)


def _all() -> Iterator[Fault]:
    for name, data in REFUSALS.items():
        yield Fault(name, says(data, stays=True))
    for name, play in BEFORE.items():
        yield Fault(name, play)
    for name, play in AFTER.items():
        yield Fault(name, play, Expected.FAILED)
    for status in OF_THE_REQUEST:
        data = whole(status, error("some_code", "No."))
        yield Fault(f"{status}", says(data, stays=True), Expected.REFUSED)
    yield Fault("served by the byte", serve_by_the_byte)
    for name, place in PLACES.items():
        yield Fault(name, None, place=place)
    dead = says(REFUSALS["401 to a key"], stays=True)
    for credential, name in NAMES.items():
        yield Fault(f"401 to a token that {name}", dead, credential=credential)
        expired = f"expired token that {name}"
        yield Fault(expired, None, credential=credential, has_expired=True)


FAULTS: Final = tuple(_all())
"""All that are played on a line of HTTP/1.1, or on none; those of HTTP/2 are in ``http2``."""
