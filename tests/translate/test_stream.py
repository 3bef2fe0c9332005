"""The stream translator: every stream that was seen in the wild, cut in every way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.odd_streams import ODD_STREAMS
from tests.support.oracle import CheckedStream, check_stream
from tests.support.strategies import splits, upstream_streams
from tests.support.streams import STREAMS, Stream
from tests.support.translation import fed, translator

ALL_STREAMS = (*STREAMS, *ODD_STREAMS)


def translated(*chunks: bytes) -> bytes:
    return fed(translator(), chunks)


def checked(*chunks: bytes) -> CheckedStream:
    return check_stream(translated(*chunks))


def call_ids(stream: CheckedStream) -> tuple[str, ...]:
    output = stream.response["output"]
    assert isinstance(output, list)
    return tuple(item["call_id"] for item in output if item["type"] == "function_call")


@pytest.mark.parametrize("stream", ALL_STREAMS, ids=lambda stream: stream.name)
def test_every_stream_seen_in_the_wild_comes_out_right(stream: Stream) -> None:
    result = checked(stream.raw)
    assert result.outcome == stream.expected
    if stream.call_ids is not None:
        assert call_ids(result) == stream.call_ids


@pytest.mark.parametrize("stream", ALL_STREAMS, ids=lambda stream: stream.name)
def test_a_stream_that_arrives_byte_by_byte_gives_the_same_events(stream: Stream) -> None:
    single_bytes = [stream.raw[i : i + 1] for i in range(len(stream.raw))]
    assert translated(*single_bytes) == translated(stream.raw)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_split_of_any_stream_gives_the_same_events(data: st.DataObject) -> None:
    stream = data.draw(upstream_streams())
    chunks = data.draw(splits(stream.raw))
    whole = translated(stream.raw)
    assert translated(*chunks) == whole
    assert check_stream(whole).outcome == stream.expected
