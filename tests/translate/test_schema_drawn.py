"""Whatever schema is cleaned: what was valid stays valid, and nothing refused is left."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from pydantic_core import to_json

from addon.sandbox.schema import json_schema, object_schema
from addon.sandbox.strict import UNSUPPORTED_TOOL_KEYWORDS
from addon.translate.json_edge import MAX_DEPTH
from addon.translate.schema import SEEN_REFUSED, clean
from addon.translate.schema.keywords import depth_of, size_of
from tests.translate.schemas import OPERANDS, Json, arguments, is_valid, schemas, values

FEW = UNSUPPORTED_TOOL_KEYWORDS
"""What the sandbox refuses."""
KEYWORDS = st.sampled_from(sorted({*OPERANDS, *SEEN_REFUSED}))
REFUSED = st.sampled_from([SEEN_REFUSED, FEW]) | st.frozensets(KEYWORDS, min_size=1)

STRING: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
NULL: Json = {"type": "null"}


@settings(max_examples=500)
@given(st.data())
def test_what_was_valid_stays_valid(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    cleaned = clean(schema, data.draw(REFUSED))
    for value in data.draw(arguments(schema)):
        if is_valid(value, schema):
            assert is_valid(value, cleaned), (value, cleaned)


@settings(max_examples=300)
@given(schemas(), REFUSED)
def test_nothing_that_is_refused_is_left(schema: Json, refused: frozenset[str]) -> None:
    before = copy.deepcopy(schema)
    cleaned = clean(schema, refused)
    assert schema == before
    assert list(json_schema(forbidden=refused)(cleaned, "s")) == []
    assert clean(cleaned, refused) is cleaned
    assert json.dumps(clean(before, refused)) == json.dumps(cleaned)


@given(schemas())
def test_the_sandbox_takes_what_is_cleaned_for_it(schema: Json) -> None:
    tool = {"type": "object", "properties": {"it": schema}}
    assert list(object_schema(forbidden=FEW)(clean(tool, FEW), "s")) == []


@given(
    st.fixed_dictionaries(
        {"items": st.lists(st.sampled_from([{"const": "a"}, NULL, False, {}]), max_size=3)},
        optional={
            "additionalItems": st.sampled_from([True, False, NUMBER, {"const": 1}]),
            "maxItems": st.integers(0, 4),
        },
    ),
    st.lists(st.sampled_from(["a", None, 1]), max_size=4),
)
def test_tuples_of_older_drafts_are_widened(schema: Json, value: list[Any]) -> None:
    if Draft7Validator(schema).is_valid(value):
        tool = {"type": "object", "properties": {"it": schema}}
        assert is_valid({"it": value}, clean(tool, SEEN_REFUSED))


ODD_SCHEMAS = st.dictionaries(KEYWORDS, values() | st.lists(values(), max_size=3))


@given(ODD_SCHEMAS, ODD_SCHEMAS, REFUSED)
def test_operands_that_make_no_sense_do_no_harm(
    one: Json, other: Json, refused: frozenset[str]
) -> None:
    root = {"type": "object", "properties": {"it": {"allOf": [one, other]}}, "$defs": one}
    cleaned = clean(root, refused)
    assert clean(cleaned, refused) is cleaned
    assert refused.isdisjoint(cleaned.get("properties", {}).get("it", {}))


def chain(length: int, link: Callable[[Any], Json], end: Any) -> Json:
    """``end`` in ``length`` links."""
    schema = end
    for _ in range(length):
        schema = link(schema)
    return {"properties": {"it": schema}}


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def web(size: int, node: Callable[[Json, Json], Json]) -> Json:
    """Definitions each of which points to the next one twice."""
    nodes = {f"d{n}": node(*[{"$ref": f"#/$defs/d{n + 1}"}] * 2) for n in range(size)}
    return {"$ref": "#/$defs/d0", "$defs": nodes}


HOSTILE: dict[str, Json] = {
    "deep": chain(5000, lambda inner: {"properties": {"a": inner}}, {"const": 1}),
    "deep alternatives": chain(5000, lambda inner: {"anyOf": [inner, NULL]}, {"const": 1}),
    "deep without a fault": chain(5000, lambda inner: {"properties": {"a": inner}}, STRING),
    "deep types": chain(
        90, lambda inner: {"type": ["object", "null"], "properties": {"a": inner}}, {"const": 1}
    ),
    "deep values": {
        "$ref": "#/$defs/0",
        "$defs": {
            **{f"{n}": {"properties": {"a": {"$ref": f"#/$defs/{n + 1}"}}} for n in range(18)},
            "18": {"default": nested(180)},
        },
    },
    "wide": {"properties": {f"p{n}": {"const": n} for n in range(5000)}},
    "wide allOf": {"allOf": [{"properties": {f"p{n}": {"const": n}}} for n in range(5000)]},
    "wide types": {"anyOf": [{"type": ["object", "null"], "required": ["a"]}] * 5000},
    "exponential properties": web(40, lambda one, other: {"properties": {"a": one, "b": other}}),
    "exponential alternatives": web(40, lambda one, other: {"anyOf": [one, {"items": other}]}),
    "exponential allOf": web(40, lambda one, other: {"allOf": [one, other]}),
    "everything in everything": {
        "$ref": "#/$defs/0",
        "$defs": {
            f"{n}": {"properties": {f"p{m}": {"$ref": f"#/$defs/{m}"} for m in range(30)}}
            for n in range(30)
        },
    },
    "one big thing everywhere": {
        "properties": {f"p{n}": {"$ref": "#/$defs/big"} for n in range(1000)},
        "$defs": {"big": {"enum": [f"value {n}" for n in range(3000)]}},
    },
    "long chain of references": {
        "$ref": "#/$defs/0",
        "$defs": {f"{n}": {"$ref": f"#/$defs/{n + 1}"} for n in range(3000)},
    },
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_schema_is_cut(schema: Json) -> None:
    cleaned = clean(schema, SEEN_REFUSED)
    assert clean(cleaned, SEEN_REFUSED) is cleaned
    assert len(to_json(cleaned)) < 100_000 + 3 * size_of(schema)
    assert depth_of(cleaned) <= MAX_DEPTH


def test_a_schema_that_is_deep_but_without_a_fault_stays() -> None:
    deep = {"type": "object", **HOSTILE["deep without a fault"]}
    assert clean(deep, SEEN_REFUSED) is deep


def test_what_grows_too_much_is_written_out_near_the_root_first() -> None:
    cleaned = clean(HOSTILE["everything in everything"], SEEN_REFUSED)
    plain = [name for name, one in cleaned["properties"].items() if "properties" not in one]
    assert plain == ["p0"], "all but what would lead back"
