"""hypothesis strategies: requests of every shape that the types of OpenAI's package allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
)

from hypothesis import strategies as st
from openai.types.responses import response_create_params
from typing_extensions import get_type_hints, is_typeddict

Json = dict[str, Any]

_MODIFIERS: Final = (Annotated, NotRequired, Required)
_ANYTHING: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [None, "x", 1, [], {}, {"type": "object"}, {"a": [1, None]}]
)
_SCALARS: Final[Mapping[Any, st.SearchStrategy[Any]]] = {
    str: st.sampled_from(["", "a", "b", "ns__a"]),
    bool: st.booleans(),
    int: st.integers(1, 9),
    float: st.sampled_from([0.5, 1]),
    object: _ANYTHING,
    Any: _ANYTHING,
    NoneType: st.none(),
}

_WITHIN: Final = {"image_url": st.just("data:image/png;base64,iVBORw0KGgo=")}
"""Values of fields whose types do not tell all."""

FIELDS: Final[Mapping[str, Any]] = get_type_hints(
    response_create_params.ResponseCreateParamsStreaming
)


def members_of(hint: Any) -> list[Any]:
    """The members of a union; of anything else itself."""
    while get_origin(hint) in _MODIFIERS:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        return [member for each in get_args(hint) for member in members_of(each)]
    return [hint]


@cache
def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type; of an object's fields some may be missing."""
    members = members_of(hint)
    if len(members) > 1:
        return st.one_of([values_of(member) for member in members])
    [one] = members
    if one in _SCALARS:
        return _SCALARS[one]
    if get_origin(one) is Literal:
        return st.sampled_from(get_args(one))
    if is_typeddict(one):
        hints = get_type_hints(one, include_extras=True)
        fields = {name: values_of(each) for name, each in hints.items()}
        fields |= {name: values for name, values in _WITHIN.items() if name in fields}
        needed = [name for name, each in hints.items() if get_origin(each) is Required]
        return st.fixed_dictionaries({name: fields.pop(name) for name in needed}, optional=fields)
    if issubclass(get_origin(one), Mapping):
        return st.dictionaries(st.sampled_from(["a", "b"]), values_of(get_args(one)[1]), max_size=2)
    assert issubclass(get_origin(one), Iterable), one
    return st.lists(values_of(get_args(one)[0]), max_size=2)


_REFUSED: Final = ("background", "conversation", "previous_response_id", "prompt")
_SAID: Final[Json] = {"role": "user", "content": "Say it in JSON."}


@st.composite
def requests(draw: st.DrawFn) -> Json:
    """The body of a request, with some fields of those that are not refused as such."""
    names = st.sets(st.sampled_from(sorted(FIELDS.keys() - {*_REFUSED, "model"})), max_size=5)
    body = {name: draw(values_of(FIELDS[name])) for name in sorted(draw(names))}
    items = body.get("input") or ()
    body["input"] = f"JSON: {items}" if isinstance(items, str) else [_SAID, *items]
    return {"model": "qwen3-coder-plus", **body}
