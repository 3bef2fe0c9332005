"""The strictest reader of Chat Completions requests: what any known service refuses, this refuses.

``validate`` takes the parsed body of ``POST /v1/chat/completions``; ``header_violations``
the names of its headers. Fields stand in one table; rules that join several fields are
functions of their own. A field that stands in no table is refused, null is no value.

Sources: OpenAI's Chat Completions reference, Model Studio's reference of its
compatible mode, and the refusals that Qwen's services were seen to send. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from addon.sandbox.checks import (
    Violation,
    array,
    boolean,
    either,
    integer,
    mapping,
    non_empty_text,
    number,
    one_of,
    record,
    tagged,
    text,
)
from addon.sandbox.conversation import (
    FUNCTION_NAME,
    MESSAGES,
    order_violations,
    reasoning_violations,
)
from addon.sandbox.schema import json_schema, object_schema

UNSUPPORTED_TOOL_KEYWORDS: Final = frozenset({"$defs", "$ref", "const", "definitions"})
"""JSON Schema keywords that services were seen to refuse in the parameters of tools."""

THINKING_NEEDS_STREAM: Final = (
    "parameter.enable_thinking must be set to false for non-streaming calls"
)

_HOME_HEADERS: Final = frozenset({"openai-beta", "x-session-affinity", "x-session-id"})
"""Headers that clients mean for OpenAI or for their own proxy."""

_RESPONSES_FIELDS: Final = (
    "background",
    "client_metadata",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "reasoning",
    "store",
    "text",
    "truncation",
)

_FUNCTION: Final = record(
    {
        "name": FUNCTION_NAME,
        "description": text,
        "parameters": object_schema(forbidden=UNSUPPORTED_TOOL_KEYWORDS),
        "strict": boolean,
    },
    required=["name"],
)
_TOOL: Final = tagged(
    "type",
    {
        "function": record(
            {"type": text, "function": _FUNCTION},
            required=["function"],
            foreign=dict.fromkeys(
                ("name", "description", "parameters", "strict"),
                "it stands inside function; the flat form belongs to the Responses API",
            ),
        )
    },
)
_NAMED_TOOL: Final = tagged(
    "type",
    {
        "function": record(
            {"type": text, "function": record({"name": FUNCTION_NAME}, required=["name"])},
            required=["function"],
            foreign={"name": "it stands inside function; this form belongs to the Responses API"},
        )
    },
)
_RESPONSE_FORMAT: Final = tagged(
    "type",
    {
        "text": record({"type": text}),
        "json_object": record({"type": text}),
        "json_schema": record(
            {
                "type": text,
                "json_schema": record(
                    {
                        "name": FUNCTION_NAME,
                        "description": text,
                        "schema": json_schema(),
                        "strict": boolean,
                    },
                    required=["name", "schema"],
                ),
            },
            required=["json_schema"],
            foreign=dict.fromkeys(
                ("name", "schema", "strict", "description"),
                "it stands inside json_schema; the flat form belongs to the Responses API",
            ),
        ),
    },
)

_BODY: Final = record(
    {
        "model": non_empty_text,
        "messages": MESSAGES,
        "stream": boolean,
        "stream_options": record({"include_usage": boolean}),
        "max_tokens": integer(1),
        "max_completion_tokens": integer(1),
        "temperature": number(0, 2, open_high=True),
        "top_p": number(0, 1, open_low=True),
        "top_k": integer(0),
        "presence_penalty": number(-2, 2),
        "frequency_penalty": number(-2, 2),
        "repetition_penalty": number(0, open_low=True),
        "seed": integer(0, 2**31 - 1),
        "stop": either(string=non_empty_text, otherwise=array(non_empty_text, at_most=4)),
        "n": integer(1, 1),
        "logprobs": boolean,
        "top_logprobs": integer(0, 5),
        "user": text,
        "metadata": mapping(text),
        "tools": array(_TOOL, at_most=128),
        "tool_choice": either(string=one_of("none", "auto", "required"), otherwise=_NAMED_TOOL),
        "parallel_tool_calls": boolean,
        "response_format": _RESPONSE_FORMAT,
        "enable_thinking": boolean,
        "thinking_budget": integer(1),
        "reasoning_effort": one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"),
        "enable_search": boolean,
        "vl_high_resolution_images": boolean,
    },
    required=["model", "messages"],
    foreign=dict.fromkeys(_RESPONSES_FIELDS, "it belongs to the Responses API"),
)


def validate(body: object) -> list[Violation]:
    """Every fault of ``body``, the parsed JSON of a request to ``/chat/completions``.

    An empty list means that the request is valid. What joins several fields
    (order of messages, tool_choice and tools …) is looked at once each field is right.
    """
    faults = list(_BODY(body, ""))
    if not faults and isinstance(body, dict):
        for rule in _RULES:
            faults.extend(rule(body))
    return faults


def header_violations(names: Iterable[str]) -> list[Violation]:
    """The headers among ``names`` that must not reach an upstream; ``param`` is the name."""
    return [
        Violation(name.lower(), f"header {name.lower()} is not supported")
        for name in names
        if name.lower() in _HOME_HEADERS
    ]


# From here on every field has passed its own check: the rules read without asking again.


def _messages_are_in_order(body: Mapping[str, Any]) -> Iterator[Violation]:
    return order_violations(body["messages"])


def _stream_options_need_stream(body: Mapping[str, Any]) -> Iterator[Violation]:
    if "stream_options" in body and not body.get("stream"):
        yield Violation("stream_options", "stream_options is only allowed when stream is true")


def _one_limit(body: Mapping[str, Any]) -> Iterator[Violation]:
    if "max_tokens" in body and "max_completion_tokens" in body:
        yield Violation(
            "max_completion_tokens", "max_tokens and max_completion_tokens exclude each other"
        )


def _top_logprobs_need_logprobs(body: Mapping[str, Any]) -> Iterator[Violation]:
    if "top_logprobs" in body and not body.get("logprobs"):
        yield Violation("top_logprobs", "top_logprobs is only allowed when logprobs is true")


def _tool_names_differ(body: Mapping[str, Any]) -> Iterator[Violation]:
    seen: set[str] = set()
    for index, name in enumerate(_tool_names(body)):
        if name in seen:
            where = f"tools[{index}].function.name"
            yield Violation(where, f"{where}: there is another tool named {name!r}")
        seen.add(name)


def _tool_options_need_tools(body: Mapping[str, Any]) -> Iterator[Violation]:
    for field in ("tool_choice", "parallel_tool_calls"):
        if field in body and "tools" not in body:
            yield Violation(field, f"{field} is only allowed when tools are given")


def _tool_choice_names_a_tool(body: Mapping[str, Any]) -> Iterator[Violation]:
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice["function"]["name"] not in _tool_names(body):
        yield Violation("tool_choice", f"no tool is named {choice['function']['name']!r}")


def _thinking_needs_stream(body: Mapping[str, Any]) -> Iterator[Violation]:
    if body.get("enable_thinking") and not body.get("stream"):
        yield Violation("enable_thinking", THINKING_NEEDS_STREAM)


def _thinking_chooses_freely(body: Mapping[str, Any]) -> Iterator[Violation]:
    choice = body.get("tool_choice")
    if body.get("enable_thinking") and (choice == "required" or isinstance(choice, dict)):
        yield Violation(
            "tool_choice",
            "The tool_choice parameter does not support being set to required or object "
            "in thinking mode",
        )


def _thinking_keeps_its_reasoning(body: Mapping[str, Any]) -> Iterator[Violation]:
    return reasoning_violations(body["messages"] if body.get("enable_thinking") else ())


def _json_mode_is_asked_for(body: Mapping[str, Any]) -> Iterator[Violation]:
    if body.get("response_format") != {"type": "json_object"}:
        return
    if not any("json" in words.lower() for words in _texts(body["messages"])):
        yield Violation(
            "messages",
            "'messages' must contain the word 'json' in some form, "
            "to use 'response_format' of type 'json_object'.",
        )


_RULES: Final = (
    _messages_are_in_order,
    _stream_options_need_stream,
    _one_limit,
    _top_logprobs_need_logprobs,
    _tool_names_differ,
    _tool_options_need_tools,
    _tool_choice_names_a_tool,
    _thinking_needs_stream,
    _thinking_chooses_freely,
    _thinking_keeps_its_reasoning,
    _json_mode_is_asked_for,
)


def _tool_names(body: Mapping[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in body.get("tools", [])]


def _texts(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Every text of every message."""
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        for part in content if isinstance(content, list) else ():
            yield part.get("text", "")
