"""The input of a custom tool, read out of the arguments as they come."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addon.translate.freeform import InputReader

_NAMES = st.text(max_size=6).filter(lambda name: name != "input")
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just({"input": "no"}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=6,
)
_MEMBERS = st.dictionaries(_NAMES, _VALUES, max_size=3)


def read(pieces: list[str]) -> str:
    """The input in arguments that come in ``pieces``."""
    reader = InputReader()
    halves = "".join(map(reader.feed, pieces)) + reader.finish()
    return halves.encode("utf-16", "surrogatepass").decode("utf-16")


def cut(text: str, places: list[int]) -> list[str]:
    return [text[a:b] for a, b in zip([0, *places], [*places, None], strict=True)]


@settings(max_examples=500, deadline=None)
@given(st.data(), st.text(), _MEMBERS, _MEMBERS)
def test_whatever_the_input_and_wherever_it_is_cut_it_comes_out_whole(
    data: st.DataObject, text: str, before: dict[str, object], after: dict[str, object]
) -> None:
    arguments = json.dumps(
        {**before, "input": text, **after},
        ensure_ascii=data.draw(st.booleans()),
        indent=data.draw(st.sampled_from([None, 1, "\t"])),
    )
    places = data.draw(st.lists(st.integers(0, len(arguments)), max_size=10).map(sorted))
    assert read(cut(arguments, places)) == text
    assert read(list(arguments)) == text


def test_the_input_is_given_on_as_it_comes() -> None:
    reader = InputReader()
    pieces = ['{"inp', 'ut": "ls', " -l", "\\", "n", "\\u00", "fc", '!"', "}"]
    assert [reader.feed(piece) for piece in pieces] == [
        "", "ls", " -l", "", "\n", "", "ü", "!", "",
    ]  # fmt: skip
    assert reader.finish() == ""


ODD: dict[str, tuple[str, str]] = {
    "nothing": ("", ""),
    "free text": ("*** Begin Patch\n", "*** Begin Patch\n"),
    "free text that looks like JSON": ("{not JSON}", "{not JSON}"),
    "an object without it": ('{"patch": "x"}', '{"patch": "x"}'),
    "an empty object": ("{}", "{}"),
    "a number": ('{"input": 3}', '{"input": 3}'),
    "an object for it": ('{"input": {"a": 1}}', '{"input": {"a": 1}}'),
    "null for it": ('{"input": null}', '{"input": null}'),
    "a list": ('["input", "x"]', '["input", "x"]'),
    "bare line ends": ('{"input": "a\nb\tc"}', "a\nb\tc"),
    "an escape that is none": ('{"input": "\\d\\u12x"}', "\\d\\u12x"),
    "a name in escapes": ('{"in\\u0070ut": "x"}', "x"),
    "one that is deeper down": ('{"a": {"input": "no"}, "input": "x"}', "x"),
    "one in a list": ('{"a": [{"input": "no"}], "input": "x"}', "x"),
    "brackets in strings": ('{"a": "}]", "input": "x"}', "x"),
    "no end": ('{"input": "x', "x"),
    "an end within an escape": ('{"input": "x\\u12', "x"),
    "text behind the end": ('{"input": "x"} and more', "x"),
    "white space around": (' \n{ "input" : "x" } ', "x"),
}


@pytest.mark.parametrize(("arguments", "expected"), ODD.values(), ids=ODD.keys())
def test_what_is_not_as_it_should_be_makes_the_best_of_it(arguments: str, expected: str) -> None:
    assert read([arguments]) == expected
    assert read(list(arguments)) == expected
