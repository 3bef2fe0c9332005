"""What becomes of the keywords that a service refuses, case by case."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from addon.sandbox.schema import object_schema
from addon.sandbox.strict import UNSUPPORTED_TOOL_KEYWORDS
from addon.translate.schema import SEEN_REFUSED, clean

Json = dict[str, Any]
FEW = UNSUPPORTED_TOOL_KEYWORDS
"""What the sandbox refuses."""
STRING: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
NULL: Json = {"type": "null"}
DEFS: Json = {
    "Text": {**STRING, "description": "A text."},
    "Any": True,
    "Never": False,
    "a/b ~c%": NUMBER,
    "Named": {**STRING, "$anchor": "named"},
    "Inner": {"$id": "https://example.com/inner", "$ref": "#/$defs/Text", "$defs": {"Text": NULL}},
    "Node": {
        "type": "object",
        "title": "Node",
        "properties": {"next": {"$ref": "#/$defs/Node"}, "value": {"const": 1}},
    },
    "List": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/List"}}, NULL]},
    "Loop": {"$ref": "#/$defs/Loop"},
    "Base": {"type": "object", "properties": {"a": STRING}, "required": ["a"]},
    "Closed": {"type": "object", "properties": {"a": STRING}, "additionalProperties": False},
}
NODE: Json = {
    "type": "object",
    "title": "Node",
    "properties": {
        "next": {"title": "Node", "type": "object"},
        "value": {"enum": [1], "type": "integer"},
    },
}


def parameter(schema: Any, refused: frozenset[str] = SEEN_REFUSED) -> Any:
    """``schema`` as it is cleaned where it stands for a parameter."""
    root = {"type": "object", "properties": {"it": schema}, "$defs": DEFS}
    return clean(root, refused)["properties"].get("it", "left out")


KEYWORD_TABLE: list[tuple[Any, Any]] = [
    # values
    ({"const": "a"}, {"enum": ["a"], "type": "string"}),
    ({"const": None, "description": "no"}, {"description": "no", "enum": [None], "type": "null"}),
    ({"type": "number", "const": 1}, {"type": "number", "enum": [1]}),
    ({"enum": [1, 2], "const": 1}, {"enum": [1], "type": "integer"}),
    ({"type": "string", "nullable": True}, {"anyOf": [STRING, NULL]}),
    ({"type": ["string", "number"], "nullable": True}, {"anyOf": [STRING, NUMBER, NULL]}),
    ({"type": "string", "nullable": False}, STRING),
    (
        {"type": "string", "nullable": True, "enum": ["a"]},
        {"anyOf": [{"type": "string", "enum": ["a"]}, NULL]},
    ),
    # types
    ({"type": ["string"]}, STRING),
    ({"type": ["integer", "number", "number"]}, NUMBER),
    (
        {"type": ["string", "null"], "minLength": 1, "default": None},
        {"default": None, "anyOf": [{"type": "string", "minLength": 1}, NULL]},
    ),
    (
        {"type": ["null", "integer", "array"], "minimum": 1, "items": {"const": 1}},
        {
            "anyOf": [
                NULL,
                {"type": "integer", "minimum": 1},
                {"type": "array", "items": {"enum": [1], "type": "integer"}},
            ]
        },
    ),
    (
        {"type": ["string", "null"], "enum": ["a", None, "b"]},
        {"anyOf": [{"type": "string", "enum": ["a", "b"]}, NULL]},
    ),
    ({"type": ["string", "null"], "enum": ["a", 1]}, {"type": "string", "enum": ["a"]}),
    ({"type": ["number", "null"], "enum": ["a", 1]}, {"type": "number", "enum": [1]}),
    ({"type": ["integer", "null"], "enum": [0.5, 1.0]}, {"type": "integer", "enum": [1.0]}),
    (
        {"type": ["integer", "null"], "anyOf": [NUMBER, NULL, STRING]},
        {"anyOf": [{"type": "integer"}, NULL]},
    ),
    (
        {"type": ["object", "null"], "anyOf": [{"required": ["a"]}, STRING, NULL]},
        {"anyOf": [{"type": "object", "required": ["a"]}, NULL]},
    ),
    ({"type": ["object", "array", "string", "number", "boolean", "null"]}, {}),
    # alternatives
    ({"anyOf": [STRING, NULL]}, {"anyOf": [STRING, NULL]}),
    ({"oneOf": [STRING, {"const": 1}]}, {"anyOf": [STRING, {"enum": [1], "type": "integer"}]}),
    (
        {"anyOf": [{"anyOf": [STRING, NULL]}, {"oneOf": [NUMBER, NULL]}]},
        {"anyOf": [STRING, NULL, NUMBER]},
    ),
    (
        {"anyOf": [{"not": {}}, STRING], "description": "may be"},
        {"description": "may be", **STRING},
    ),
    (
        {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {
            "type": "object",
            "anyOf": [{"type": "object", "required": ["a"]}, {"type": "object", "required": ["b"]}],
        },
    ),
    # all at once
    ({"allOf": [{"$ref": "#/$defs/Text"}], "description": "own"}, {"description": "own", **STRING}),
    (
        {"allOf": [{"$ref": "#/$defs/Base"}, {"properties": {"b": NULL}, "required": ["b"]}]},
        {"type": "object", "required": ["a", "b"], "properties": {"a": STRING, "b": NULL}},
    ),
    (
        {"minimum": 1, "maxLength": 3, "allOf": [{"minimum": 2, "maxLength": 4}]},
        {"minimum": 2, "maxLength": 3},
    ),
    ({"allOf": [{"enum": [1, 2]}, {"enum": [2, 3]}]}, {"enum": [2]}),
    ({"type": "number", "allOf": [{"type": ["integer", "null"]}]}, {"type": "integer"}),
    ({"multipleOf": 4, "allOf": [{"multipleOf": 6}]}, {"multipleOf": 12}),
    ({"pattern": "a", "allOf": [{"pattern": "b"}]}, {"pattern": "a"}),
    ({"pattern": "a", "anyOf": [{"minLength": 1}, False]}, {"pattern": "a", "minLength": 1}),
    (
        {"pattern": "a", "anyOf": [{"pattern": "b"}, False]},
        {"pattern": "a", "anyOf": [{"pattern": "b"}]},
    ),
    (
        {"allOf": [{"$ref": "#/$defs/Closed"}, {"properties": {"a": {"minLength": 1}, "b": {}}}]},
        {
            "type": "object",
            "properties": {"a": {"type": "string", "minLength": 1}},
            "additionalProperties": False,
        },
    ),
    # arrays
    ({"prefixItems": [NUMBER, NUMBER], "items": False}, {"maxItems": 2, "items": NUMBER}),
    (
        {"prefixItems": [NUMBER, NULL], "maxItems": 2},
        {"maxItems": 2, "items": {"anyOf": [NUMBER, NULL]}},
    ),
    ({"prefixItems": [NUMBER], "items": NULL}, {"items": {"anyOf": [NUMBER, NULL]}}),
    ({"prefixItems": [NUMBER, NULL]}, {}),
    (
        {"prefixItems": [{"enum": [1]}, {"enum": [True]}], "items": False},
        {"maxItems": 2, "items": {"anyOf": [{"enum": [1]}, {"enum": [True]}]}},
    ),
    (
        {"items": [NUMBER, NULL], "additionalItems": False},
        {"maxItems": 2, "items": {"anyOf": [NUMBER, NULL]}},
    ),
    ({"type": "array", "contains": NUMBER, "minContains": 2}, {"type": "array"}),
    ({"type": "array", "items": True}, {"type": "array", "items": {}}),
    ({"type": "array", "items": False}, {"type": "array", "maxItems": 0}),
    # objects
    ({"patternProperties": {"^a": NUMBER}}, {}),
    (
        {"patternProperties": {"^a": NUMBER}, "additionalProperties": False},
        {"additionalProperties": NUMBER},
    ),
    (
        {"patternProperties": {"^a": NUMBER}, "additionalProperties": NULL},
        {"additionalProperties": {"anyOf": [NUMBER, NULL]}},
    ),
    ({"properties": {"a": True, "b": False, "c": STRING}}, {"properties": {"a": {}, "c": STRING}}),
    ({"propertyNames": {"pattern": "a"}, "minProperties": 1}, {"minProperties": 1}),
    ({"dependentRequired": {"a": ["b"]}, "dependencies": {"a": ["b"]}}, {}),
    ({"additionalProperties": True}, {"additionalProperties": True}),
    ({"unevaluatedProperties": False, "type": "object"}, {"type": "object"}),
    # conditions
    ({"if": {"const": 1}, "then": {"type": "string"}, "else": {}, "type": "string"}, STRING),
    ({"not": {"const": 1}, "type": "string"}, STRING),
    # what a schema says of itself
    ({"$comment": "x", "$schema": "x", "$id": "x", "$anchor": "x", "title": "T"}, {"title": "T"}),
    (True, {}),
    (False, "left out"),
    ({"not": {}}, "left out"),
]


@pytest.mark.parametrize(("schema", "cleaned"), KEYWORD_TABLE)
def test_every_keyword_has_its_fate(schema: Any, cleaned: Any) -> None:
    assert parameter(schema) == cleaned


DEPENDENT: list[tuple[Json, set[str], Json]] = [
    (
        {"prefixItems": [NULL], "items": False, "maxItems": 1},
        {"prefixItems", "maxItems"},
        {"items": NULL},
    ),
    ({"contains": NULL, "minContains": 0}, {"minContains"}, {}),
    ({"contains": {"const": 1}, "maxContains": 1}, {"const"}, {}),
    ({"if": STRING, "then": {"const": ""}}, {"const"}, {}),
    ({"not": {"const": 1}}, {"const"}, {}),
    (
        {"patternProperties": {"a": {}}, "unevaluatedProperties": False},
        {"patternProperties"},
        {},
    ),
    (
        {"allOf": [{"unevaluatedProperties": False, "minProperties": 1}, {"required": ["a"]}]},
        {"allOf"},
        {"minProperties": 1, "required": ["a"]},
    ),
    (
        {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False},
        {"allOf"},
        {"properties": {"a": {}}},
    ),
    (
        {
            "anyOf": [{"required": ["a"]}, NULL],
            "allOf": [{"anyOf": [{"properties": {"a": {}}}, NULL], "unevaluatedProperties": False}],
        },
        {"allOf"},
        {"anyOf": [{"required": ["a"]}, NULL]},
    ),
    (
        {"allOf": [{"propertyNames": {"minLength": 1}}, {"propertyNames": {"pattern": "a"}}]},
        {"allOf"},
        {"propertyNames": {"minLength": 1, "pattern": "a"}},
    ),
    ({"type": ["string", "null"], "minLength": 1}, {"anyOf"}, {"minLength": 1}),
    ({"const": 1}, {"const", "enum"}, {"type": "integer"}),
    ({"const": 1}, {"const", "type"}, {"enum": [1]}),
    (
        {"$ref": "#/$defs/Text", "pattern": "a", "allOf": [{"pattern": "b"}]},
        {"$ref"},
        {**STRING, "description": "A text.", "pattern": "a", "allOf": [{"pattern": "b"}]},
    ),
]


@pytest.mark.parametrize(("schema", "refused", "cleaned"), DEPENDENT)
def test_what_becomes_of_a_keyword_hangs_on_what_else_is_refused(
    schema: Json, refused: set[str], cleaned: Json
) -> None:
    assert parameter(schema, frozenset(refused)) == cleaned


def test_no_property_is_forbidden_for_want_of_the_keyword_that_named_it() -> None:
    schema = {"type": "object", "properties": {"a": NULL}, "additionalProperties": False}
    assert clean(schema, {"properties"}) == {"type": "object"}


REFERENCE_TABLE: list[tuple[Json, Json]] = [
    ({"$ref": "#/$defs/Text"}, DEFS["Text"]),
    ({"$ref": "#/$defs/Text", "description": "own"}, {**STRING, "description": "own"}),
    ({"$ref": "#/$defs/Text", "minLength": 1}, {**DEFS["Text"], "minLength": 1}),
    ({"$ref": "#/$defs/a~1b%20~0c%25"}, NUMBER),
    ({"$ref": "#/$defs/List/anyOf/1"}, NULL),
    ({"$ref": "#named"}, STRING),
    ({"$ref": "https://example.com/inner"}, NULL),
    ({"$ref": "https://example.com/inner#/$defs/Text"}, NULL),
    ({"$ref": "#/$defs/Node"}, NODE),
    (
        {"$ref": "#/$defs/List"},
        {"anyOf": [{"type": "array", "items": {"anyOf": [{"type": "array"}, NULL]}}, NULL]},
    ),
    ({"$ref": "#/$defs/Loop", "title": "T"}, {"title": "T"}),
    ({"$ref": "#"}, {"type": "object"}),
    ({"$ref": "#/properties/it"}, {}),
    ({"$ref": "#/$defs/Any", "title": "T"}, {"title": "T"}),
    ({"$ref": "#/$defs/Never", "title": "T"}, {"title": "T"}),
    ({"$ref": "#/$defs/missing", "title": "T"}, {"title": "T"}),
    ({"$ref": "#missing", "title": "T"}, {"title": "T"}),
    ({"$ref": "#/type/0", "title": "T"}, {"title": "T"}),
    ({"$ref": "https://example.com/other.json", "title": "T"}, {"title": "T"}),
    ({"$ref": "http://[", "title": "T"}, {"title": "T"}),
    ({"$ref": "http://[#a", "title": "T"}, {"title": "T"}),
    ({"$id": "https://example.com/odd", "$ref": "http://[", "title": "T"}, {"title": "T"}),
    ({"$ref": 5, "title": "T"}, {"title": "T"}),
    ({"$dynamicRef": "#named", "title": "T"}, {"title": "T"}),
]


@pytest.mark.parametrize(("schema", "cleaned"), REFERENCE_TABLE)
def test_a_reference_becomes_what_it_points_to(schema: Json, cleaned: Json) -> None:
    assert parameter(schema) == cleaned
    assert parameter(schema, FEW) == cleaned or "$dynamicRef" in schema


NO_FAULT: list[Json] = [
    {"type": "object"},
    {
        "type": "object",
        "properties": {
            "const": {"type": "string", "default": {"const": 1, "$ref": "#"}},
            "$ref": {"enum": [{"$defs": {}}], "examples": [{"oneOf": []}]},
            "if": {"anyOf": [STRING, NULL], "x-own": {"const": 1}},
        },
        "required": ["const"],
        "additionalProperties": False,
    },
]


@pytest.mark.parametrize("schema", NO_FAULT)
def test_a_schema_without_a_fault_is_handed_back(schema: Json) -> None:
    assert clean(schema, SEEN_REFUSED) is schema


def test_nothing_is_done_where_nothing_is_refused() -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"type": ["object", "null"]}}}
    assert clean(schema, ()) is schema


def test_a_reference_may_stay_where_it_is_not_refused_and_nothing_changes() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": STRING}}
    assert clean(schema, {"const"}) is schema


def test_an_alternative_of_one_only_stays_so_unless_others_become_wider() -> None:
    same: Json = {"oneOf": [{"minLength": 1}, {"maximum": 1}]}
    assert parameter(same, FEW) == same
    assert parameter({"oneOf": [{"const": 1}, NULL]}, FEW) == {
        "anyOf": [{"enum": [1], "type": "integer"}, NULL]
    }


ROOTS: list[tuple[Json, Json]] = [
    ({}, {"type": "object"}),
    ({"properties": {}}, {"type": "object", "properties": {}}),
    ({"type": None}, {"type": "object"}),
    ({"type": ["null", "object"]}, {"type": "object"}),
    (
        {"$ref": "#/$defs/a", "$defs": {"a": {"required": ["a"]}}},
        {"type": "object", "required": ["a"]},
    ),
    (
        {"anyOf": [{"required": ["a"]}, {"minProperties": 1}]},
        {
            "type": "object",
            "anyOf": [
                {"type": "object", "required": ["a"]},
                {"type": "object", "minProperties": 1},
            ],
        },
    ),
    ({"not": {}}, {"type": "object"}),
]


@pytest.mark.parametrize(("schema", "cleaned"), ROOTS)
def test_the_root_is_an_object(schema: Json, cleaned: Json) -> None:
    assert clean(schema, SEEN_REFUSED) == cleaned
    assert list(object_schema(forbidden=SEEN_REFUSED)(cleaned, "s")) == []


def test_the_same_schema_is_cleaned_once() -> None:
    schema = {"type": "object", "properties": {"a": {"const": "once"}}}
    assert clean(schema, ["const"]) is clean(copy.deepcopy(schema), {"const"})
    assert clean(schema, SEEN_REFUSED) is not clean(schema, {"const"})
