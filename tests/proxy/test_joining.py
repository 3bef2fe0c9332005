"""What one read brings goes on in one piece, in the order in which it came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from mitmproxy.connection import Server
from mitmproxy.proxy.commands import CloseConnection, Command
from mitmproxy.proxy.layers.http import ReceiveHttp, ResponseData, ResponseEndOfMessage

from addon.proxy.failover.joining import joined

STREAM_ID = 7


def steps(*brought: bytes | None) -> Iterator[Command]:
    """Pieces of a body; None is its end."""
    for data in brought:
        end = ResponseEndOfMessage(STREAM_ID)
        yield ReceiveHttp(end if data is None else ResponseData(STREAM_ID, data))


def told(commands: Iterator[Command]) -> list[bytes | None]:
    found: list[bytes | None] = []
    for command in commands:
        assert isinstance(command, ReceiveHttp)
        assert command.event.stream_id == STREAM_ID
        found.append(command.event.data if isinstance(command.event, ResponseData) else None)
    return found


@pytest.mark.parametrize(
    ("brought", "expected"),
    [
        ((), []),
        ((b"a",), [b"a"]),
        ((b"a", b"b", b"c"), [b"abc"]),
        ((b"a", b"b", None), [b"ab", None]),
        ((None,), [None]),
        ((b"a", None, b"b", b"c"), [b"a", None, b"bc"]),
    ],
)
def test_pieces_that_follow_each_other_are_one(
    brought: Sequence[bytes | None], expected: list[bytes | None]
) -> None:
    assert told(joined(steps(*brought))) == expected


def test_what_comes_between_pieces_stays_between_them() -> None:
    close = CloseConnection(Server(address=None))

    def broken() -> Iterator[Command]:
        yield from steps(b"a", b"b")
        yield close
        yield from steps(b"c")

    first, between, last = joined(broken())
    assert told(iter((first, last))) == [b"ab", b"c"]
    assert between is close
