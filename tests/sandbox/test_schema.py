"""Which schemas are taken, and that forms are filled in as the schema wants it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]

from addon.sandbox.instance import NoInstance, minimal_instance
from addon.sandbox.schema import json_schema, object_schema
from tests.sandbox.bodies import Json

BROKEN: list[tuple[Any, str]] = [
    ("text", "s"),
    ({"type": "text"}, "s.type"),
    ({"type": ["string", "string"]}, "s.type"),
    ({"type": []}, "s.type"),
    ({"properties": []}, "s.properties"),
    ({"properties": {"a": "string"}}, "s.properties.a"),
    ({"required": "a"}, "s.required"),
    ({"required": ["a", "a"]}, "s.required"),
    ({"items": [{"type": "string"}]}, "s.items"),
    ({"anyOf": []}, "s.anyOf"),
    ({"anyOf": [{"type": 1}]}, "s.anyOf[0].type"),
    ({"enum": "a"}, "s.enum"),
    ({"minLength": -1}, "s.minLength"),
    ({"maximum": "9"}, "s.maximum"),
    ({"multipleOf": 0}, "s.multipleOf"),
    ({"description": None}, "s.description"),
    ({"$defs": {"a": 1}}, "s.$defs.a"),
]


@pytest.mark.parametrize(("schema", "param"), BROKEN)
def test_a_broken_schema_is_named_where_it_is_broken(schema: object, param: str) -> None:
    assert [fault.param for fault in json_schema()(schema, "s")] == [param]
    with pytest.raises(SchemaError):
        Draft202012Validator.check_schema(schema)


def test_a_keyword_is_forbidden_only_where_it_is_a_keyword() -> None:
    check = object_schema(forbidden=["const"])
    named_const = {"type": "object", "properties": {"const": {"default": {"const": 1}}}}
    assert list(check(named_const, "s")) == []
    (fault,) = check({"type": "object", "not": {"const": 1}}, "s")
    assert fault.param == "s.not.const"


def bounds(low: str, high: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Two keywords, either of which may be missing, in the right order."""
    pairs = st.tuples(values, values).map(sorted)
    both = pairs.map(lambda pair: {low: pair[0], high: pair[1]})
    return both | pairs.map(lambda pair: {low: pair[0]}) | st.just({})


def typed(kind: str, keywords: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    """Schemas of one type with these keywords beside it."""
    return keywords.map(lambda extra: {"type": kind, **extra})


small = st.integers(-50, 50)
scalars = st.one_of(
    typed("boolean", st.just({})),
    typed("null", st.just({})),
    typed("string", bounds("minLength", "maxLength", st.integers(0, 5))),
    typed("integer", bounds("minimum", "maximum", small)),
    typed("number", bounds("minimum", "maximum", small | st.floats(-9, 9))),
    typed("number", st.builds(lambda low: {"exclusiveMinimum": low, "maximum": low + 1}, small)),
    typed("integer", st.builds(lambda low: {"minimum": low, "multipleOf": 5}, small)),
    st.lists(st.text() | small, min_size=1).map(lambda values: {"enum": values}),
    st.builds(lambda value: {"const": value}, st.text() | st.none()),
)
names = st.sampled_from(["a", "b", "c", "$ref", "type"])


def compound(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    """Objects, arrays and alternatives of ``inner``."""
    properties = st.dictionaries(names, inner, max_size=3)
    objects = properties.flatmap(
        lambda those: st.fixed_dictionaries(
            {
                "properties": st.just(those),
                "required": st.lists(st.sampled_from(sorted(those)), unique=True)
                if those
                else st.just([]),
                "additionalProperties": st.just(False),
            }
        )
    )
    arrays = st.builds(
        lambda item, limits: {"items": item, **limits},
        inner,
        bounds("minItems", "maxItems", st.integers(0, 3)),
    )
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        typed("object", objects),
        typed("array", arrays),
        several.map(lambda those: {"anyOf": those}),
        inner.map(lambda one: {"$ref": "#/$defs/it", "$defs": {"it": one}}),
        inner.map(lambda one: {"allOf": [one, {"description": "the same"}]}),
    )


schemas = (
    scalars | compound(scalars) | compound(compound(scalars).filter(lambda s: "$ref" not in s))
)


@given(schemas)
def test_a_filled_in_form_is_valid(schema: Json) -> None:
    assert list(json_schema()(schema, "s")) == []
    Draft202012Validator(schema).validate(minimal_instance(schema))


OPERANDS = st.one_of(
    st.none(),
    st.booleans(),
    small,
    st.sampled_from(["string", "object", "a"]),
    st.lists(st.sampled_from(["string", "a"]), max_size=2),
    st.dictionaries(names, scalars, max_size=2),
    st.lists(scalars, max_size=2),
)
KEYWORDS = st.sampled_from(
    ["type", "properties", "required", "items", "anyOf", "enum", "minLength", "title", "not"]
)


@given(st.dictionaries(KEYWORDS, OPERANDS, max_size=3))
def test_a_schema_that_is_taken_is_a_json_schema(schema: Json) -> None:
    if not list(json_schema()(schema, "s")):
        Draft202012Validator.check_schema(schema)


def test_recursion_ends_at_the_first_alternative_that_ends() -> None:
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
                "required": ["next", "children"],
            }
        },
    }
    assert minimal_instance(tree) == {"next": None, "children": []}


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"$ref": "#"},
        {"$ref": "#/$defs/missing"},
        {"type": "integer", "minimum": 1, "maximum": 0},
        {"anyOf": [False]},
    ],
)
def test_a_form_that_nobody_could_fill_in_is_left(schema: object) -> None:
    with pytest.raises(NoInstance):
        minimal_instance(schema)


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({}, None),
        ({"minLength": 2}, "xx"),
        ({"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"a": ""}),
        ({"items": {"type": "string"}, "minItems": 1}, [""]),
        ({"type": ["integer", "null"], "minimum": 3}, 3),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, 0.5),
        ({"type": "string", "format": "date"}, "2025-01-01"),
        ({"prefixItems": [{"type": "boolean"}], "minItems": 2}, [False, None]),
    ],
)
def test_the_smallest_value_is_taken(schema: Json, instance: object) -> None:
    assert minimal_instance(schema) == instance
    Draft202012Validator(schema).validate(instance)
