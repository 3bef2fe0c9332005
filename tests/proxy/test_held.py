"""What is held back of an answer says whether its upstream is alive."""

from __future__ import annotations

from typing import Final

import pytest
from mitmproxy import http
from mitmproxy.proxy.layers.http import ResponseHeaders

from addon.proxy.failover.held import HeldAnswer
from tests.support.replies import compressed

CODINGS: Final = [None, "gzip", "deflate", "br", "zstd"]


@pytest.mark.parametrize("coding", CODINGS)
def test_a_comment_is_a_sign_of_life_and_a_byte_of_what_never_ends_is_none(
    coding: str | None,
) -> None:
    fields = {"content-encoding": coding} if coding else {}
    head = http.Response.make(200, b"", fields)
    held = HeldAnswer(ResponseHeaders(1, head), longest=1_000)
    pieces = [b": keep-alive\r\n", b"d", b"a", b"t", b"a: x\n", b"x"]
    alive = []
    for piece in compressed(pieces, coding):
        assert held.feed(piece) is None
        alive.append(held.ended_a_line)
    assert alive == [True, False, False, False, True, False]
