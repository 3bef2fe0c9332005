"""A JSON Schema written anew without the keywords that a service refuses.

| keyword                                  | what becomes of it                                |
|------------------------------------------|---------------------------------------------------|
| ``$ref``                                 | what it points to, met with what stands beside it |
| ``const``                                | ``enum`` of one, with its type                    |
| ``nullable``                             | ``null`` among the types and the values           |
| ``oneOf``                                | ``anyOf``                                         |
| ``allOf``                                | one schema, as far as one can say it              |
| ``prefixItems``, a list in ``items``     | ``items``, where their number is limited          |
| ``patternProperties``                    | a wider ``additionalProperties``                  |
| any other                                | left out                                          |
| ``true`` and ``false`` in place of a     | a schema; a property or an alternative that       |
| schema                                   | cannot be is left out                             |

A schema may become wider, never narrower. So what only holds of a schema as it was, goes
with any change in it: in ``not``, ``if`` and ``contains`` wider would be narrower outside,
and ``unevaluated…`` asks what the others left over. Lists of types stay: ``single_types``
comes after this. Pure.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from addon.translate.schema.keywords import (
    CONDITION,
    CONTAINING,
    REFERENCES,
    TYPES,
    UNEVALUATED,
    JsonObject,
    Operand,
    frozen,
    mapped,
    size_of,
    type_of,
)
from addon.translate.schema.meeting import meet, meet_all
from addon.translate.schema.survey import DEEPEST, Survey

_REWORDED: Final = frozenset(
    {
        "additionalItems",
        "allOf",
        "anyOf",
        "const",
        "items",
        "nullable",
        "oneOf",
        "patternProperties",
        "prefixItems",
    }
)
"""Keywords that say something even where they are refused."""

_FAMILIES: Final = (
    frozenset({"not"}),
    CONDITION,
    CONTAINING,
)
"""Keywords that are kept together and as they are, or not at all."""


class Rewriting:
    """One schema being rewritten: ``survey`` says what must change.

    References are written out ``nesting`` deep within each other, and as long as what they
    bring in has no more than ``room`` characters in all.
    """

    __slots__ = (
        "_left_out_everywhere",
        "_nesting",
        "_open",
        "_refused",
        "_room",
        "_sizes",
        "_survey",
        "ran_out_of_room",
    )

    def __init__(self, survey: Survey, room: int, nesting: int) -> None:
        self.ran_out_of_room = False
        self._survey = survey
        self._nesting = nesting
        self._refused = survey.refused
        self._left_out_everywhere = REFERENCES | UNEVALUATED | (survey.refused - _REWORDED)
        self._room = room
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def rewritten(self, schema: Operand, depth: int = 0) -> Operand:
        """``schema`` anew; itself where nothing must change; ``False`` where nothing fits it."""
        if schema is True:
            return {}
        if not isinstance(schema, dict) or not self._survey.must_change(schema):
            return schema
        if depth > DEEPEST:
            return self._outline(schema)
        self._open.add(id(schema))
        try:
            return self._written(schema, depth)
        finally:
            self._open.discard(id(schema))

    def _written(self, schema: JsonObject, depth: int) -> JsonObject | bool:
        if "not" in self._refused and (schema.get("not") is True or schema.get("not") == {}):
            return False
        left_out = self._left_out(schema)
        out = {
            keyword: self._operand(keyword, value, depth)
            for keyword, value in schema.items()
            if keyword not in left_out
        }
        if "properties" in self._refused:
            # it would be about all properties
            out.pop("additionalProperties", None)
        self._reword_arrays(out)
        self._reword_objects(out)
        self._reword_values(out)
        self._reword_unions(out, schema)
        out = self._joined(out, schema, depth)
        return self._without_refused(out)

    def _left_out(self, schema: JsonObject) -> AbstractSet[str]:
        left_out = self._left_out_everywhere
        for family in _FAMILIES:
            there = family & schema.keys()
            if not self._refused.isdisjoint(there) or any(
                self._survey.must_change(schema[keyword]) for keyword in there
            ):
                left_out |= family
        return left_out

    def _operand(self, keyword: str, value: Operand, depth: int) -> Operand:
        if keyword == "additionalProperties" and isinstance(value, bool):
            return value
        if any(keyword in family for family in _FAMILIES):
            return value
        return mapped(keyword, value, lambda schema: self.rewritten(schema, depth + 1))

    def _without_refused(self, schema: JsonObject) -> JsonObject:
        return {key: value for key, value in schema.items() if key not in self._refused}

    def _reword_arrays(self, out: JsonObject) -> None:
        """``prefixItems`` and ``items`` as one; older drafts wrote both into ``items``."""
        items = out.get("items", True)
        is_older = isinstance(items, list)
        prefix = items if is_older else out.get("prefixItems")
        if not isinstance(prefix, list):
            prefix = []
        rest = out.get("additionalItems", True) if is_older else items
        if rest is False:
            out["maxItems"] = min(len(prefix), _count(out.get("maxItems"), len(prefix)))
            if not is_older:
                del out["items"]
        if not (is_older or (prefix and "prefixItems" in self._refused)):
            return
        may_be = [schema for schema in prefix if schema is not False]
        if _count(out.get("maxItems"), len(prefix) + 1) > len(prefix):
            may_be.append({} if rest is True else rest)
        for keyword in ("additionalItems", "items"):
            out.pop(keyword, None)
        if may_be and (union := self._union(may_be)):
            out["items"] = union

    def _reword_objects(self, out: JsonObject) -> None:
        """Properties that cannot be are left out; what names of a pattern may hold, others may."""
        properties = out.get("properties")
        if isinstance(properties, dict) and any(one is False for one in properties.values()):
            out["properties"] = {
                name: schema for name, schema in properties.items() if schema is not False
            }
        rest = out.get("additionalProperties", True)
        patterns = out.get("patternProperties")
        if "patternProperties" not in self._refused or not isinstance(patterns, dict):
            return
        may_be = [schema for schema in (*patterns.values(), rest) if schema is not False]
        if rest is not True and may_be:
            out["additionalProperties"] = self._union(may_be)

    def _union(self, schemas: list[Operand]) -> JsonObject:
        """A schema of what any of ``schemas`` allows."""
        if not all(isinstance(schema, dict) and schema for schema in schemas):
            return {}
        first: JsonObject = schemas[0]
        if len({frozen(schema) for schema in schemas}) == 1:
            return first
        return {} if "anyOf" in self._refused else {"anyOf": schemas}

    def _reword_values(self, out: JsonObject) -> None:
        if "const" in out and "const" in self._refused:
            value = out.pop("const")
            out["enum"] = [value]
            out.setdefault("type", type_of(value))
        if out.get("nullable") is True and "nullable" in self._refused:
            kind = out.get("type")
            if isinstance(kind, str) and kind != "null":
                out["type"] = [kind, "null"]
            elif isinstance(kind, list) and "null" not in kind:
                out["type"] = [*kind, "null"]
            if isinstance(out.get("enum"), list) and None not in out["enum"]:
                out["enum"] = [*out["enum"], None]

    def _reword_unions(self, out: JsonObject, schema: JsonObject) -> None:
        has_changed = out.get("oneOf") is not schema.get("oneOf")
        for keyword in ("oneOf", "anyOf"):
            if isinstance(out.get(keyword), list) and False in out[keyword]:
                out[keyword] = [branch for branch in out[keyword] if branch is not False]
                if not out[keyword]:
                    del out[keyword]
        if isinstance(out.get("oneOf"), list) and ("oneOf" in self._refused or has_changed):
            # wider alternatives have more in common: it may be that no longer one alone fits
            one_of = out.pop("oneOf")
            out.setdefault("anyOf", one_of)
        branches = out.get("anyOf")
        if isinstance(branches, list) and len(branches) == 1 and isinstance(branches[0], dict):
            beside = {keyword: value for keyword, value in out.items() if keyword != "anyOf"}
            both, is_exact = meet(beside, branches[0])
            if is_exact:
                out.clear()
                out.update(both)

    def _joined(self, out: JsonObject, schema: JsonObject, depth: int) -> JsonObject:
        """``out`` met with all that ``allOf`` and ``$ref`` add to it."""
        parts = out.get("allOf")
        if isinstance(parts, list):
            parts = out["allOf"] = [{} if part is False else part for part in parts]
            if "allOf" in self._refused:
                del out["allOf"]
                out, _ = meet_all([out, *(part for part in parts if isinstance(part, dict))])
        if "$ref" in schema:
            target = self._referred(schema, depth)
            both, is_exact = meet(out, target)
            if is_exact or "allOf" in self._refused:
                return both
            out["allOf"] = [*out.get("allOf", []), target]
        return out

    def _referred(self, schema: JsonObject, depth: int) -> JsonObject:
        """What the ``$ref`` in ``schema`` points to, rewritten.

        Where that would never end, or grow too much: what is known of it.
        """
        target = self._survey.target(schema)
        if not isinstance(target, dict):
            return {}
        if id(target) in self._open or depth >= DEEPEST or self._nesting == 0:
            return self._outline(target)
        if not self._has_room_for(target):
            self.ran_out_of_room = True
            return self._outline(target)
        self._nesting -= 1
        rewritten = self.rewritten(target, depth + 1)
        self._nesting += 1
        return rewritten if isinstance(rewritten, dict) else {}

    def _has_room_for(self, target: JsonObject) -> bool:
        """Whether ``target`` may be written out once more; then its room is taken."""
        if id(target) not in self._sizes:
            self._sizes[id(target)] = size_of(target, self._room)
        if self._sizes[id(target)] > self._room:
            return False
        self._room -= self._sizes[id(target)]
        return True

    def _outline(self, schema: JsonObject) -> JsonObject:
        outline: JsonObject = {
            keyword: schema[keyword]
            for keyword in ("title", "description")
            if isinstance(schema.get(keyword), str)
        }
        types = self._survey.types(schema)
        if types != list(TYPES):
            outline["type"] = types[0] if len(types) == 1 else types
        return self._without_refused(outline)


def _count(operand: object, otherwise: int) -> int:
    return operand if type(operand) is int and operand >= 0 else otherwise
