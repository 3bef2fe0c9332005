"""The tables of what becomes of a request, against the types of OpenAI's own package."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

import pytest
from openai.types.responses import (
    Response,
    ResponseInputItemParam,
    ToolParam,
    response_create_params,
    response_function_call_output_item_param,
    response_input_content_param,
    response_output_message_param,
    response_reasoning_item_param,
)
from openai.types.shared import ReasoningEffort
from typing_extensions import get_type_hints

from addon.translate.effort import (
    REASONING_EFFORT,
    REASONING_OBJECT,
    THINKING_BUDGET,
    THINKING_SWITCH,
    Efforts,
)
from addon.translate.fates import FIELDS, ITEMS, PARTS, TOOLS, Fate, Refused, Row
from tests.translate.test_request import chat_of, notes_of, refusal_of, request_of


def words_in(hint: Any) -> set[str]:
    """All words of all Literals in a type."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return {word for member in get_args(hint) for word in words_in(member)}


def types_of(members: Iterable[Any]) -> set[str]:
    """What ``type`` may say in the members of a union."""
    return {word for member in members for word in words_in(get_type_hints(member)["type"])}


def test_every_field_of_openais_reference_has_a_row() -> None:
    with_stream = response_create_params.ResponseCreateParamsStreaming
    # Codex sends a field of its own.
    assert set(FIELDS) == set(get_type_hints(with_stream)) | {"client_metadata"}


def test_every_type_of_item_has_a_row() -> None:
    assert set(ITEMS) == types_of(get_args(ResponseInputItemParam))


def test_every_type_of_tool_has_a_row() -> None:
    assert set(TOOLS) == types_of(get_args(ToolParam))


def test_every_type_of_part_has_a_row() -> None:
    known = types_of(
        (
            *get_args(response_input_content_param.ResponseInputContentParam),
            *get_args(response_output_message_param.Content),
            *get_args(response_function_call_output_item_param.ResponseFunctionCallOutputItemParam),
            response_reasoning_item_param.Content,
            response_reasoning_item_param.Summary,
        )
    )
    # Open Responses has the plain one, and OpenAI had sound once.
    assert set(PARTS) == known | {"text", "input_audio"}


@pytest.mark.parametrize(
    "efforts", [THINKING_BUDGET, REASONING_EFFORT, REASONING_OBJECT, THINKING_SWITCH]
)
def test_every_effort_can_be_said_in_every_way(efforts: Efforts) -> None:
    assert set(efforts) == words_in(ReasoningEffort)


# --- what the rows say is what happens


@pytest.mark.parametrize("name", [name for name, row in FIELDS.items() if row is Fate.SAME])
def test_a_field_that_is_the_same_is_sent_as_it_is(name: str) -> None:
    value: Any = "someone" if name == "user" else 0.5
    assert chat_of(**{name: value})[name] == value


ECHOED = [name for name, row in FIELDS.items() if row is Fate.ECHOED]


@pytest.mark.parametrize("name", [name for name in ECHOED if name in Response.model_fields])
def test_a_field_that_is_echoed_stands_in_the_response(name: str) -> None:
    words = {"service_tier": "flex", "truncation": "auto", "prompt_cache_retention": "24h"}
    values: dict[str, Any] = {
        "max_tool_calls": 7,
        "metadata": {"a": "b"},
        "prompt_cache_options": {"mode": "explicit", "ttl": "12h", "comparison_response_id": "r"},
        **words,
    }
    value = values.get(name, "some words")
    assert name not in chat_of(**{name: value})
    tail = request_of(**{name: value}).shape.tail
    assert json.loads(f"{{{tail[1:]}")[name] == value


@pytest.mark.parametrize("name", [name for name, row in FIELDS.items() if row is Fate.DROPPED])
def test_a_field_that_is_dropped_leaves_a_note(name: str) -> None:
    asked: dict[str, Any] = {name: {"a": 1}}
    assert name not in chat_of(**asked)
    assert notes_of(**asked) == (f"dropped {name}",)


REFUSED_FIELDS = [(name, row) for name, row in FIELDS.items() if isinstance(row, Refused)]


@pytest.mark.parametrize(("name", "row"), REFUSED_FIELDS, ids=[name for name, _ in REFUSED_FIELDS])
def test_a_field_that_is_refused_says_what_to_do_instead(name: str, row: Refused) -> None:
    value: Any = True if name == "background" else "some_id"
    error = refusal_of({"model": "m", "input": "x", name: value})
    assert (error.code, error.param) == ("unsupported_parameter", name)
    assert row.instead in error.message


@pytest.mark.parametrize(("kind", "row"), ITEMS.items(), ids=list(ITEMS))
def test_an_item_of_every_type_can_be_read(kind: str, row: Row) -> None:
    said = {"role": "user", "content": "x"}
    body = {"model": "m", "input": [said, {"type": kind, "id": "i", "encrypted_content": "x"}]}
    if row is Fate.DROPPED:
        assert notes_of(**body) == (f"dropped {kind} from the history",)
    elif isinstance(row, Refused):
        error = refusal_of(body)
        assert (error.code, error.param) == ("unsupported_parameter", "input[1]")
        assert error.message == row.instead
    elif kind == "reasoning":
        assert notes_of(**body) == ("dropped reasoning that was not encrypted here",)
    else:  # it lacks something, but it is known
        assert refusal_of(body).message.startswith("Missing required parameter: 'input[1].")


@pytest.mark.parametrize(("kind", "row"), TOOLS.items(), ids=list(TOOLS))
def test_a_tool_of_every_type_can_be_read(kind: str, row: Row) -> None:
    inside = [{"type": "function", "name": "inside"}]
    tool = {"type": kind, "name": "n", "tools": inside, "execution": "client"}
    tools = chat_of(tools=[tool]).get("tools", [])
    assert bool(tools) == (row is Fate.MAPPED)
    assert notes_of(tools=[tool]) == (() if tools else (f"dropped hosted tool {kind}",))


def test_dropped_items_of_one_type_are_counted_in_one_note() -> None:
    items = [{"type": "web_search_call"}, {"type": "program"}, {"type": "web_search_call"}]
    assert notes_of(input=[*items, {"role": "user", "content": "x"}]) == (
        "dropped web_search_call from the history (2 times)",
        "dropped program from the history",
    )
