"""What an HTTP/2 upstream can do beside: streams that are reset, connections that are given up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import h2.errors

from tests.storm.weather import Expected, Fault, Place, answer
from tests.support.wire import Http2Channel

Play2 = Callable[[Http2Channel], Awaitable[None]]

_HEAD: Final = [("content-type", "text/event-stream")]


async def serve(channel: Http2Channel, marker: str) -> None:
    """As it should be."""
    await channel.head(200, _HEAD)
    for piece in answer(marker):
        await channel.data(piece)
    await channel.end()


async def _begin(channel: Http2Channel) -> None:
    await channel.head(200, _HEAD)
    for piece in answer("half")[:3]:
        await channel.data(piece)


async def _refuse_stream(channel: Http2Channel) -> None:
    """RST_STREAM with REFUSED_STREAM: it was not looked at (RFC 9113 §8.7)."""
    channel.connection.h2.reset_stream(channel.stream_id, h2.errors.ErrorCodes.REFUSED_STREAM)
    await channel.connection.flush()


async def _reset(channel: Http2Channel) -> None:
    await channel.cut()


async def _reset_after_head(channel: Http2Channel) -> None:
    await channel.head(200, _HEAD)
    await channel.cut()


async def _reset_in_mid_stream(channel: Http2Channel) -> None:
    await _begin(channel)
    await channel.cut()


async def _go_away(channel: Http2Channel) -> None:
    """GOAWAY that knows of no stream, and nothing after it."""
    channel.connection.h2.close_connection(last_stream_id=0)
    await channel.connection.flush()


async def _go_away_in_anger(channel: Http2Channel) -> None:
    channel.connection.h2.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
    await channel.connection.flush()
    channel.connection.abort()


async def _go_away_in_mid_stream(channel: Http2Channel) -> None:
    await _begin(channel)
    await _go_away(channel)


async def _abort(channel: Http2Channel) -> None:
    channel.connection.abort()


async def _abort_in_mid_stream(channel: Http2Channel) -> None:
    await _begin(channel)
    await channel.connection.wait_until_read()  # a reset takes along what lies unread
    channel.connection.abort()


async def _hang(channel: Http2Channel) -> None:
    await channel.gone.wait()


async def _hang_in_mid_stream(channel: Http2Channel) -> None:
    await _begin(channel)
    await channel.gone.wait()


async def _end_early(channel: Http2Channel) -> None:
    await _begin(channel)
    await channel.end()


PLAYS: Final[dict[str, tuple[Play2, Expected]]] = {
    "h2 RST_STREAM": (_reset, Expected.SERVED),
    "h2 REFUSED_STREAM": (_refuse_stream, Expected.SERVED),
    "h2 RST_STREAM after the head": (_reset_after_head, Expected.SERVED),
    "h2 GOAWAY": (_go_away, Expected.SERVED),
    "h2 GOAWAY and RST": (_go_away_in_anger, Expected.SERVED),
    "h2 connection reset": (_abort, Expected.SERVED),
    "h2 silence": (_hang, Expected.SERVED),
    "h2 RST_STREAM in mid-stream": (_reset_in_mid_stream, Expected.FAILED),
    "h2 GOAWAY in mid-stream": (_go_away_in_mid_stream, Expected.FAILED),
    "h2 connection reset in mid-stream": (_abort_in_mid_stream, Expected.FAILED),
    "h2 silence in mid-stream": (_hang_in_mid_stream, Expected.FAILED),
    "h2 end without a finish": (_end_early, Expected.FAILED),
}

FAULTS2: Final = tuple(
    Fault(name, None, expected, Place.HTTP2) for name, (_, expected) in PLAYS.items()
)
