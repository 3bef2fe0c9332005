"""JSON Schemas of tools and answers, cleaned of what a Chat service refuses.

A client writes its tools' parameters in whatever JSON Schema its libraries make: references,
constants, lists of types. Some services know a part of JSON Schema only, and refuse the whole
request for one keyword of one tool. ``clean`` writes a schema anew in the words that are left.

The walls it keeps to: what was valid before is valid afterwards, so a cleaned schema may say
less, and never more; it does not grow without bounds; and it is the same in every turn, so
that a prompt cache stays warm. The client still judges the calls by its own schema. Pure.

In this room: ``keywords`` (where schemas stand), ``survey`` (what must change, and what
points where), ``meeting`` (two schemas in one), ``rewriting`` (the refused keywords),
``single_types`` (lists of types).
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Final

from pydantic_core import from_json, to_json

from addon.translate.json_edge import MAX_DEPTH
from addon.translate.schema.keywords import JsonObject, depth_of, size_of, type_list
from addon.translate.schema.rewriting import Rewriting
from addon.translate.schema.single_types import SingleTypes
from addon.translate.schema.survey import DEEPEST, Survey

__all__ = ["SEEN_REFUSED", "JsonObject", "clean"]

SEEN_REFUSED: Final = frozenset(
    {
        # references: gateways that forbid them, and models that cannot follow them
        "$anchor",
        "$defs",
        "$dynamicAnchor",
        "$dynamicRef",
        "$recursiveAnchor",
        "$recursiveRef",
        "$ref",
        "definitions",
        # what a schema says of itself
        "$comment",
        "$id",
        "$schema",
        # values; ``nullable`` is OpenAPI's
        "const",
        "nullable",
        # schemas put together
        "allOf",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "if",
        "not",
        "oneOf",
        "then",
        # properties and items other than by name, or all alike
        "additionalItems",
        "contains",
        "maxContains",
        "minContains",
        "patternProperties",
        "prefixItems",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
"""Keywords that one Chat service or another was seen to refuse in the parameters of tools, and
without which a schema still says what a model must know. Bounds, ``pattern``, ``format`` and
``title`` are refused by few, and tell the model something: who needs it names them as well."""

_ROOM: Final = 50_000
"""Characters that references may bring in beside twice the schema's own."""
_NESTINGS: Final = (DEEPEST, 5, 3, 2, 1)
"""How deep references may be written out within each other: the first for which there is room."""


_MOST_KEPT: Final = 512
_LONGEST_KEPT: Final = 16_384
"""Results that are kept, and the longest schema, in bytes, whose result is."""


def clean(schema: JsonObject, refused: Collection[str]) -> JsonObject:
    """``schema`` for a service that refuses the keywords ``refused``: itself, if it can stay.

    What was valid by JSON Schema 2020-12 is valid by the result, if it is an object, as a
    tool's arguments are. Where anything is refused, lists of types and booleans in place of
    schemas go too, and the root and alternatives are given the type that they must have. Where
    anything changes, references are written out: recursive ones once, then only with the type
    that is known of them, as also those for which there is no room.

    The same tools come with every request: the result is kept for the next one, and must not
    be changed.
    """
    if not refused:
        return schema
    cleaned = _cleaned_once(schema, frozenset(refused))
    return schema if cleaned is None else cleaned


def _cleaned_once(schema: JsonObject, refused: frozenset[str]) -> JsonObject | None:
    try:
        text = to_json(schema)
        if len(text) <= _LONGEST_KEPT:
            return _kept(text, refused)
    except ValueError:
        # deeper than JSON is written, or read
        pass
    return _cleaned(schema, refused)


@lru_cache(maxsize=_MOST_KEPT)
def _kept(text: bytes, refused: frozenset[str]) -> JsonObject | None:
    return _cleaned(from_json(text), refused)


def _cleaned(schema: JsonObject, refused: frozenset[str]) -> JsonObject | None:
    """``schema`` cleaned; None: it can stay."""
    survey = Survey(schema, refused)
    if not survey.is_unfit:
        return None
    rooted = _object(_rewritten(schema, survey), survey)
    cleaned: JsonObject = SingleTypes(refused).rewritten(rooted)
    return cleaned if depth_of(cleaned) <= MAX_DEPTH else _object({}, survey)


def _rewritten(schema: JsonObject, survey: Survey) -> JsonObject:
    """``schema`` in other keywords, with its references as far written out as there is room.

    Where that is not all the way, they are written out less deep: what stands near the root
    is what a model must know first.
    """
    room = _ROOM + 2 * size_of(schema)
    rewritten: object = schema
    for nesting in _NESTINGS:
        rewriting = Rewriting(survey, room, nesting)
        rewritten = rewriting.rewritten(schema)
        if not rewriting.ran_out_of_room:
            break
    return rewritten if isinstance(rewritten, dict) else {}


def _object(schema: JsonObject, survey: Survey) -> JsonObject:
    """``schema`` with one type at its root: ``object``, if it may be one."""
    types = ["object"] if schema.get("type") is None else type_list(schema)
    if types is None or "type" in survey.refused:
        return schema
    rest = {keyword: value for keyword, value in schema.items() if keyword != "type"}
    return {"type": "object" if "object" in types else types[0], **rest}
