"""The streams are what they claim: read in the plainest way, they say what is expected of them."""

from __future__ import annotations

import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chat import Json
from tests.support.odd_streams import ODD_STREAMS
from tests.support.strategies import splits, upstream_streams
from tests.support.streams import STREAMS, Stream

ALL_STREAMS = (*STREAMS, *ODD_STREAMS)


def deltas(raw: bytes) -> list[Json]:
    """Every delta in ``raw``, by a reader that takes it whole."""
    data = [line[5:].strip() for line in raw.decode().split("\n") if line.startswith("data:")]
    payloads = [json.loads(line) for line in data if line not in ("", "[DONE]")]
    return [choice["delta"] for payload in payloads for choice in payload["choices"]]


def said(raw: bytes, *fields: str) -> str:
    """All text that stands in ``fields`` of the deltas."""
    return "".join(str(delta[f]) for delta in deltas(raw) for f in fields if delta.get(f))


def called(raw: bytes) -> str:
    """All names and arguments of calls, without their order."""
    parts = [
        cast("dict[str, str]", part["function"])
        for delta in deltas(raw)
        for part in cast("list[Json]", delta.get("tool_calls") or [])
    ]
    return "".join(
        sorted("".join(part.get("name", "") + part.get("arguments", "") for part in parts))
    )


@given(upstream_streams())
def test_a_drawn_stream_says_what_is_expected_of_it(stream: Stream) -> None:
    assert said(stream.raw, "content") == stream.expected.text
    assert said(stream.raw, "reasoning", "reasoning_content") == stream.expected.reasoning
    assert called(stream.raw) == "".join(sorted("".join(n + a for n, a in stream.expected.calls)))


@given(st.data())
def test_splits_lose_nothing(data: st.DataObject) -> None:
    stream = data.draw(upstream_streams())

    assert b"".join(data.draw(splits(stream.raw))) == stream.raw


def test_every_stream_has_a_name_of_its_own() -> None:
    names = [stream.name for stream in ALL_STREAMS]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("stream", ALL_STREAMS, ids=lambda stream: stream.name)
def test_as_many_call_ids_as_calls_are_expected(stream: Stream) -> None:
    assert stream.call_ids is None or len(stream.call_ids) == len(stream.expected.calls)
