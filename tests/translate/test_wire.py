"""What is wrong with a request is named by its path, and never repeated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.translate.test_request import Json, refusal_of

SECRET = "sk-of-somebody"


def message(**fields: Any) -> Json:
    return {"type": "message", "role": "user", "content": "x", **fields}


def tool(**fields: Any) -> Json:
    return {"type": "function", "name": "read", **fields}


INVALID: list[tuple[Json, str]] = [
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"input": {"a": SECRET}}, "input"),
    ({"input": [SECRET]}, "input[0]"),
    ({"input": [message(role=SECRET)]}, "input[0].role"),
    ({"input": [message(content={"a": SECRET})]}, "input[0].content"),
    ({"input": [message(content=[SECRET])]}, "input[0].content[0]"),
    ({"input": [message(), message(content=[{"text": SECRET}])]}, "input[1].content[0].type"),
    (
        {"input": [message(content=[{"type": "input_text", "text": [SECRET]}])]},
        "input[0].content[0].text",
    ),
    ({"input": [{"type": "function_call", "call_id": "c"}]}, "input[0].name"),
    (
        {"input": [{"type": "function_call_output", "call_id": "c", "output": 5}]},
        "input[0].output",
    ),
    (
        {"input": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": 5}]}]},
        "input[0].summary[0].text",
    ),
    (
        {"input": [{"type": "shell_call_output", "call_id": "c", "output": [{"stdout": ""}]}]},
        "input[0].output[0].stderr",
    ),
    (
        {"input": [{"type": "additional_tools", "tools": [tool(name=[SECRET])]}]},
        "input[0].tools[0].name",
    ),
    ({"tools": [SECRET]}, "tools[0]"),
    ({"tools": [tool(), tool(parameters=SECRET)]}, "tools[1].parameters"),
    (
        {"tools": [{"type": "namespace", "name": "n", "tools": [tool(strict=SECRET)]}]},
        "tools[0].tools[0].strict",
    ),
    ({"tools": [{"type": "custom", "name": "c", "format": SECRET}]}, "tools[0].format"),
    ({"tool_choice": SECRET}, "tool_choice"),
    ({"tool_choice": {"type": {"a": SECRET}}}, "tool_choice.type"),
    ({"tool_choice": {"type": "function", "name": SECRET}}, "tool_choice"),
    (
        {"tool_choice": {"type": "allowed_tools", "tools": [{"type": "custom", "name": SECRET}]}},
        "tool_choice.tools[0]",
    ),
    ({"text": {"format": {"type": SECRET}}}, "text.format.type"),
    ({"text": {"verbosity": SECRET}}, "text.verbosity"),
    ({"reasoning": {"effort": [SECRET]}}, "reasoning.effort"),
    ({"include": [5]}, "include[0]"),
    ({"top_logprobs": 21}, "top_logprobs"),
]


@pytest.mark.parametrize(("fields", "param"), INVALID)
def test_a_wrong_field_is_named_by_its_path(fields: Json, param: str) -> None:
    error = refusal_of({"model": "m", "input": "x", **fields})
    assert (error.code, error.param) == ("invalid_request", param)
    assert SECRET not in error.message


UNKNOWN: list[tuple[Any, Json, str]] = [
    ("telepathy", {"input": [{"type": "telepathy"}]}, "input[0].type"),
    ("input_video", {"input": [message(content=[{"type": "input_video"}])]}, "input[0].content[0]"),
    ("telepathy", {"tools": [tool(), {"type": "telepathy"}]}, "tools[1].type"),
    ("telepathy", {"tool_choice": {"type": "telepathy"}}, "tool_choice"),
]


@pytest.mark.parametrize(("kind", "fields", "param"), UNKNOWN)
def test_a_type_that_is_not_known_is_refused_by_its_name(
    kind: str, fields: Json, param: str
) -> None:
    error = refusal_of({"model": "m", "input": "x", **fields})
    assert error.code == "unsupported_parameter"
    assert (error.param or "").startswith(param)
    assert kind in error.message


@pytest.mark.parametrize("kind", [SECRET, [SECRET], {"a": SECRET}, 5])
def test_what_is_no_name_of_a_type_is_not_repeated(kind: Any) -> None:
    for fields in (
        {"input": [{"type": kind}]},
        {"input": [message(content=[{"type": kind}])]},
        {"tools": [{"type": kind}]},
        {"tool_choice": {"type": kind}},
    ):
        assert SECRET not in refusal_of({"model": "m", "input": "x", **fields}).message


@pytest.mark.parametrize("kind", [None, "message"])
def test_the_type_of_a_message_may_be_left_out(kind: str | None) -> None:
    item = {"role": "user", "content": 5} | ({"type": kind} if kind else {})
    assert refusal_of({"model": "m", "input": [item]}).param == "input[0].content"


def test_an_item_that_holds_an_id_alone_is_a_reference() -> None:
    error = refusal_of({"model": "m", "input": [{"id": "msg_1", "type": None}]})
    assert (error.code, error.param) == ("unsupported_parameter", "input[0]")
    assert "send the item itself" in error.message
