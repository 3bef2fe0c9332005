"""Holds events and responses against the types of OpenAI's own SDK, strictly.

The SDK itself never validates what a server sends. Here every field must be there, of the very type
(no coercion), every literal one of those listed, and no field may stand anywhere that the types do
not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, get_args

from openai.types.responses import (
    Response,
    ResponseCustomToolCall,
    ResponseCustomToolCallItem,
    ResponseStreamEvent,
    response_text_delta_event,
    response_text_done_event,
)
from pydantic import BaseModel, TypeAdapter, ValidationError

_ALLOWED: Final[Mapping[type[BaseModel], frozenset[str]]] = {
    # Open Responses demands them.
    Response: frozenset({"store", "presence_penalty", "frequency_penalty"}),
    **{
        logprob: frozenset({"bytes"})
        for event in (response_text_delta_event, response_text_done_event)
        for logprob in (event.Logprob, event.LogprobTopLogprob)
    },
    # The stream's union names the type of the input's item; the output's item has more.
    ResponseCustomToolCall: frozenset(ResponseCustomToolCallItem.model_fields),
}
"""Fields beside those that a type lists."""

_RESPONSE: Final = TypeAdapter(Response)

_SHOWN: Final = 8
"""A wrong tool fails against each member of a long union: the first faults tell enough."""


def _by_type() -> dict[str, TypeAdapter[BaseModel]]:
    union = get_args(ResponseStreamEvent)[0]
    return {
        get_args(event.model_fields["type"].annotation)[0]: TypeAdapter(event)
        for event in get_args(union)
    }


_EVENTS: Final = _by_type()


def event_faults(event: Mapping[str, object]) -> list[str]:
    """What is wrong with one streamed event by OpenAI's ``ResponseStreamEvent``."""
    adapter = _EVENTS.get(str(event.get("type")))
    if adapter is None:
        return [f"{event.get('type')!r} is no event of OpenAI's"]
    return _faults(adapter, event)


def response_faults(response: object) -> list[str]:
    """What is wrong with a response object by OpenAI's ``Response``."""
    return _faults(_RESPONSE, response)


def missing_fields(response: Mapping[str, object]) -> list[str]:
    """The fields of OpenAI's ``Response``, optional ones too, that ``response`` lacks."""
    fields = [field.alias or name for name, field in Response.model_fields.items()]
    return [f"{name} is missing" for name in fields if name not in response]


def _faults(adapter: TypeAdapter[BaseModel] | TypeAdapter[Response], value: object) -> list[str]:
    try:
        model = adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=True)
        return [
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']} (is {fault['input']!r:.80})"
            for fault in found[:_SHOWN]
        ]
    return [f"{path}: OpenAI's types know no such field" for path in _unknown(model, "")]


def _unknown(value: object, path: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        allowed = _ALLOWED.get(type(value), frozenset())
        for name in value.model_extra or {}:
            if name not in allowed:
                yield f"{path}{name}"
        for name in type(value).model_fields:
            yield from _unknown(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _unknown(member, f"{path}{index}.")
