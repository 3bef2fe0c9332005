"""Where schemas stand in a JSON Schema, and of which values its keywords speak.

The keywords are those of JSON Schema 2020-12, and of older drafts where clients still send
them. A value that has not the form its keyword asks for is data: nobody looks into it. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
Operand: TypeAlias = Any
"""What stands beside a keyword, or in place of a schema: any JSON value, for clients err."""

_ONE_SCHEMA: Final = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_SCHEMA_LIST: Final = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
_SCHEMA_MAP: Final = frozenset(
    {
        "$defs",
        "definitions",
        "dependencies",
        "dependentSchemas",
        "patternProperties",
        "properties",
    }
)

REFERENCES: Final = frozenset(
    {
        "$anchor",
        "$defs",
        "$dynamicAnchor",
        "$dynamicRef",
        "$id",
        "$recursiveAnchor",
        "$recursiveRef",
        "$ref",
        "definitions",
    }
)
"""Keywords that point to schemas, or that make them ready to be pointed to."""

CONDITION: Final = frozenset({"else", "if", "then"})
CONTAINING: Final = frozenset({"contains", "maxContains", "minContains"})
"""Keywords that mean something else, or nothing, without each other."""

UNEVALUATED: Final = frozenset({"unevaluatedItems", "unevaluatedProperties"})
"""Keywords that depend on which others stand beside them: they are the first to go."""

TYPES: Final = ("object", "array", "string", "number", "boolean", "null")
"""The types that have no value in common; ``integer`` is a part of ``number``."""

KEYWORDS_OF: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset(
        {
            "additionalProperties",
            "dependencies",
            "dependentRequired",
            "dependentSchemas",
            "maxProperties",
            "minProperties",
            "patternProperties",
            "properties",
            "propertyNames",
            "required",
        }
    ),
    "array": frozenset(
        {
            "additionalItems",
            "contains",
            "items",
            "maxContains",
            "maxItems",
            "minContains",
            "minItems",
            "prefixItems",
            "uniqueItems",
        }
    ),
    "string": frozenset(
        {
            "contentEncoding",
            "contentMediaType",
            "contentSchema",
            "format",
            "maxLength",
            "minLength",
            "pattern",
        }
    ),
    "number": (
        _numeric := frozenset(
            {"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"}
        )
    ),
    "integer": _numeric,
}
"""Keywords that say nothing of values of other types."""


def subschemas(schema: JsonObject) -> Iterator[Operand]:
    """All values that stand directly in ``schema`` where schemas stand."""
    for keyword, value in schema.items():
        if isinstance(value, dict) and keyword in _SCHEMA_MAP:
            yield from value.values()
        elif isinstance(value, list):
            if keyword in _SCHEMA_LIST:
                yield from value
        elif keyword in _ONE_SCHEMA:
            yield value


def mapped(keyword: str, value: Operand, change: Callable[[Operand], Operand]) -> Operand:
    """``value`` of ``keyword``, its schemas changed; itself where none is another afterwards."""
    if isinstance(value, dict) and keyword in _SCHEMA_MAP:
        changed = {name: change(schema) for name, schema in value.items()}
        return changed if any(changed[name] is not value[name] for name in value) else value
    if isinstance(value, list):
        if keyword not in _SCHEMA_LIST:
            return value
        members = [change(schema) for schema in value]
        return value if all(map(_is, members, value)) else members
    return change(value) if keyword in _ONE_SCHEMA else value


def map_subschemas(schema: JsonObject, change: Callable[[Operand], Operand]) -> JsonObject:
    """``schema`` with its subschemas changed; itself where none is another afterwards."""
    changed = {
        keyword: other
        for keyword, value in schema.items()
        if (other := mapped(keyword, value, change)) is not value
    }
    return {**schema, **changed} if changed else schema


def _is(one: object, other: object) -> bool:
    return one is other


def type_list(schema: JsonObject) -> list[str] | None:
    """The types of which ``schema`` allows each, without repetition; None: it lists none."""
    listed = schema.get("type")
    if not isinstance(listed, list) or not listed:
        return None
    if any(kind not in (*TYPES, "integer") for kind in listed):
        return None
    return without_repetition(listed)


def without_repetition(types: Sequence[str]) -> list[str]:
    """``types`` each once, and ``integer`` not beside ``number``."""
    return [kind for kind in dict.fromkeys(types) if kind != "integer" or "number" not in types]


def common_types(some: Sequence[str], others: Sequence[str]) -> list[str]:
    """The types of the values that are of one of ``some`` and of one of ``others``."""
    both = [kind for kind in some if kind in others or (kind == "integer" and "number" in others)]
    if "integer" in others and "number" in some:
        both.append("integer")
    return without_repetition(both)


def type_of(value: object) -> str:
    """The narrowest type that a JSON value is of; a float counts as no integer."""
    return "null" if value is None else _TYPES_OF[type(value)]


_TYPES_OF: Final[Mapping[type, str]] = {
    bool: "boolean",
    dict: "object",
    float: "number",
    int: "integer",
    list: "array",
    str: "string",
}


def is_of_type(value: object, kind: str) -> bool:
    """Whether a JSON value is of type ``kind``: 1.0 is an integer, as JSON Schema has it."""
    narrowest = type_of(value)
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return narrowest == kind or (narrowest == "integer" and kind == "number")


def frozen(value: Operand) -> Hashable:
    """Equal for equal JSON values alone: 1 is 1.0, as JSON Schema has it, but not ``true``."""
    if isinstance(value, dict):
        return frozenset((key, frozen(member)) for key, member in value.items())
    if isinstance(value, list):
        return tuple(map(frozen, value))
    scalar: Hashable = (bool, value) if isinstance(value, bool) else value
    return scalar


def size_of(value: object, limit: float = math.inf) -> int:
    """About how many characters ``value`` has as JSON; counted no further than past ``limit``."""
    size, left = 0, [value]
    while left and size <= limit:
        one = left.pop()
        size += 3
        if isinstance(one, str):
            size += len(one)
        elif isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            size += sum(map(len, one)) + 3 * len(one)
            left += one.values()
    return size


def depth_of(value: object) -> int:
    """How many objects and arrays of ``value`` stand in each other at most."""
    depth, level = 0, [value]
    while True:
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return depth
        depth += 1
