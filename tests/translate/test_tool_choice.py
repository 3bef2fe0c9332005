"""The choice among the tools, by all kinds of tools."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from openai.types.responses.response_create_params import ToolChoice

from addon.translate.fates import TOOLS, Fate
from tests.translate.test_fates import types_of
from tests.translate.test_request import Json, chat_of, refusal_of

TOOL_SET: list[Json] = [
    {"type": "function", "name": "read"},
    {"type": "custom", "name": "edit"},
    {"type": "local_shell"},
    {"type": "shell"},
    {"type": "apply_patch"},
    {
        "type": "namespace",
        "name": "crm",
        "description": "Customers.",
        "tools": [
            {"type": "function", "name": "find"},
            {"type": "function", "name": "read"},
            {"type": "custom", "name": "query"},
        ],
    },
    {"type": "web_search"},
]


def named(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


CHOICES: list[tuple[Any, Any]] = [
    ("auto", "auto"),
    ("none", "none"),
    ("required", "required"),
    ({"type": "function", "name": "read"}, named("read")),
    ({"type": "function", "name": "read", "namespace": "crm"}, named("crm__read")),
    ({"type": "function", "name": "find"}, named("crm__find")),
    ({"type": "custom", "name": "edit"}, named("edit")),
    ({"type": "custom", "name": "query", "namespace": "crm"}, named("crm__query")),
    ({"type": "local_shell"}, named("local_shell")),
    ({"type": "shell"}, named("shell")),
    ({"type": "apply_patch"}, named("apply_patch")),
]


@pytest.mark.parametrize(("choice", "expected"), CHOICES)
def test_every_choice_has_its_counterpart(choice: Any, expected: Any) -> None:
    assert chat_of(tools=TOOL_SET, tool_choice=choice)["tool_choice"] == expected


def names_of(chat: Json) -> list[str]:
    return [tool["function"]["name"] for tool in chat.get("tools", [])]


ALLOWED: list[tuple[list[Json], list[str]]] = [
    ([{"type": "function", "name": "read"}], ["read"]),
    (
        [{"type": "shell"}, {"type": "custom", "name": "edit"}, {"type": "apply_patch"}],
        ["edit", "shell", "apply_patch"],
    ),
    ([{"type": "function", "name": "find"}], ["crm__find"]),
    ([{"type": "function", "name": "read", "namespace": "crm"}], ["crm__read"]),
    ([{"type": "namespace", "name": "crm"}], ["crm__find", "crm__read", "crm__query"]),
    (
        [{"type": "web_search"}, {"type": "mcp", "server_label": "x"}, {"type": "local_shell"}],
        ["local_shell"],
    ),
]


@pytest.mark.parametrize(("allowed", "names"), ALLOWED)
def test_allowed_tools_thins_the_tools_out(allowed: list[Json], names: list[str]) -> None:
    choice = {"type": "allowed_tools", "mode": "required", "tools": allowed}
    chat = chat_of(tools=TOOL_SET, tool_choice=choice)
    assert names_of(chat) == names
    assert chat["tool_choice"] == "required"


def test_where_nothing_is_left_that_is_allowed_no_tools_are_sent() -> None:
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}
    chat = chat_of(tools=TOOL_SET, tool_choice=choice)
    assert "tools" not in chat
    assert "tool_choice" not in chat


CLIENT_TOOLS = [kind for kind, row in TOOLS.items() if row is Fate.MAPPED]


@pytest.mark.parametrize("kind", sorted(types_of(get_args(ToolChoice)[1:]) - {*CLIENT_TOOLS}))
def test_a_choice_that_only_openais_servers_could_serve_is_refused(kind: str) -> None:
    if kind == "allowed_tools":
        choice: Json = {"type": kind, "mode": "required", "tools": [{"type": "web_search"}]}
    else:
        choice = {"type": kind, "server_label": "x"}
    error = refusal_of({"model": "m", "input": "x", "tools": TOOL_SET, "tool_choice": choice})
    assert (error.code, error.param) == ("unsupported_parameter", "tool_choice")


REFUSED: list[tuple[str, Json, str, str]] = [
    (
        "only hosted tools, and one must be called",
        {"tools": [{"type": "web_search"}], "tool_choice": "required"},
        "unsupported_parameter",
        "tool_choice",
    ),
    (
        "a shell in a container of OpenAI's",
        {
            "tools": [{"type": "shell", "environment": {"type": "container_auto"}}],
            "tool_choice": "required",
        },
        "unsupported_parameter",
        "tool_choice",
    ),
    (
        "that shell by its type",
        {
            "tools": [{"type": "shell", "environment": {"type": "container_auto"}}],
            "tool_choice": {"type": "shell"},
        },
        "unsupported_parameter",
        "tool_choice",
    ),
    (
        "a search by OpenAI's servers",
        {"tools": [*TOOL_SET, {"type": "tool_search"}], "tool_choice": {"type": "tool_search"}},
        "unsupported_parameter",
        "tool_choice",
    ),
    ("no tools at all", {"tool_choice": "required"}, "invalid_request", "tool_choice"),
    (
        "another kind of that name",
        {"tools": TOOL_SET, "tool_choice": {"type": "custom", "name": "read"}},
        "invalid_request",
        "tool_choice",
    ),
    (
        "another namespace",
        {"tools": TOOL_SET, "tool_choice": {"type": "custom", "name": "query", "namespace": "x"}},
        "invalid_request",
        "tool_choice",
    ),
    (
        "a shell that is not there",
        {"tools": TOOL_SET[:2], "tool_choice": {"type": "shell"}},
        "invalid_request",
        "tool_choice",
    ),
    (
        "a namespace that is not there",
        {
            "tools": TOOL_SET,
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "shell"}, {"type": "namespace", "name": "erp"}],
            },
        },
        "invalid_request",
        "tool_choice.tools[1]",
    ),
]


@pytest.mark.parametrize(
    ("fields", "code", "param"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_choice_that_cannot_be_kept_is_refused(fields: Json, code: str, param: str) -> None:
    error = refusal_of({"model": "m", "input": "x", **fields})
    assert (error.code, error.param) == (code, param)
