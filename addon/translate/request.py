"""A request, from Responses to Chat Completions: the way there. The way back is ``reply``.

``_FIELDS`` is the table: what becomes of every field of the Responses API.
A field that this table does not know, and that is not one of Chat's own that
would upset the translation, is passed on: services have extras of their own
(``enable_thinking``, ``top_k`` …), and Chat's ``stop``, ``seed`` and penalties
are welcome too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, cast

from pydantic_core import to_json

from addon.errors import invalid_request, unsupported_parameter
from addon.translate.json_edge import parse_json
from addon.translate.messages import chat_messages
from addon.translate.response import ResponseShape
from addon.translate.tools import chat_tools
from addon.translate.wire import RequestFields, TextFormat, read_request


class _Fate(Enum):
    """What becomes of a field of the Responses API."""

    MAPPED = "mapped"
    """Has its counterpart in Chat; ``_chat_body`` writes it."""
    SAME = "same"
    """Is called the same and means the same in Chat."""
    ECHOED = "echoed"
    """Stays here; the answer repeats it where OpenAI's does."""
    REFUSED = "refused"
    """Cannot be carried: 400 unless it is null or false."""


_FIELDS: Final[Mapping[str, _Fate]] = {
    "background": _Fate.REFUSED,
    "client_metadata": _Fate.ECHOED,
    "context_management": _Fate.ECHOED,
    "conversation": _Fate.REFUSED,
    "include": _Fate.ECHOED,
    "input": _Fate.MAPPED,
    "instructions": _Fate.MAPPED,
    "max_output_tokens": _Fate.MAPPED,
    "max_tool_calls": _Fate.ECHOED,
    "metadata": _Fate.ECHOED,
    "model": _Fate.MAPPED,
    "moderation": _Fate.ECHOED,
    "parallel_tool_calls": _Fate.MAPPED,
    "previous_response_id": _Fate.REFUSED,
    "prompt": _Fate.REFUSED,
    "prompt_cache_key": _Fate.ECHOED,
    "prompt_cache_options": _Fate.ECHOED,
    "prompt_cache_retention": _Fate.ECHOED,
    "reasoning": _Fate.ECHOED,
    "safety_identifier": _Fate.ECHOED,
    "service_tier": _Fate.ECHOED,
    "store": _Fate.ECHOED,
    "stream": _Fate.MAPPED,
    "stream_options": _Fate.ECHOED,
    "temperature": _Fate.SAME,
    "text": _Fate.MAPPED,
    "tool_choice": _Fate.MAPPED,
    "tools": _Fate.MAPPED,
    "top_logprobs": _Fate.ECHOED,
    "top_p": _Fate.SAME,
    "truncation": _Fate.ECHOED,
    "user": _Fate.SAME,
}

_INSTEAD: Final[Mapping[str, str]] = {
    "background": "Requests cannot run in the background here; leave it out and stream the answer.",
    "conversation": "Conversations are not stored here; send the whole conversation in 'input'.",
    "previous_response_id": (
        "Responses are not stored here; send the whole conversation in 'input'."
    ),
    "prompt": "Prompt templates are not stored here; send their text in 'instructions'.",
}

_CHAT_ALONE: Final[Mapping[str, tuple[object, ...]]] = {
    "messages": (None,),
    "functions": (None,),
    "function_call": (None,),
    "n": (None, 1),
}
"""Fields of Chat's own that would contradict what is written here, and what they may say."""


@dataclass(frozen=True, slots=True)
class ResponsesRequest:
    """A Responses request, understood: all that its way there and back needs to know."""

    model: str
    """The model's name as the client sends it."""
    stream: bool
    session: str | None
    """``prompt_cache_key``: what ties the requests of one conversation together."""
    shape: ResponseShape
    """What every Response object to this request has in common."""
    notes: tuple[str, ...]
    """What was left out, for people to read."""
    chat: Mapping[str, Any]
    """The Chat body, but for the model's name."""

    def render(self, model: str) -> bytes:
        """The Chat Completions body that asks ``model``, the name the account's service knows."""
        return to_json({"model": model, **self.chat}, inf_nan_mode="null")


def parse_request(body: bytes) -> ResponsesRequest:
    """The body of ``POST /v1/responses``, checked and translated.

    Raises ApiError (400): ``invalid_request`` where a field is wrong,
    ``unsupported_parameter`` where Chat Completions has no way to carry it;
    ``param`` names the field.
    """
    fields = read_request(body)
    _refuse_unsupported(fields)
    chat, notes = _chat_body(fields)
    return ResponsesRequest(
        model=fields["model"],
        stream=bool(fields.get("stream")),
        session=fields.get("prompt_cache_key"),
        shape=ResponseShape.echoing(fields),
        notes=notes,
        chat=chat,
    )


def _refuse_unsupported(fields: RequestFields) -> None:
    for name, fate in _FIELDS.items():
        if fate is _Fate.REFUSED and fields.get(name):
            raise unsupported_parameter(f"'{name}' is not supported. {_INSTEAD[name]}", name)
    for name, allowed in _CHAT_ALONE.items():
        if name in fields and fields.get(name) not in allowed:
            raise unsupported_parameter(
                f"'{name}' belongs to the Chat Completions API and has no place in a request to "
                "the Responses API.",
                name,
            )


def _chat_body(fields: RequestFields) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The Chat body without ``model``, and the notes on what was left out."""
    tools = chat_tools(
        cast("Any", fields.get("tools") or []), cast("Any", fields.get("tool_choice"))
    )
    chat: dict[str, Any] = {
        name: value
        for name, value in fields.items()
        if value is not None
        and name not in _CHAT_ALONE
        and _FIELDS.get(name, _Fate.SAME) is _Fate.SAME
    }
    chat["messages"] = _messages(fields)
    if tools.tools:
        chat["tools"] = tools.tools
        if fields.get("parallel_tool_calls") is not None:
            chat["parallel_tool_calls"] = fields["parallel_tool_calls"]
    if tools.choice is not None:
        chat["tool_choice"] = tools.choice
    if fields.get("max_output_tokens") is not None:
        chat["max_tokens"] = fields["max_output_tokens"]
    settings = fields.get("text")
    text_format = settings.get("format") if settings else None
    if text_format and text_format["type"] != "text":
        chat["response_format"] = _response_format(text_format)
    if fields.get("stream"):
        chat["stream"] = True
        chat["stream_options"] = {"include_usage": True}
    return chat, tuple(f"dropped hosted tool {kind}" for kind in tools.dropped)


def _messages(fields: RequestFields) -> list[dict[str, Any]]:
    messages = chat_messages(cast("Any", fields["input"]), fields.get("instructions"))
    if not messages:
        raise invalid_request("'input' is empty: there is nothing to answer.", "input")
    return messages


def _response_format(text_format: TextFormat) -> dict[str, Any]:
    """``text.format`` as ``response_format``."""
    if text_format["type"] == "json_object":
        return {"type": "json_object"}
    for name in ("name", "schema"):
        if name not in text_format:
            param = f"text.format.{name}"
            raise invalid_request(f"Missing required parameter: '{param}'.", param)
    known = ("name", "description", "schema", "strict")
    schema = {name: text_format.get(name) for name in known if text_format.get(name) is not None}
    return {"type": "json_schema", "json_schema": schema}


def model_in(body: bytes) -> str | None:
    """The model that a Chat Completions ``body`` names, if it can be read and names one."""
    try:
        value = parse_json(body)
    except ValueError:
        return None
    model = value.get("model") if isinstance(value, dict) else None
    return model if isinstance(model, str) else None
