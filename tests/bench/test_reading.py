"""The load client counts what came, wherever reads and chunks end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.reading import AnswerReader, BadAnswer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = (b'data: {"a": "b"}\n\n', b"event: c\ndata: {}\n\n", b"data: [DONE]\n\n")


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks) + b"0\r\n\r\n"


def pieces(data: bytes, ends: set[int]) -> list[bytes]:
    cuts = [0, *sorted(ends), len(data)]
    return [data[start:end] for start, end in pairwise(cuts) if start < end]


@given(st.data())
def test_events_are_counted_however_chunks_and_reads_are_cut(data: st.DataObject) -> None:
    events = data.draw(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=8))
    body = b"".join(events)
    answer = HEAD + chunked(*pieces(body, data.draw(st.sets(st.integers(1, len(body))))))
    reads = pieces(answer, data.draw(st.sets(st.integers(1, len(answer)))))
    reader = AnswerReader()
    for read in reads:
        assert not reader.is_over
        reader.feed(read)
    assert reader.is_over
    assert reader.events == len(events)


def test_an_answer_has_begun_with_the_first_byte_of_its_body() -> None:
    reader = AnswerReader()
    begun = []
    for read in (HEAD + b"5\r\n", b"d"):
        reader.feed(read)
        begun.append((reader.has_begun, reader.events))
    assert begun == [(False, 0), (True, 0)]


def test_the_next_answer_on_a_connection_is_counted_anew() -> None:
    reader = AnswerReader()
    for count in (1, 3):
        reader.begin()
        reader.feed(HEAD + chunked(*EVENTS[:count]))
        assert reader.is_over
        assert reader.events == count


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 429 Too Many Requests\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    ],
    ids=["refused", "not a stream"],
)
def test_what_is_no_stream_of_events_is_none(head: bytes) -> None:
    with pytest.raises(BadAnswer):
        AnswerReader().feed(head)
