"""Server-sent events, cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.translate.sse import SseDecoder
from tests.support.strategies import splits


def data_of(*chunks: bytes) -> list[bytes]:
    decoder = SseDecoder()
    return [data for chunk in chunks for data in decoder.feed(chunk)] + decoder.finish()


CASES: list[tuple[str, bytes, list[bytes]]] = [
    ("two events", b"data: 1\n\ndata: 2\n\n", [b"1", b"2"]),
    ("CRLF", b"data: 1\r\n\r\ndata: 2\r\n\r\n", [b"1", b"2"]),
    ("CR alone", b"data: 1\r\rdata: 2\r\r", [b"1", b"2"]),
    ("no space", b"data:1\n\n", [b"1"]),
    ("comments", b": hello\n\ndata: 1\n: in between\n\n:\n\n", [b"1"]),
    ("other fields", b"event: x\nid: 7\nretry: 1\ndata: 1\n\nevent: y\n\n", [b"1"]),
    ("several data lines", b"data: {\ndata: }\n\n", [b"{\n}"]),
    ("a byte order mark", b"\xef\xbb\xbfdata: 1\n\n", [b"1"]),
    ("a last event without its blank line", b"data: 1\n\ndata: 2", [b"1", b"2"]),
    ("nothing", b"", []),
    ("blank lines", b"\n\n\n\ndata: 1\n\n\n\n", [b"1"]),
]


@pytest.mark.parametrize(("raw", "expected"), [row[1:] for row in CASES], ids=[r[0] for r in CASES])
def test_the_data_of_every_event_comes_out(raw: bytes, expected: list[bytes]) -> None:
    assert data_of(raw) == expected
    assert data_of(*(raw[i : i + 1] for i in range(len(raw)))) == expected


_LINES = st.sampled_from(
    [b"data: a", b"data:b", b"data: \xe4\xbd\xa0", b": c", b"event: d", b"", b"data", b"x"]
)
_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(_LINES, _ENDS), max_size=30), st.data())
def test_any_split_gives_the_same_events(
    lines: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    raw = b"".join(line + end for line, end in lines)
    chunks = data.draw(splits(raw))
    assert data_of(*chunks) == data_of(raw)


def test_a_large_event_in_small_pieces_comes_out_whole() -> None:
    payload = b"x" * 1_000_000
    raw = b"data: " + payload + b"\n\n"
    assert data_of(*(raw[i : i + 1000] for i in range(0, len(raw), 1000))) == [payload]
