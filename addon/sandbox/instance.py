"""A small instance of a JSON Schema: how the simulated model fills in forms.

The smallest value at hand is taken: the first of an ``enum``, only required properties, the
shortest string and array, the number nearest to zero. References within the schema are
followed; of several alternatives the first that comes to an end is taken. ``pattern``, ``not``,
``contains`` and conditions are beyond it: what they ask for is not looked at. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

_FORMATS: Final = {
    "date": "2025-01-01",
    "date-time": "2025-01-01T00:00:00Z",
    "email": "qwen@example.com",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "time": "00:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class NoInstance(ValueError):
    """The schema has no finite instance, or none that taking the smallest parts would find."""


def minimal_instance(schema: object) -> object:
    """A small JSON value that ``schema`` (well-formed, see ``schema.json_schema``) allows.

    Raises NoInstance where there is none, as for ``false`` or for endless recursion.
    """
    return _Builder(schema if isinstance(schema, Mapping) else {}).build(schema, frozenset())


class _Builder:
    """Builds instances of the schemas inside one root schema, to which references point."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def build(self, schema: object, entered: frozenset[str]) -> object:
        """An instance of ``schema``; ``entered``: the references that led here."""
        if schema is False:
            raise NoInstance("the schema allows no value")
        if not isinstance(schema, Mapping):
            return None
        if "const" in schema or "enum" in schema:
            return schema["const"] if "const" in schema else schema["enum"][0]
        if "$ref" in schema:
            return self._referenced(schema, entered)
        if "allOf" in schema:
            first, *others = schema["allOf"]
            rest = {"allOf": others} if others else {}
            return self.build(_both(_without(schema, "allOf"), _both(first, rest)), entered)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._alternative(schema, keyword, entered)
        return self._of_type(schema, entered)

    def _referenced(self, schema: Schema, entered: frozenset[str]) -> object:
        reference = schema["$ref"]
        if reference in entered:
            raise NoInstance(f"{reference} leads back to itself")
        target: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or name not in target:
                raise NoInstance(f"{reference} leads nowhere")
            target = target[name]
        return self.build(_both(target, _without(schema, "$ref")), entered | {reference})

    def _alternative(self, schema: Schema, keyword: str, entered: frozenset[str]) -> object:
        for alternative in schema[keyword]:
            try:
                return self.build(_both(alternative, _without(schema, keyword)), entered)
            except NoInstance:
                continue
        raise NoInstance(f"no alternative of {keyword} has an instance")

    def _of_type(self, schema: Schema, entered: frozenset[str]) -> object:
        named = schema.get("type") or _implied_type(schema)
        kind = named if isinstance(named, str) else named[0]
        if kind == "object":
            properties, others = schema.get("properties", {}), schema.get("additionalProperties")
            return {
                name: self.build(properties.get(name, others), entered)
                for name in schema.get("required", [])
            }
        if kind == "array":
            prefix, others = schema.get("prefixItems", []), schema.get("items")
            return [
                self.build(prefix[i] if i < len(prefix) else others, entered)
                for i in range(schema.get("minItems", 0))
            ]
        return _SCALARS[kind](schema)


def _without(schema: Schema, keyword: str) -> Schema:
    return {key: value for key, value in schema.items() if key != keyword}


def _both(one: object, other: object) -> object:
    """A schema that asks for what both ask for; where they speak of the same, for the latter."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return other if one in (True, {}) else one if other in (True, {}) else False
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        merged["required"] = [*dict.fromkeys([*one["required"], *other["required"]])]
    if "allOf" in one and "allOf" in other:
        merged["allOf"] = [*one["allOf"], *other["allOf"]]
    return merged


def _implied_type(schema: Schema) -> str:
    for kind, keywords in _TELLTALES.items():
        if not keywords.isdisjoint(schema):
            return kind
    return "null"


def _string(schema: Schema) -> object:
    return _FORMATS.get(schema.get("format", ""), "x" * schema.get("minLength", 0))


def _number(schema: Schema) -> object:
    """The first of a few likely numbers, nearest to zero first, that is within the bounds."""
    step = schema.get("multipleOf", 1 if schema.get("type") == "integer" else 0)
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    likely: list[float] = [0]
    for bound, towards, whole in ((low, 1, math.ceil), (high, -1, math.floor)):
        if math.isfinite(bound):
            multiple = whole(bound / step) * step if step else bound
            likely += [multiple, multiple + towards * (step or 1)]
    likely.append((low + high) / 2)
    for value in sorted(likely, key=abs):
        if _is_allowed(value, schema, step):
            return int(value) if value == int(value) else value
    raise NoInstance("no number found within the bounds")


def _is_allowed(value: float, schema: Schema, step: float) -> bool:
    return (
        math.isfinite(value)
        and schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
        and schema.get("exclusiveMinimum", -math.inf) < value
        and value < schema.get("exclusiveMaximum", math.inf)
        and (not step or value % step == 0)
    )


_TELLTALES: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset({"additionalProperties", "properties", "required"}),
    "array": frozenset({"items", "maxItems", "minItems", "prefixItems"}),
    "string": frozenset({"format", "maxLength", "minLength", "pattern"}),
    "number": frozenset(
        {"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"}
    ),
}
"""Keywords by which a schema without ``type`` shows what it is about."""

_SCALARS: Final[Mapping[str, Callable[[Schema], object]]] = {
    "boolean": lambda _schema: False,
    "integer": _number,
    "null": lambda _schema: None,
    "number": _number,
    "string": _string,
}
