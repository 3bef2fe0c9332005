"""Requests that are made to exhaust memory or stack: what they take is bounded by their size."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.errors import ApiError
from addon.translate import ResponseRenderer, parse_request, profile_named
from tests.translate.test_request import refusal_of

SIZE = 300_000
"""Bytes: more than any list of tools that is kept."""

ITEMS = '{"model":"m","input":[@]}'
PARTS = '{"model":"m","input":[{"role":"user","content":[@]}]}'
TOOLS = '{"model":"m","input":"x","tools":[@]}'
ANYTHING = '{"model":"m","input":"x","a":[@]}'
HALF = ANYTHING.replace('"x"', '"\\ud83d"')
NAMESPACE = TOOLS.replace("@", '{"type":"namespace","name":"n","tools":[@]}')
SCHEMA = TOOLS.replace("@", '{"type":"function","name":"t","parameters":{"anyOf":[@]}}')
CALL = '{"type":"function_call","call_id":"c#","name":"n","arguments":"{}"}'

BOMBS: list[tuple[str, str, int]] = [
    # what it repeats, and how many times its size it may take: a third less was seen
    (ITEMS, "1", 20),
    (ITEMS, "[]", 40),
    (ITEMS, "{}", 40),
    (ITEMS, '{"type":"x"}', 40),
    (ITEMS, '{"role":"user","content":"x"}', 40),
    (ITEMS, '{"role":"system","content":"x"}', 40),
    (ITEMS, '{"type":"reasoning","summary":[{"type":"summary_text","text":"x"}]}', 40),
    (ITEMS, '{"type":"function_call_output","output":""}', 40),
    (ITEMS, CALL, 40),
    (ITEMS, CALL.replace("#", ""), 40),
    (PARTS, "{}", 40),
    (PARTS, '{"type":"input_text","text":"x"}', 40),
    (TOOLS, "{}", 40),
    (TOOLS, '{"type":"web_search"}', 40),
    (TOOLS, '{"type":"function","name":"n#"}', 80),
    (TOOLS, '{"type":"custom","name":"n#"}', 80),
    (NAMESPACE, '{"type":"custom","name":"n#"}', 80),
    (SCHEMA, '{"const":1}', 80),
    (SCHEMA, '{"$ref":"#/anyOf"}', 80),
    (ANYTHING, "[]", 40),
    (ANYTHING, "{}", 40),
    (ANYTHING, "1e400", 20),
    (HALF, "[]", 60),
    (HALF, "{}", 60),
]


def filled(frame: str, unit: str) -> bytes:
    """A body of SIZE bytes: ``frame`` with as many of ``unit`` in it as fit."""

    def units() -> Iterator[str]:
        left, number = SIZE - len(frame), 0
        while left > 0:
            each = unit.replace("#", str(number)) if "$ref" not in unit else unit
            left, number = left - len(each) - 1, number + 1
            yield each

    return frame.replace("@", ",".join(units())).encode()


def translate(body: bytes) -> None:
    """All that is done to a request, as far as that goes."""
    with suppress(ApiError):
        request = parse_request(body)
        request.render("m", profile_named("model-studio"))
        ResponseRenderer(request.shape, "resp_1", 1).render("in_progress")


@pytest.mark.parametrize(("frame", "unit", "times"), BOMBS, ids=[f"{a} {b}" for a, b, _ in BOMBS])
def test_memory_is_bounded_by_the_size_of_the_request(frame: str, unit: str, times: int) -> None:
    body = filled(frame, unit)
    tracemalloc.start()
    try:
        translate(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < times * len(body)


DEEP = (b"[", b'{"a":', b'{"items":', b'{"anyOf":[', b'{"properties":{"a":')


@pytest.mark.parametrize("opening", DEEP)
@pytest.mark.parametrize("text", [b"x", b"\\ud83d"], ids=["whole", "half a character"])
@pytest.mark.parametrize("depth", [202, 1000, 100_000])
def test_what_nests_too_deep_is_refused(opening: bytes, text: bytes, depth: int) -> None:
    closing = opening.translate(bytes.maketrans(b"[{", b"]}"), b'":aeimsnyOfprot')[::-1]
    nested = opening * depth + b"1" + closing * depth
    error = refusal_of(b'{"model":"m","input":"%b","a":%b}' % (text, nested))
    assert error.code == "invalid_request"
    assert "not valid JSON" in error.message


@given(
    depth=st.integers(150, 205),
    opening=st.sampled_from(DEEP),
    frame=st.sampled_from([ANYTHING, HALF, ITEMS, PARTS, TOOLS, NAMESPACE, SCHEMA]),
)
def test_what_nests_as_deep_as_may_be_is_refused_or_carried(
    depth: int, opening: bytes, frame: str
) -> None:
    closing = opening.translate(bytes.maketrans(b"[{", b"]}"), b'":aeimsnyOfprot')[::-1]
    nested = (opening * depth + b"1" + closing * depth).decode()
    assert json.loads(nested)
    translate(frame.replace("@", nested).encode())


@pytest.mark.parametrize("text", ["x", "\\ud83d"], ids=["whole", "half a character"])
@pytest.mark.parametrize("number", ["9" * 100_000, "-" + "9" * 5000], ids=["long", "negative"])
def test_integers_of_thousands_of_digits_are_refused(number: str, text: str) -> None:
    error = refusal_of(b'{"model":"m","input":"%b","a":%b}' % (text.encode(), number.encode()))
    assert error.code == "invalid_request"
    assert "not valid JSON" in error.message


@pytest.mark.parametrize("field", ["temperature", "max_output_tokens", "top_logprobs"])
@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 400])
def test_numbers_beyond_all_measure_are_refused_where_they_mean_something(
    field: str, number: str
) -> None:
    body = f'{{"model":"m","input":"x","{field}":{number}}}'.encode()
    if field == "max_output_tokens" and number.isdigit():
        assert json.loads(parse_request(body).render("m"))["max_tokens"] == int(number)
        return
    assert refusal_of(body).param == field


@pytest.mark.parametrize("number", ["1e400", "1e999999999999", "0." + "9" * 100_000])
def test_numbers_beyond_all_measure_are_carried_as_far_as_json_can(number: str) -> None:
    body = f'{{"model":"m","input":"x","a":{number}}}'.encode()
    assert json.loads(parse_request(body).render("m")).get("a") in (None, 1.0)
