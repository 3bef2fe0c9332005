"""What counts as a sign of life in the middle of a stream: a line, however it ends."""

from __future__ import annotations

from typing import Final

import pytest

from addon.proxy.views.keeping import Keeping
from addon.proxy.views.shelf import Shelf
from tests.proxy.views.exchanges import HELLO, answering, begun, sent
from tests.support.replies import compressed

LONG_AGO: Final = 1.0


@pytest.mark.parametrize(
    ("piece", "is_one"),
    [
        (HELLO[1], True),
        (HELLO[1].replace(b"\n", b"\r"), True),
        (HELLO[1].replace(b"\n", b"\r\n"), True),
        (b": still here\n\n", True),
        (b'data: {"choices"', False),
        (b"x", False),
    ],
)
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_line_is_a_sign_of_life(piece: bytes, encoding: str, *, is_one: bool) -> None:
    exchange = sent(begun(Keeping(Shelf(each=0, in_all=0))))
    first, second = compressed([HELLO[0], piece], encoding) if encoding else (HELLO[0], piece)
    answering(exchange, first, encoding=encoding)
    assert exchange.answer is not None
    exchange.answer.heard_at = LONG_AGO
    exchange.answer(second)
    assert (exchange.answer.heard_at > LONG_AGO) is is_one
