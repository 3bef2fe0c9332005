"""Arbitrary JSON Schemas, and values that they may well allow.

A schema is a handful of keywords that need not fit together, over a small vocabulary, with
references that lead anywhere: onwards, back, to themselves, to nothing. A value is made by
the schema, since one made blindly is hardly ever valid. Both come from a generator of random
numbers that hypothesis seeds: a hundred times the schemas in the same time, for which it
pays not to see the smallest of those that fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any, Final

from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry
from referencing.exceptions import Unresolvable

Json = dict[str, Any]

_NAMES: Final = ["a", "b", "ab", "const", "$ref"]
_SCALARS: Final[list[Any]] = [None, True, False, 0, 1, 2, 1.0, 0.5, "", "a", "ab", "abc"]
_TYPES: Final = ["object", "array", "string", "integer", "number", "boolean", "null"]
_TARGETS: Final[Mapping[str, tuple[str | int, ...] | None]] = {
    "#/$defs/A": ("$defs", "A"),
    "#/$defs/b~1%20~0": ("$defs", "b/ ~"),
    "#/$defs/C": ("$defs", "C"),
    "#": (),
    "#/properties/a": ("properties", "a"),
    "#/$defs/C/anyOf/0": ("$defs", "C", "anyOf", 0),
    "#/elsewhere": ("elsewhere",),
    "#named": ("$defs", "named"),
    "inner": ("$defs", "inner"),
    "inner#/$defs/A": ("$defs", "inner", "$defs", "A"),
    "#/nowhere": None,
    "https://example.com/other#/$defs/A": None,
}
"""References, and the path to what each points to."""


class _Maker:
    """Makes schemas, and values by them, of what ``random`` says."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def root(self) -> Json:
        """A schema of parameters, with all that its references may point to."""
        root = {**self._schema(2), "properties": self.named(2)}
        if "type" in root or self._random.random() < 0.5:
            root["type"] = "object"
        root["$defs"] = {
            "A": self.subschema(2),
            "b/ ~": self.subschema(2),
            "C": {"anyOf": [self.subschema(2)]},
            "named": {**self._schema(2), "$anchor": "named"},
            "inner": {**self._schema(1), "$id": "inner", "$defs": {"A": self.subschema(1)}},
        }
        root["elsewhere"] = self.subschema(1)
        return root

    def subschema(self, depth: int) -> Json | bool:
        if self._random.random() < 0.12:
            return self._random.random() < 0.5
        return self._schema(depth)

    def _schema(self, depth: int) -> Json:
        if depth <= 0:
            keywords = self._random.choices(_LEAF_KEYWORDS, k=self._random.randint(0, 2))
        else:
            keywords = self._random.choices(_KEYWORDS, _WEIGHTS, k=self._random.randint(1, 4))
        return {keyword: OPERANDS[keyword](self, depth - 1) for keyword in keywords}

    def type(self, _depth: int) -> str | list[str]:
        if self._random.random() < 0.6:
            return self._random.choice(_TYPES)
        return self._random.sample(_TYPES, self._random.randint(1, 4))

    def several(self, depth: int) -> list[Json | bool]:
        return [self.subschema(depth) for _ in range(self._random.randint(1, 3))]

    def named(self, depth: int) -> Json:
        return {name: self.subschema(depth) for name in self.names(depth)}

    def patterns(self, depth: int) -> Json:
        patterns = self._random.sample(["a", "^a$", ""], self._random.randint(0, 2))
        return {pattern: self.subschema(depth) for pattern in patterns}

    def names(self, _depth: int) -> list[str]:
        return self._random.sample(_NAMES, self._random.randint(0, 3))

    def one_of(self, *values: Any) -> Any:
        return self._random.choice(values)

    def value(self, depth: int = 2) -> Any:
        kind = self._random.random() if depth else 1
        if kind < 0.15:
            return [self.value(depth - 1) for _ in range(self._random.randint(0, 2))]
        if kind < 0.3:
            return {name: self.value(depth - 1) for name in self.names(0)[:2]}
        return self._random.choice(_SCALARS)

    def instance(self, schema: Any, root: Json, depth: int = 5) -> Any:
        """A value that ``schema`` may well allow."""
        if depth == 0 or not isinstance(schema, dict):
            return self.value()
        ways: list[Callable[[], Any]] = [
            partial(self.instance, branch, root, depth - 1)
            for keyword in ("anyOf", "oneOf")
            for branch in schema.get(keyword, ())
        ]
        if "$ref" in schema:
            target = _target(root, schema["$ref"])
            ways.append(partial(self.instance, target, root, depth - 1))
        if values := [schema["const"]] if "const" in schema else schema.get("enum"):
            ways.append(partial(self._random.choice, values))
        types = schema.get("type", [])
        for kind in [types] if isinstance(types, str) else types:
            if kind not in ("object", "array"):
                is_type = Draft202012Validator.TYPE_CHECKER.is_type
                fitting = [value for value in _SCALARS if is_type(value, kind)]
                ways.append(partial(self._random.choice, fitting))
        parts = [schema, *(part for part in schema.get("allOf", ()) if isinstance(part, dict))]
        if "object" in types or any({"properties", "required"} & part.keys() for part in parts):
            ways += [partial(self._object, parts, root, depth - 1)] * 2
        if "array" in types or {"items", "prefixItems"} & schema.keys():
            ways.append(partial(self._array, schema, root, depth - 1))
        return self._random.choice(ways)() if ways else self.value()

    def _object(self, parts: list[Json], root: Json, depth: int) -> Json:
        made: Json = {}
        others = [parts[0].get("additionalProperties", True)]
        others += parts[0].get("patternProperties", {}).values()
        if self._random.random() < 0.4:
            other = self._random.choice(others)
            made[self._random.choice(_NAMES)] = self.instance(other, root, depth)
        for part in parts:
            required = part.get("required", ())
            properties = part.get("properties", {})
            for name in dict.fromkeys((*properties, *required)):
                if name in required or self._random.random() < 0.5:
                    made[name] = self.instance(properties.get(name, True), root, depth)
        return made

    def _array(self, schema: Json, root: Json, depth: int) -> list[Any]:
        prefix = schema.get("prefixItems", ())
        made = [self.instance(one, root, depth) for one in prefix]
        rest = schema.get("items", True)
        made += [self.instance(rest, root, depth) for _ in range(self._random.randint(0, 2))]
        return made[: self._random.choice([1, 9, 9])]


