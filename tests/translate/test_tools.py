"""Tools and the choice among them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addon.translate import parse_request
from tests.translate.test_request import Json, chat_of, refusal_of

READ: Json = {"type": "function", "name": "read", "parameters": {"type": "object"}}
WRITE: Json = {"type": "function", "name": "write", "description": "Writes.", "strict": False}
SEARCH: Json = {"type": "web_search"}


def nested(tool: Json) -> Json:
    function = {key: value for key, value in tool.items() if key != "type"}
    return {
        "type": "function",
        "function": {"parameters": {"type": "object", "properties": {}}} | function,
    }


def test_function_tools_are_nested() -> None:
    assert chat_of(tools=[READ, WRITE])["tools"] == [nested(READ), nested(WRITE)]


@pytest.mark.parametrize("strict", [True, False])
def test_strict_is_carried(strict: bool) -> None:
    tool = {**READ, "strict": strict}
    assert chat_of(tools=[tool])["tools"][0]["function"]["strict"] is strict


def test_parallel_tool_calls_goes_with_tools_only() -> None:
    assert chat_of(tools=[READ], parallel_tool_calls=False)["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in chat_of(parallel_tool_calls=False)


def test_hosted_tools_are_dropped_with_a_note() -> None:
    body = {"model": "m", "input": "x", "tools": [READ, SEARCH]}
    request = parse_request(json.dumps(body).encode())
    assert json.loads(request.render("m"))["tools"] == [nested(READ)]
    assert request.notes == ("dropped hosted tool web_search",)


def test_no_tools_field_is_sent_where_none_is_left() -> None:
    assert "tools" not in chat_of(tools=[SEARCH], tool_choice="auto")
    assert "tool_choice" not in chat_of(tools=[SEARCH], tool_choice="auto")


CHOICES: list[tuple[Any, Any]] = [
    ("auto", "auto"),
    ("none", "none"),
    ("required", "required"),
    ({"type": "function", "name": "read"}, {"type": "function", "function": {"name": "read"}}),
]


@pytest.mark.parametrize(("choice", "expected"), CHOICES)
def test_every_choice_has_its_counterpart(choice: Any, expected: Any) -> None:
    assert chat_of(tools=[READ, WRITE], tool_choice=choice)["tool_choice"] == expected


def test_allowed_tools_thins_the_tools_out() -> None:
    choice = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "write"}],
    }
    chat = chat_of(tools=[READ, WRITE], tool_choice=choice)
    assert chat["tools"] == [nested(WRITE)]
    assert chat["tool_choice"] == "required"


REFUSED: list[tuple[Json, str, str]] = [
    (
        {"tools": [READ], "tool_choice": {"type": "function", "name": "x"}},
        "invalid_request",
        "tool_choice",
    ),
    (
        {"tools": [READ], "tool_choice": {"type": "function"}},
        "invalid_request",
        "tool_choice.name",
    ),
    (
        {
            "tools": [READ],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "x"}],
            },
        },
        "invalid_request",
        "tool_choice.tools",
    ),
    ({"tool_choice": "required"}, "invalid_request", "tool_choice"),
    ({"tool_choice": "sometimes"}, "invalid_request", "tool_choice"),
    (
        {"tools": [SEARCH], "tool_choice": {"type": "web_search"}},
        "unsupported_parameter",
        "tool_choice",
    ),
    ({"tools": [{"type": "telepathy"}]}, "unsupported_parameter", "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "invalid_request", "tools[0].name"),
    ({"tools": [READ, {"name": "x"}]}, "invalid_request", "tools[1].type"),
]


@pytest.mark.parametrize(("fields", "code", "param"), REFUSED)
def test_a_choice_that_cannot_be_kept_is_refused(fields: Json, code: str, param: str) -> None:
    error = refusal_of({"model": "m", "input": "x", **fields})
    assert (error.code, error.param) == (code, param)
