"""Bodies in chunks are read as h11 reads them, however they are cut to reads."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Final

import pytest
from h11 import EndOfMessage, ProtocolError
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from hypothesis import example, given
from hypothesis import strategies as st

from addon.proxy.failover.chunks import PatientChunkedReader

ENDED: Final = "ended"

SIZES = st.sampled_from(["%x", "%X", "00%x", "%x;name=value", '%x;q="a b"', "%x \t"])
CHUNKS = st.builds(
    lambda size, data: (size % len(data)).encode() + b"\r\n" + data + b"\r\n",
    SIZES,
    st.one_of(st.binary(min_size=1, max_size=40), st.just(b"0\r\n\r\n"), st.just(b"\r\n" * 9)),
)
ENDS = st.sampled_from([b"0\r\n\r\n", b"0\r\nx-sum: 1\r\n\r\n", b"000\r\n\r\nHTTP/1.1 200 OK", b""])
BODIES = st.builds(lambda chunks, end: b"".join(chunks) + end, st.lists(CHUNKS, max_size=6), ENDS)
BROKEN = st.builds(
    lambda body, at, junk: body[: at % (len(body) + 1)] + junk + body[at % (len(body) + 1) :],
    BODIES,
    st.integers(0, 500),
    st.one_of(
        st.binary(min_size=1, max_size=4), st.sampled_from([b"\r", b"\n", b"g", b"-1", b"+"])
    ),
)


def read(
    reader: ChunkedReader, reads: Iterable[bytes], *, takes_reads: bool = False
) -> tuple[bytes, str, bytes]:
    """The data, how it ended if it did, and what was not read; as mitmproxy goes about it.

    Or as our client's end does, which ``takes_reads`` that are whole chunks as they are.
    """
    buf = ReceiveBuffer()
    data = bytearray()
    for each in reads:
        if takes_reads and not buf:
            assert isinstance(reader, PatientChunkedReader)
            if piece := reader.only_chunks(each):
                data += piece
                continue
        buf += each
        try:
            while (event := reader(buf)) is not None:
                if isinstance(event, EndOfMessage):
                    return bytes(data), ENDED, bytes(buf)
                data += event.data
        except ProtocolError as error:
            # the rest is not read by anybody; the numbers in the words differ with the cut
            return bytes(data), type(error).__name__, b""
    return bytes(data), "", bytes(buf)


def cut(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = [0, *sorted({place % (len(body) + 1) for place in cuts}), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(places)]


@given(body=st.one_of(BODIES, BROKEN), cuts=st.lists(st.integers(0, 10_000), max_size=5))
@example(body=b"5\r\nhello\r\n0\r\n\r\n", cuts=[])
@example(body=b"5\r\nhelloX\r\n", cuts=[])
@example(body=b"5\r\nhello\r", cuts=[])
@example(body=b"1\r\na\r\n-1\r\nb\r\n", cuts=[])
def test_what_is_read_is_what_h11_reads(body: bytes, cuts: list[int]) -> None:
    reads = cut(body, cuts)
    data, how, rest = read(ChunkedReader(), reads)
    assert read(PatientChunkedReader(), reads) == (data, how, rest)
    assert read(PatientChunkedReader(), reads, takes_reads=True) == (data, how, rest)


def test_whole_chunks_are_taken_out_together() -> None:
    reader, buf = PatientChunkedReader(), ReceiveBuffer()
    buf += b"3\r\none\r\n3\r\ntwo\r\n5\r\nth"
    event = reader(buf)
    assert event is not None
    assert not isinstance(event, EndOfMessage)
    assert bytes(event.data) == b"onetwo"
    assert bytes(buf) == b"5\r\nth"


def test_trailers_are_passed_over() -> None:
    reader, buf = PatientChunkedReader(), ReceiveBuffer()
    buf += b"0\r\nx-sum: 1\r\n\r\n"
    event = reader(buf)
    assert isinstance(event, EndOfMessage)
    assert not event.headers


@pytest.mark.parametrize("size", [b"fffffffff", b"1_0", b" 1", b"0x1", b""])
def test_a_size_that_is_none_of_ours_is_h11s(size: bytes) -> None:
    body = size + b"\r\n" + b"a" * 20
    assert read(PatientChunkedReader(), [body]) == read(ChunkedReader(), [body])
