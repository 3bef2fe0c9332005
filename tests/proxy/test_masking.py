"""Tokens taken out of what shows them, wherever it is cut and however it is written."""

from __future__ import annotations

import logging
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.proxy.masking import MaskedStream, TokenFilter, masked

TOKEN: Final = "sk-a/token-that-nobody-should-see-1234"
ESCAPED: Final = TOKEN.replace("/", r"\/")
SHORT: Final = "sk-short"


def through(stream: MaskedStream, pieces: list[bytes]) -> list[bytes]:
    """What mitmproxy would hand on: empty data is the end."""
    return [piece for piece in map(stream, [*pieces, b""]) if piece]


@pytest.mark.parametrize("shown", [TOKEN, ESCAPED], ids=["as it is", "in JSON"])
def test_a_body_is_masked(shown: str) -> None:
    assert masked(f"key {shown}.".encode(), TOKEN) == b"key sk-a...1234."


@given(st.data(), st.sampled_from([TOKEN, ESCAPED, SHORT]))
def test_a_stream_is_masked_wherever_it_is_cut(data: st.DataObject, secret: str) -> None:
    text = f"{secret[:5]}, {secret}{secret} sk-a {secret[:-1]}".encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True) if a < b]

    came = b"".join(through(MaskedStream(SHORT if secret == SHORT else TOKEN), pieces))

    assert secret.encode() not in came
    assert len(came) == len(text)
    assert came.startswith(secret[:5].encode() + b", ")


def test_a_stream_without_a_token_is_handed_on_at_once() -> None:
    stream, pieces = MaskedStream(TOKEN), [b"data: one\n\n", b"data: two\n\n"]
    assert [stream(piece) for piece in pieces] == pieces


LOGGED: Final = {
    f"SendData(server, b'authorization: Bearer {TOKEN}\\r\\n')": (
        "SendData(server, b'authorization: Bearer ***\\r\\n')"
    ),
    f"Http2Client Send headers [(b'authorization', b'Bearer {TOKEN}')]": (
        "Http2Client Send headers [(b'authorization', b'Bearer ***')]"
    ),
    "[h2] <RequestReceived [(b'authorization', b'Bearer somebody-elses')]>": (
        "[h2] <RequestReceived [(b'authorization', b'Bearer ***')]>"
    ),
    rf"DataReceived(server, b'no such key: {TOKEN[:4]}\\/{TOKEN[5:]}')": (
        "DataReceived(server, b'no such key: sk-a...1234')"
    ),
    f"DataReceived(server, b'no such key: {TOKEN[:20]}…": "DataReceived(server, b'no such key: …",
    r"  >> SendData(server, b'\x00\x00\x01 coded')": "  >> SendData(server, binary)",
    "nothing to hide": "nothing to hide",
}


@pytest.mark.parametrize(("message", "expected"), LOGGED.items())
def test_a_debug_line_is_masked(message: str, expected: str) -> None:
    record = logging.LogRecord("any", logging.DEBUG, "", 0, "%s", (message,), None)
    assert TokenFilter(lambda: {TOKEN}).filter(record)
    assert record.getMessage() == expected
