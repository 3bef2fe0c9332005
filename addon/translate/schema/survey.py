"""What one walk over a JSON Schema finds: what must change in it, and what points where.

References are those of JSON Schema 2020-12: JSON pointers (RFC 6901), anchors, and the
``$id`` of schemas within the schema. Nothing is ever looked up outside. Pure.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final
from urllib.parse import unquote, urldefrag, urljoin

from addon.translate.schema.keywords import (
    REFERENCES,
    TYPES,
    JsonObject,
    Operand,
    common_types,
    subschemas,
    type_list,
    type_of,
    without_repetition,
)

DEEPEST: Final = 40
"""How many schemas may stand in each other where some of them are rewritten. Forms that people
fill in are a tenth as deep; the rest is there to exhaust the stack."""

_FAR: Final = 12
"""How many references and alternatives are followed to learn a type."""
_LONGEST_INDEX: Final = 9
_ALL_TYPES: Final[list[str]] = list(TYPES)


class Survey:
    """``root`` as it came, and what is wrong in it for one who refuses ``refused``.

    Schemas are known by their ``id``, so ``root`` must not change while this is in use.
    """

    __slots__ = (
        "_anchors",
        "_bases",
        "_resources",
        "_types",
        "_unfit",
        "is_unfit",
        "refused",
    )

    def __init__(self, root: JsonObject, refused: AbstractSet[str]) -> None:
        self.refused = refused
        self.is_unfit = False
        """Whether anything must change at all."""
        self._unfit: set[int] = set()
        self._bases: dict[int, str] = {}
        self._resources: dict[str, JsonObject] = {"": root}
        self._anchors: dict[tuple[str, str], JsonObject] = {}
        self._types: dict[int, list[str]] = {}
        self._walk(root, "")
        if "type" not in refused and root.get("type") is None:
            self.is_unfit = True
            self._unfit.add(id(root))

    def must_change(self, schema: object) -> bool:
        """Whether something in ``schema`` must change, if anything does.

        References do not outlive a change elsewhere: what they point to may have moved.
        """
        return id(schema) in self._unfit

    def target(self, schema: JsonObject) -> Operand:
        """What the ``$ref`` in ``schema`` points to; None: to nothing that is in here."""
        reference = schema["$ref"]
        if not isinstance(reference, str):
            return None
        try:
            uri, fragment = urldefrag(reference)
        except ValueError:
            return None
        base: str | None = self._bases[id(schema)]
        if uri:
            base = _joined(base or "", uri)
        if base is None or base not in self._resources:
            return None
        found = self._at(base, unquote(fragment))
        if isinstance(found, dict) and id(found) not in self._bases:
            self._walk(found, base)
        return found

    def types(self, schema: object, far: int = _FAR) -> list[str]:
        """The types that instances of ``schema`` can have; some of them may not be possible."""
        if not isinstance(schema, dict) or far == 0:
            return _ALL_TYPES
        if id(schema) not in self._types:
            # for a schema that leads back to itself
            self._types[id(schema)] = _ALL_TYPES
            self._types[id(schema)] = self._learnt_types(schema, far - 1)
        return self._types[id(schema)]

    def _learnt_types(self, schema: JsonObject, far: int) -> list[str]:
        sayings: list[list[str]] = []
        kind = schema.get("type")
        if listed := [kind] if kind in (*TYPES, "integer") else type_list(schema):
            sayings.append(listed)
        if "const" in schema:
            sayings.append([type_of(schema["const"])])
        if isinstance(schema.get("enum"), list):
            sayings.append(without_repetition([type_of(value) for value in schema["enum"]]))
        if "$ref" in schema:
            sayings.append(self.types(self.target(schema), far))
        for keyword in ("anyOf", "oneOf"):
            if isinstance(schema.get(keyword), list):
                union = [kind for branch in schema[keyword] for kind in self.types(branch, far)]
                sayings.append(without_repetition(union))
        if isinstance(schema.get("allOf"), list):
            sayings += [self.types(branch, far) for branch in schema["allOf"]]
        types = _ALL_TYPES
        for saying in sayings:
            types = common_types(types, saying) or types
        return types

    def _walk(self, start: JsonObject, base: str) -> None:
        edges: list[tuple[int, int]] = []
        left = [(start, base, 0)]
        while left:
            schema, base, depth = left.pop()
            base = self._entered(schema, base)
            if self._is_unfit_itself(schema):
                self.is_unfit = True
                self._unfit.add(id(schema))
            elif depth > DEEPEST or not REFERENCES.isdisjoint(schema):
                self._unfit.add(id(schema))
            for child in subschemas(schema):
                if isinstance(child, dict):
                    edges.append((id(schema), id(child)))
                    left.append((child, base, depth + 1))
        # children come after their parents
        for parent, child_id in reversed(edges):
            if child_id in self._unfit:
                self._unfit.add(parent)

    def _entered(self, schema: JsonObject, base: str) -> str:
        """Notes down how ``schema`` is pointed to; gives the base of the references in it."""
        name = schema.get("$id")
        if isinstance(name, str) and (own := _joined(base, name)):
            base = own
            self._resources.setdefault(base, schema)
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(anchor := schema.get(keyword), str):
                self._anchors.setdefault((base, anchor), schema)
        self._bases[id(schema)] = base
        return base

    def _is_unfit_itself(self, schema: JsonObject) -> bool:
        return (
            not self.refused.isdisjoint(schema)
            or type_list(schema) is not None
            or isinstance(schema.get("items"), list)
            or _has_boolean_schema(schema)
            or ("type" not in self.refused and _has_untyped_branch(schema))
        )

    def _at(self, base: str, fragment: str) -> Operand:
        if not fragment:
            return self._resources[base]
        if not fragment.startswith("/"):
            return self._anchors.get((base, fragment))
        value: Operand = self._resources[base]
        for escaped in fragment[1:].split("/"):
            token = escaped.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict):
                value = value.get(token)
            elif isinstance(value, list) and _is_index(token) and int(token) < len(value):
                value = value[int(token)]
            else:
                return None
        return value


def _joined(base: str, uri: str) -> str | None:
    try:
        return urldefrag(urljoin(base, uri)).url
    except ValueError:
        return None


def _is_index(token: str) -> bool:
    return token.isascii() and token.isdecimal() and len(token) <= _LONGEST_INDEX


def _has_boolean_schema(schema: JsonObject) -> bool:
    """Whether a boolean stands where not every service expects one.

    In ``additionalProperties`` they all do.
    """
    properties = schema.get("properties")
    if isinstance(properties, dict) and any(isinstance(one, bool) for one in properties.values()):
        return True
    return isinstance(schema.get("items"), bool) or any(
        isinstance(branch, bool)
        for keyword in ("allOf", "anyOf", "oneOf")
        if isinstance(schema.get(keyword), list)
        for branch in schema[keyword]
    )


def _has_untyped_branch(schema: JsonObject) -> bool:
    """Whether an alternative leaves its type to the schema that it stands in."""
    return isinstance(schema.get("type"), str) and any(
        isinstance(branch, dict) and "type" not in branch and "$ref" not in branch
        for keyword in ("anyOf", "oneOf")
        if isinstance(schema.get(keyword), list)
        for branch in schema[keyword]
    )