OPERANDS: Final[Mapping[str, Callable[[_Maker, int], Any]]] = {
    "type": _Maker.type,
    "const": lambda make, _: make.value(),
    "enum": lambda make, _: [make.value() for _ in range(make.one_of(1, 2, 4))],
    "properties": _Maker.named,
    "required": _Maker.names,
    "patternProperties": _Maker.patterns,
    "dependentRequired": lambda make, _: {"a": make.names(0)},
    "dependentSchemas": _Maker.named,
    "$ref": lambda make, _: make.one_of(*_TARGETS),
    "$defs": lambda make, depth: {"A": make.subschema(depth)},
    "uniqueItems": lambda make, _: make.one_of(True, False),
    "multipleOf": lambda make, _: make.one_of(1, 2, 3, 0.5),
    "pattern": lambda make, _: make.one_of("a", "^a"),
    "nullable": lambda make, _: make.one_of(True, False),
    "description": lambda make, _: make.one_of("one", "two"),
    "default": lambda _make, _: {"const": {"$ref": "#/$defs/A"}},
    "not": lambda make, depth: make.one_of({}, *make.several(depth)),
    **dict.fromkeys(
        ("additionalProperties", "contains", "else", "if", "items", "propertyNames", "then"),
        _Maker.subschema,
    ),
    **dict.fromkeys(
        ("unevaluatedItems", "unevaluatedProperties"),
        lambda make, depth: make.one_of(False, make.subschema(depth)),
    ),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), _Maker.several),
    **dict.fromkeys(
        (
            "maxContains",
            "maxItems",
            "maxLength",
            "maxProperties",
            "minContains",
            "minItems",
            "minLength",
            "minProperties",
        ),
        lambda make, _: make.one_of(0, 1, 2, 3),
    ),
    **dict.fromkeys(
        ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"),
        lambda make, _: make.one_of(0, 1, 2, 0.5, 1.0),
    ),
}
"""Keywords, and how their operands are made."""

_KEYWORDS: Final = sorted(OPERANDS)
_LEAF_KEYWORDS: Final = ["$ref", "const", "enum", "minLength", "minimum", "required", "type"]
_WEIGHTS: Final = [
    {"properties": 8, "type": 8}.get(
        keyword,
        3 if keyword in ("$ref", "additionalProperties", "allOf", "anyOf", "items", "oneOf") else 1,
    )
    for keyword in _KEYWORDS
]


def _target(root: Json, reference: str) -> Any:
    value: Any = root
    for step in _TARGETS.get(reference) or ():
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return True
    return value


_RANDOMS: Final = st.randoms(use_true_random=True)


def schemas() -> st.SearchStrategy[Json]:
    """Schemas of a tool's parameters."""
    return _RANDOMS.map(lambda random: _Maker(random).root())


def arguments(schema: Json) -> st.SearchStrategy[list[Json]]:
    """Objects that ``schema`` may well allow."""
    return _RANDOMS.map(lambda random: _objects(_Maker(random), schema))


def _objects(make: _Maker, schema: Json) -> list[Json]:
    made = [make.instance(schema, schema) for _ in range(8)]
    return [value for value in made if isinstance(value, dict)]


def values() -> st.SearchStrategy[Any]:
    """Any small JSON values."""
    return _RANDOMS.map(lambda random: _Maker(random).value(3))


def is_valid(value: Any, schema: Json) -> bool | None:
    """What JSON Schema 2020-12 says of ``value``; None: nothing, as ``schema`` leads nowhere."""
    if _is_endless(schema):
        return None
    try:
        return bool(Draft202012Validator(schema, registry=Registry()).is_valid(value))
    except Unresolvable:
        return None


def _is_endless(root: Json) -> bool:
    """Whether judging a value by a schema in ``root`` may lead back to judging it by the same.

    Validators go on until their stack is exhausted.
    """
    # in a schema with an ``$id`` a reference may mean one of its own
    bases = [root, root.get("$defs", {}).get("inner", True)]
    edges: dict[int, set[int]] = {}
    left: list[Any] = [root]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            edges[id(node)] = set(map(id, _judges_of_the_same(node, bases)))
            left += node.values()
        elif isinstance(node, list):
            left += node
    while ended := [node for node, onward in edges.items() if onward.isdisjoint(edges)]:
        for node in ended:
            del edges[node]
    return bool(edges)


def _judges_of_the_same(schema: Json, bases: list[Any]) -> list[Any]:
    """The schemas in ``schema`` that judge the value itself, not what is in it."""
    same = [schema.get(keyword) for keyword in ("else", "if", "not", "then")]
    for keyword in ("allOf", "anyOf", "oneOf"):
        same += schema.get(keyword, ())
    if isinstance(dependent := schema.get("dependentSchemas"), dict):
        same += dependent.values()
    if isinstance(reference := schema.get("$ref"), str):
        same += [_target(base, reference) for base in bases]
    return same
