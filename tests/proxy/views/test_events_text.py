"""An event stream for people: each event, the first and the last of many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.proxy.views.bounds import ROOM
from addon.proxy.views.events_text import pretty_events
from tests.support.chat import events, text_deltas

LONG = b'data: {"a":"' + b"x" * 300 + b'","b":[1]}\n\n'


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_events_comments_and_names_stand_as_they_came(line_end: bytes) -> None:
    lines = [b": keep-alive", b"", b"event: a", b'data: {"b": 1}', b"", b"data: [DONE]", b"", b""]
    assert pretty_events(line_end.join(lines)) == (
        ': keep-alive\n\nevent: a\ndata: {"b": 1}\n\ndata: [DONE]'
    )


def test_a_long_event_has_its_json_on_lines() -> None:
    text = pretty_events(LONG)
    assert text.startswith('data: {\n  "a": "xxx')
    assert text.endswith('",\n  "b": [\n    1\n  ]\n}')


def test_an_event_that_was_cut_is_shown_as_far_as_it_goes() -> None:
    assert pretty_events(b'data: {"a": 1}\n\ndata: {"b": "c') == 'data: {"a": 1}\n\ndata: {"b": "c'


@pytest.mark.parametrize("count", [5_000, 60_000])
def test_of_many_events_the_first_and_the_last_are_shown(count: int) -> None:
    stream = b"".join(events(text_deltas(*(f"word {number}" for number in range(count)))))
    text = pretty_events(stream)
    assert "word 0" in text
    assert f"word {count - 1}" in text
    assert text.endswith("data: [DONE]")
    assert len(text) < ROOM + 1000
    (left_out,) = [line for line in text.split("\n") if line.startswith("… ")]
    told = int(left_out.split()[1].replace(",", ""))
    assert abs(count + 1 - told - text.count("data: ")) <= 3  # where a part begins is cut


@pytest.mark.parametrize("part", [b"data: x", b"\n", b": c\r\n\r\n", b"data:{"])
def test_a_large_stream_of_anything_is_shown(part: bytes) -> None:
    assert len(pretty_events(part * (4_000_000 // len(part)))) < ROOM + 30_000


@given(st.binary(max_size=500))
def test_any_bytes_are_shown(data: bytes) -> None:
    pretty_events(data)


def test_a_line_that_is_no_json_is_shortened() -> None:
    assert "98,006 characters left out" in pretty_events(b"data: " + b"x" * 100_000)
