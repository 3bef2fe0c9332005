"""JSON for people: the same value on lines, as far as there is room, from any bytes whatever."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.proxy.views.json_text import pretty_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(value=VALUES, ascii_only=st.booleans(), indent=st.none() | st.integers(0, 8))
def test_the_value_stays_the_same(value: Any, ascii_only: bool, indent: int | None) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    text, left = pretty_json(data, 1 << 20)
    assert json.loads(text) == value
    assert left == 0


def test_it_is_on_lines() -> None:
    text, _ = pretty_json(b'{"a":[1,{"b":"x\\ny"},[],{ }],"c":null}', 1000)
    assert text.split("\n") == [
        "{",
        '  "a": [',
        "    1,",
        "    {",
        r'      "b": "x\ny"',
        "    },",
        "    [],",
        "    {}",
        "  ],",
        '  "c": null',
        "}",
    ]


@given(data=st.binary(max_size=300), room=st.integers(0, 400))
def test_any_bytes_are_shown_within_the_room(data: bytes, room: int) -> None:
    text, left = pretty_json(data, room)
    assert 0 <= left <= len(data)
    assert len(text) <= room + len(data) + 100


@given(data=st.text(alphabet='{}[]",:\\ 1an', max_size=80))
def test_whatever_looks_like_json_is_shown_to_its_end(data: str) -> None:
    text, left = pretty_json(data.encode(), 1 << 20)
    assert left == 0
    assert "".join(text.split()) == "".join(data.split())


def test_what_there_is_no_room_for_is_counted() -> None:
    data = b"[" + b"1," * 100_000 + b"1]"
    text, left = pretty_json(data, 1000)
    assert 1000 <= len(text) < 1100
    assert left == len(data) - len("".join(text.split()))


@pytest.mark.parametrize("inside", ["a", "é", '\\"', "\\\\"])
def test_a_long_text_is_shortened_and_what_follows_is_shown(inside: str) -> None:
    data = f'{{"long":"{inside * 50_000}","next":1}}'.encode()
    text, left = pretty_json(data, 100_000)
    assert "kB left out" in text
    assert text.endswith('left out",\n  "next": 1\n}')
    assert len(text) < 11_000
    assert left == 0


def test_a_file_in_a_text_is_hardly_shown() -> None:
    text, _ = pretty_json(b'["data:image/png;base64,' + b"A" * 5000 + b'"]', 10_000)
    assert len(text) < 120


def test_a_text_without_an_end_is_the_last_thing() -> None:
    assert pretty_json(b'{"a":"b', 100) == ('{\n  "a": "b', 0)


def test_nothing_nests_too_deep() -> None:
    text, left = pretty_json(b"[" * 1_000_000, 10_000)
    assert len(text) < 11_000
    assert left > 990_000
