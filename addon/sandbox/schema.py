"""Which JSON Schemas the sandbox takes: well-formed ones, without what a caller forbids.

The keywords are those of JSON Schema 2020-12; unknown ones are allowed, as there.
Keywords are looked for where schemas stand: a property that is named ``const`` is none. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from addon.sandbox.checks import (
    Check,
    Violation,
    anything,
    array,
    boolean,
    either,
    integer,
    mapping,
    number,
    one_of,
    text,
)

_ANY_NUMBER: Final = number(float("-inf"))
_COUNT: Final = integer(0)
_TYPE: Final = one_of("string", "number", "integer", "boolean", "array", "object", "null")

_ONE_SCHEMA: Final = frozenset(
    {
        "additionalProperties",
        "contains",
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
_SCHEMA_LIST: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMA_MAP: Final = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
_OPERANDS: Final[Mapping[str, Check]] = {
    "type": either(string=_TYPE, otherwise=array(_TYPE, unique=True)),
    "required": array(text, at_least=0, unique=True),
    "enum": array(anything),
    "examples": array(anything, at_least=0),
    "multipleOf": number(0, open_low=True),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _ANY_NUMBER),
    **dict.fromkeys(
        (
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "minProperties",
            "maxProperties",
            "minContains",
            "maxContains",
        ),
        _COUNT,
    ),
    **dict.fromkeys(
        ("$comment", "$id", "$ref", "$schema", "description", "format", "pattern", "title"), text
    ),
    **dict.fromkeys(("deprecated", "readOnly", "uniqueItems", "writeOnly"), boolean),
}


def json_schema(*, forbidden: Collection[str] = ()) -> Check:
    """A well-formed JSON Schema in which none of the ``forbidden`` keywords is used."""

    def check(value: object, param: str) -> Iterator[Violation]:
        if isinstance(value, bool):
            return
        if not isinstance(value, dict):
            yield Violation(param, f"{param} must be a JSON Schema: an object or a boolean")
            return
        for keyword, operand in value.items():
            where = f"{param}.{keyword}"
            if keyword in forbidden:
                yield Violation(where, f"the JSON Schema keyword {keyword} is not supported here")
            else:
                yield from operand_check(keyword)(operand, where)

    def operand_check(keyword: str) -> Check:
        if keyword in _ONE_SCHEMA:
            return check
        if keyword in _SCHEMA_LIST:
            return array(check)
        if keyword in _SCHEMA_MAP:
            return mapping(check)
        return _OPERANDS.get(keyword, anything)

    return check


def object_schema(*, forbidden: Collection[str] = ()) -> Check:
    """As ``json_schema``, and what it describes is an object."""
    well_formed = json_schema(forbidden=forbidden)

    def check(value: object, param: str) -> Iterator[Violation]:
        if not isinstance(value, dict) or value.get("type") != "object":
            yield Violation(param, f"{param} must be a JSON Schema of type 'object'")
        else:
            yield from well_formed(value, param)

    return check
