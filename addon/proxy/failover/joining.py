"""What one read of an upstream's body brings goes through mitmproxy in one piece.

An upstream that streams sends each event as a chunk of its own (RFC 9112 §7.1), and mitmproxy
hands on chunk by chunk: all of its layers, a call of the stream's function and a write to the
client for each. When events come faster than that, many of them are there at each read. They
go on at the same moment either way; in one piece they pass the layers once.
"""

from __future__ import annotations

from collections.abc import Iterable

from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.layers.http import ReceiveHttp, ResponseData


def joined(steps: Iterable[commands.Command]) -> layer.CommandGenerator[None]:
    """``steps`` of reading a body, with pieces that follow each other as one."""
    pieces: list[ResponseData] = []
    for command in steps:
        event = command.event if isinstance(command, ReceiveHttp) else None
        if isinstance(event, ResponseData):
            pieces.append(event)
            continue
        yield from _together(pieces)
        pieces = []
        yield command
    yield from _together(pieces)


def _together(pieces: list[ResponseData]) -> layer.CommandGenerator[None]:
    if pieces:
        data = b"".join([piece.data for piece in pieces])
        yield ReceiveHttp(ResponseData(pieces[0].stream_id, data))
