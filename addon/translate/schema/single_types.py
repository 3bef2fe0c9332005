"""Lists of types in a JSON Schema, written as alternatives of one type each.

``{"type": ["string", "null"], "minLength": 1}`` becomes an ``anyOf`` of a string with
``minLength`` and of null: some services know ``type`` as one word only, or lose all that
stands beside a list. For the same reason an alternative is given the type of the schema that
it stands in. What a schema allows stays the same. Pure.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from addon.translate.schema.keywords import (
    KEYWORDS_OF,
    TYPES,
    JsonObject,
    Operand,
    common_types,
    is_of_type,
    map_subschemas,
    type_list,
)


class SingleTypes:
    """The rewriting for a service that refuses the keywords ``refused``."""

    __slots__ = ("_refused",)

    def __init__(self, refused: AbstractSet[str]) -> None:
        self._refused = refused

    def rewritten(self, schema: Operand) -> Operand:
        """``schema``, and all in it, with single types; itself where nothing changes."""
        if not isinstance(schema, dict):
            return schema
        schema = self._with_typed_branches(self._split(schema))
        return _flat(map_subschemas(schema, self.rewritten))

    def _split(self, schema: JsonObject) -> JsonObject:
        types = type_list(schema)
        if types is None:
            return schema
        rest = {keyword: value for keyword, value in schema.items() if keyword != "type"}
        values = schema.get("enum")
        if isinstance(values, list):
            values = [value for value in values if any(is_of_type(value, kind) for kind in types)]
            if not values:
                return {**schema, "type": types[0]}
            types = [kind for kind in types if any(is_of_type(value, kind) for value in values)]
            rest["enum"] = values
        if len(types) == 1:
            return {**rest, "type": types[0]}
        if "anyOf" in self._refused or set(types) == set(TYPES):
            return rest
        if isinstance(rest.get("anyOf"), list):
            return {**rest, "anyOf": _narrowed(rest["anyOf"], types)}
        branches = [_branch(rest, kind) for kind in types]
        spoken_for = set().union(*branches, {"enum"} if isinstance(values, list) else ())
        parent = {key: value for key, value in rest.items() if key not in spoken_for}
        return {**parent, "anyOf": branches}

    def _with_typed_branches(self, schema: JsonObject) -> JsonObject:
        kind = schema.get("type")
        if not isinstance(kind, str):
            return schema
        for keyword in ("anyOf", "oneOf"):
            branches = schema.get(keyword)
            if isinstance(branches, list):
                typed = [_typed(branch, kind) for branch in branches]
                if typed != branches:
                    schema = {**schema, keyword: typed}
        return schema


def _typed(branch: Operand, kind: str) -> Operand:
    """``branch`` of what is of type ``kind``, with one type."""
    if _is_untyped(branch):
        return {"type": kind, **branch}
    types = type_list(branch) if isinstance(branch, dict) else None
    if types is None:
        return branch
    # where they have none in common, no value is allowed in either way
    return {**branch, "type": (common_types(types, [kind]) or types)[0]}


def _branch(schema: JsonObject, kind: str) -> JsonObject:
    """What ``schema`` says of values of type ``kind``."""
    branch: JsonObject = {"type": kind}
    for keyword, value in schema.items():
        if keyword == "enum" and isinstance(value, list):
            if kind != "null":
                branch["enum"] = [each for each in value if is_of_type(each, kind)]
        elif keyword in KEYWORDS_OF.get(kind, ()):
            branch[keyword] = value
    return branch


def _narrowed(branches: list[Operand], types: list[str]) -> list[Operand]:
    """``branches``, each of ``types`` only; those that are of none of them are left out."""
    narrowed: list[Operand] = []
    for branch in branches:
        if _is_untyped(branch):
            narrowed.append({**branch, "type": types})
            continue
        own = branch.get("type") if isinstance(branch, dict) else None
        listed = type_list({"type": [own] if isinstance(own, str) else own})
        if listed is None:
            narrowed.append(branch)
        elif common := common_types(listed, types):
            kind = common[0] if len(common) == 1 else common
            narrowed.append(branch if own == kind else {**branch, "type": kind})
    return narrowed or branches


def _flat(schema: JsonObject) -> JsonObject:
    """``schema`` with alternatives of alternatives as its own."""
    branches = schema.get("anyOf")
    if not isinstance(branches, list):
        return schema
    flat: list[Operand] = []
    bare: set[str] = set()
    for branch in branches:
        inner = branch["anyOf"] if _is_only_union(branch, schema.get("type")) else [branch]
        for each in inner:
            kind = _bare_type(each)
            if kind not in bare:
                flat.append(each)
            if kind is not None:
                bare.add(kind)
    return schema if flat == branches else {**schema, "anyOf": flat}


def _is_only_union(branch: object, kind: object) -> bool:
    return (
        isinstance(branch, dict)
        and isinstance(branch.get("anyOf"), list)
        and branch.keys() <= {"anyOf", "type"}
        and branch.get("type", kind) == kind
    )


def _bare_type(schema: object) -> str | None:
    """The type of which ``schema`` allows every value, and nothing else."""
    if not isinstance(schema, dict) or schema.keys() != {"type"}:
        return None
    return schema["type"] if isinstance(schema["type"], str) else None


def _is_untyped(schema: object) -> bool:
    return isinstance(schema, dict) and "type" not in schema
