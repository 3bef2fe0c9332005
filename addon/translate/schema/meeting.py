"""Two JSON Schemas made into one that holds what both say.

This is how ``allOf`` and what stands beside a ``$ref`` come to be written as one schema.
Where one schema cannot say both, it says less, and never more: what both allow, it allows.
Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from addon.translate.schema.keywords import (
    CONDITION,
    CONTAINING,
    TYPES,
    UNEVALUATED,
    JsonObject,
    Operand,
    common_types,
    frozen,
)

_FAMILIES: Final = (
    frozenset({"additionalProperties", "patternProperties", "properties"}),
    frozenset({"additionalItems", "items", "prefixItems"}),
    CONDITION,
    CONTAINING,
)
"""Keywords that mean something else without each other: they come from one schema."""

_IN_FAMILIES: Final = UNEVALUATED.union(*_FAMILIES)

_ASSERTIONS: Final = frozenset(
    {
        "allOf",
        "anyOf",
        "const",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "propertyNames",
        "required",
        "type",
    }
)
"""Keywords by which instances are judged; the first to speak is heard of all others."""


def meet_all(schemas: Sequence[JsonObject]) -> tuple[JsonObject, bool]:
    """As ``meet``, of one or more. By halves: one by one, each would be looked at in each step."""
    if len(schemas) == 1:
        return schemas[0], True
    half = len(schemas) // 2
    first, is_exact = meet_all(schemas[:half])
    second, is_exact_too = meet_all(schemas[half:])
    both, is_exact_together = meet(first, second)
    return both, is_exact and is_exact_too and is_exact_together


def meet(one: JsonObject, other: JsonObject) -> tuple[JsonObject, bool]:
    """A schema of what both allow, and whether it allows nothing else.

    Of annotations, such as descriptions, those of ``one`` stay.
    """
    if not one or not other:
        return one or other, True
    exact = UNEVALUATED.isdisjoint(one) and UNEVALUATED.isdisjoint(other)
    both = {keyword: value for keyword, value in one.items() if keyword not in UNEVALUATED}
    for keyword, value in other.items():
        if keyword in _IN_FAMILIES:
            continue
        if keyword not in both:
            both[keyword] = value
        elif frozen(both[keyword]) != frozen(value):
            exact &= _meet_operands(both, keyword, value)
    for family in _FAMILIES:
        exact &= _meet_families(both, other, family)
    return both, exact


def _meet_operands(both: JsonObject, keyword: str, value: Operand) -> bool:
    """Puts into ``both`` what it and ``value`` say by ``keyword``; False: not all of it."""
    merge = _MERGES.get(keyword)
    merged = merge(both[keyword], value) if merge else None
    if merged is None:
        return keyword not in _ASSERTIONS
    both[keyword] = merged
    return True


def _meet_families(both: JsonObject, other: JsonObject, family: frozenset[str]) -> bool:
    ours = {keyword: both[keyword] for keyword in both if keyword in family}
    theirs = {keyword: other[keyword] for keyword in other if keyword in family}
    if not theirs or frozen(ours) == frozen(theirs):
        return True
    if not ours:
        both.update(theirs)
        return True
    named = {**ours, **theirs}
    if "properties" in family and "patternProperties" not in named:
        return _meet_properties(both, other)
    if ours.keys() == theirs.keys() == {"items"}:
        both["items"], exact = _meet_any(both["items"], other["items"])
        return exact
    return False


def _meet_properties(both: JsonObject, other: JsonObject) -> bool:
    """What two schemas say of properties: of each that one of them names, and of all others."""
    ours, theirs = both.get("properties", {}), other.get("properties", {})
    our_rest = both.get("additionalProperties", True)
    their_rest = other.get("additionalProperties", True)
    if not isinstance(ours, dict) or not isinstance(theirs, dict):
        return False
    exact = True
    properties: JsonObject = {}
    for name in {**ours, **theirs}:
        if name in ours and name in theirs:
            properties[name], is_exact = _meet_any(ours[name], theirs[name])
            exact &= is_exact
            continue
        schema, rest = (ours[name], their_rest) if name in ours else (theirs[name], our_rest)
        if rest is not False:
            properties[name] = schema
            # written out beside each name, the rest could grow without end
            exact &= rest is True or rest == {}
    if properties or "properties" in both or "properties" in other:
        both["properties"] = properties
    rest, is_exact = _meet_any(our_rest, their_rest)
    if rest is not True:
        both["additionalProperties"] = rest
    return exact and is_exact


def _meet_any(one: Operand, other: Operand) -> tuple[Operand, bool]:
    """As ``meet``, where one of them may be a boolean, or no schema at all."""
    if one is False or other is False:
        return False, True
    if other is True or other == {}:
        return one, True
    if one is True or one == {}:
        return other, True
    if isinstance(one, dict) and isinstance(other, dict):
        return meet(one, other)
    return one, False


def _types(ours: Operand, theirs: Operand) -> Operand:
    mine, yours = ([each] if isinstance(each, str) else each for each in (ours, theirs))
    if not (isinstance(mine, list) and isinstance(yours, list)):
        return None
    if any(kind not in (*TYPES, "integer") for kind in (*mine, *yours)):
        return None
    common = common_types(mine, yours)
    return common[0] if len(common) == 1 else common or None


def _values(ours: Operand, theirs: Operand) -> Operand:
    if not (isinstance(ours, list) and isinstance(theirs, list)):
        return None
    allowed = {frozen(value) for value in theirs}
    return [value for value in ours if frozen(value) in allowed] or None


def _names(ours: Operand, theirs: Operand) -> Operand:
    names = _one_after_the_other(ours, theirs)
    if names is None or not all(isinstance(name, str) for name in names):
        return None
    return list(dict.fromkeys(names))


def _one_after_the_other(ours: Operand, theirs: Operand) -> Operand:
    return [*ours, *theirs] if isinstance(ours, list) and isinstance(theirs, list) else None


def _schemas(ours: Operand, theirs: Operand) -> Operand:
    merged, exact = _meet_any(ours, theirs)
    return merged if exact else None


def _multiples(ours: Operand, theirs: Operand) -> Operand:
    if type(ours) is int and type(theirs) is int and ours > 0 and theirs > 0:
        return math.lcm(ours, theirs)
    return None


def _either(ours: Operand, theirs: Operand) -> Operand:
    return ours or theirs


def _bound(
    stricter: Callable[[Operand, Operand], Operand],
) -> Callable[[Operand, Operand], Operand]:
    def merge(ours: Operand, theirs: Operand) -> Operand:
        numbers = [each for each in (ours, theirs) if type(each) in (int, float)]
        return stricter(ours, theirs) if len(numbers) == 2 else None

    return merge


_MERGES: Final[Mapping[str, Callable[[Operand, Operand], Operand]]] = {
    "allOf": _one_after_the_other,
    "enum": _values,
    "multipleOf": _multiples,
    "propertyNames": _schemas,
    "required": _names,
    "type": _types,
    "uniqueItems": _either,
    **dict.fromkeys(
        (
            "exclusiveMinimum",
            "minItems",
            "minLength",
            "minProperties",
            "minimum",
        ),
        _bound(max),
    ),
    **dict.fromkeys(
        (
            "exclusiveMaximum",
            "maxItems",
            "maxLength",
            "maxProperties",
            "maximum",
        ),
        _bound(min),
    ),
}
"""How two operands of a keyword become one that says both; None: not at all."""
