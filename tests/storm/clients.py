"""Clients by the thousand: raw HTTP/1.1 on asyncio, and what each of them has in the end.

They do no more than take bytes off the wire. What these are worth is judged afterwards, all by the
oracle; answers that differ in nothing but ids and times are judged once.
"""

from __future__ import annotations

import asyncio
import enum
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx2

from tests.support.oracle import check_response, check_stream

SAFETY_SECONDS: Final = 60.0
"""How long a client waits before the run is given up: a net, never a pace."""


class Ending(enum.StrEnum):
    """How a client's request ended."""

    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    REFUSED = "refused"
    """An HTTP error in OpenAI's shape."""
    LEFT = "left"
    """By the client itself."""
    BROKEN = "broken"
    """Not as any client could make sense of."""


@dataclass(slots=True)
class Came:
    """What came of one request."""

    marker: str
    model: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    has_left: bool = False
    fault: str = ""
    """Why it is not whole."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request ended in, and what is wrong with that."""

    ending: Ending
    why: str = ""


class Client:
    """One connection, kept alive for as long as both sides like."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self,
        marker: str,
        model: str,
        *,
        is_stream: bool = True,
        patience: float | None = None,
    ) -> Came:
        """The answer; who has ``patience`` leaves after so many seconds."""
        came = Came(marker, model)
        body = json.dumps({"model": model, "input": marker, "stream": is_stream}).encode()
        head = (
            "POST /v1/responses HTTP/1.1\r\nhost: portal.qwen.ai\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(SAFETY_SECONDS if patience is None else patience):
                reader, writer = await self._connected()
                writer.write(head.encode() + body)
                await _read(reader, came)
        except TimeoutError:
            came.has_left = patience is not None
            came.fault = "nothing came for very long"
            self._abort()
        except (OSError, EOFError, ValueError) as error:
            came.fault = repr(error)
            self._abort()
        return came

    def close(self) -> None:
        """Leave, in good manners."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and self._streams[0].at_eof():
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self._streams

    def _abort(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def ask_over_http2(client: httpx2.AsyncClient, marker: str, model: str) -> Came:
    """The same on one stream of a client that has many."""
    came = Came(marker, model)
    body = {"model": model, "input": marker, "stream": True}
    try:
        async with client.stream("POST", _PORTAL, json=body) as response:
            assert response.http_version == "HTTP/2"
            came.status, came.headers = response.status_code, dict(response.headers)
            async for piece in response.aiter_raw():
                came.body += piece
    except httpx2.TransportError as error:
        came.fault = repr(error)
    return came


_PORTAL: Final = "https://portal.qwen.ai/v1/responses"


async def _read(reader: asyncio.StreamReader, came: Came) -> None:
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    came.status = int(status_line.split(" ")[1])
    pairs = (line.partition(":") for line in lines if line)
    came.headers = {name.lower(): value.strip() for name, _, value in pairs}
    if came.headers.get("transfer-encoding") != "chunked":
        came.body += await reader.readexactly(int(came.headers["content-length"]))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        came.body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise ValueError("a chunk has no end")
    await reader.readuntil(b"\r\n")


class Judge:
    """Says what answers are worth."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], Verdict] = {}

    def verdict(self, came: Came) -> Verdict:
        """On one of them; what belongs to another client is as bad as what is not whole."""
        if came.has_left:
            return Verdict(Ending.LEFT)
        if came.fault:
            return Verdict(Ending.BROKEN, f"{came.fault} after {came.status} {bytes(came.body)!r}")
        mine, raw = came.marker.encode(), bytes(came.body)
        if strange := {*_MARKER.findall(raw)} - {mine}:
            return Verdict(Ending.BROKEN, f"{mine!r} got the words of {strange}")
        likeness = came.status, _nameless(raw)
        verdict = self._known.get(likeness)
        if verdict is None:
            verdict = self._known[likeness] = _judged(came, raw)
        if verdict.ending is Ending.COMPLETED and mine not in raw:
            return Verdict(Ending.BROKEN, "a whole answer without its words")
        return verdict


_MARKER: Final = re.compile(rb"marker-\d+")
_VARYING: Final = re.compile(
    rb'"(?:[a-z]+_)[0-9A-Za-z-]{16,}"|marker-\d+|(?<=_at": )[0-9.]+|(?<=_at":)[0-9.]+'
)


def _nameless(raw: bytes) -> bytes:
    """``raw`` with each id, time and marker replaced by the number of its first appearance."""
    seen: dict[bytes, bytes] = {}
    named: Callable[[re.Match[bytes]], bytes] = lambda found: seen.setdefault(  # noqa: E731
        found[0], b"#%d" % len(seen)
    )
    return _VARYING.sub(named, raw)


def _judged(came: Came, raw: bytes) -> Verdict:
    try:
        if came.status == 200:
            return Verdict(Ending(str(_response(came, raw)["status"])))
        told = json.loads(raw)
        assert {*told["error"]} == {"message", "type", "param", "code"}, told
    except (AssertionError, ValueError, KeyError, TypeError) as error:
        return Verdict(Ending.BROKEN, f"{came.status} {error}")
    return Verdict(Ending.REFUSED, f"{came.status} {told['error']['code']}")


def _response(came: Came, raw: bytes) -> dict[str, object]:
    if came.headers.get("content-type", "").startswith("text/event-stream"):
        return check_stream(raw).response
    return check_response(json.loads(raw))
