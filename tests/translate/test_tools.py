"""Tools of every kind as functions."""

from __future__ import annotations

from typing import Any

import pytest

from addon.sandbox.strict import validate
from addon.translate.tool_names import ToolId, ToolKind
from tests.translate.test_request import Json, chat_of, notes_of, refusal_of, request_of

READ: Json = {"type": "function", "name": "read", "parameters": {"type": "object"}}
WRITE: Json = {"type": "function", "name": "write", "description": "Writes.", "strict": False}
SEARCH: Json = {"type": "web_search"}
GRAMMAR: Json = {
    "type": "custom",
    "name": "sql",
    "description": "Asks the database.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /SELECT .+/"},
}


def nested(tool: Json) -> Json:
    function = {key: value for key, value in tool.items() if key != "type"}
    return {
        "type": "function",
        "function": {"parameters": {"type": "object", "properties": {}}} | function,
    }


def functions_of(*tools: Json, **fields: Any) -> dict[str, Json]:
    """The Chat functions for ``tools``, by name."""
    sent = chat_of(tools=list(tools), **fields).get("tools", [])
    assert all(tool["type"] == "function" for tool in sent)
    return {tool["function"]["name"]: tool["function"] for tool in sent}


def test_function_tools_are_nested() -> None:
    assert chat_of(tools=[READ, WRITE])["tools"] == [nested(READ), nested(WRITE)]


@pytest.mark.parametrize("strict", [True, False])
def test_strict_is_carried(strict: bool) -> None:
    assert functions_of({**READ, "strict": strict})["read"]["strict"] is strict


def test_parameters_that_do_not_say_so_are_an_object_all_the_same() -> None:
    tool = {**READ, "parameters": {"properties": {"a": {}}}}
    assert functions_of(tool)["read"]["parameters"] == {
        "type": "object",
        "properties": {"a": {}},
    }


def test_parallel_tool_calls_goes_with_tools_only() -> None:
    assert chat_of(tools=[READ], parallel_tool_calls=False)["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in chat_of(parallel_tool_calls=False)


# --- custom tools


def test_a_custom_tool_is_a_function_that_takes_a_text() -> None:
    function = functions_of({"type": "custom", "name": "note"})["note"]
    assert function["parameters"]["required"] == ["input"]
    assert function["parameters"]["properties"]["input"]["type"] == "string"
    assert "'input'" in function["description"]


def test_a_grammar_is_told_in_the_description() -> None:
    description = functions_of(GRAMMAR)["sql"]["description"]
    assert description.startswith("Asks the database.")
    assert "lark" in description
    assert description.endswith("start: /SELECT .+/")


def test_free_text_needs_no_grammar() -> None:
    tool = {**GRAMMAR, "format": {"type": "text"}}
    assert "grammar" not in functions_of(tool)["sql"]["description"]


def test_a_grammar_that_is_not_whole_is_refused_by_name() -> None:
    tool = {**GRAMMAR, "format": {"type": "grammar", "syntax": "lark"}}
    body = {"model": "m", "input": "x", "tools": [READ, {**tool}]}
    assert refusal_of(body).param == "tools[1].format.definition"


# --- namespaces


def namespace(description: str | None = "Customers.", *tools: Json) -> Json:
    return {"type": "namespace", "name": "crm", "description": description, "tools": list(tools)}


def test_the_tools_of_a_namespace_are_functions_of_their_own() -> None:
    functions = functions_of(READ, namespace("Customers.", READ, GRAMMAR))
    assert list(functions) == ["read", "crm__read", "crm__sql"]
    assert functions["crm__read"]["description"] == "Customers."
    assert functions["crm__sql"]["description"].startswith("Customers.\n\nAsks the database.")
    assert functions["crm__sql"]["parameters"]["required"] == ["input"]


def test_a_long_description_of_a_namespace_is_told_in_full_once() -> None:
    long = "All about customers. " * 20
    functions = functions_of(namespace(f"{long}\n\nMind their privacy.", READ, WRITE))
    first, second = functions["crm__read"], functions["crm__write"]
    assert first["description"].endswith("Mind their privacy.")
    assert len(second["description"]) < 250
    assert second["description"].startswith("All about customers.")
    assert second["description"].endswith("…\n\nWrites.")


def test_a_namespace_without_description_is_no_trouble() -> None:
    assert "description" not in functions_of(namespace(None, READ))["crm__read"]


# --- the client's shells and patches


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ({"type": "local_shell"}, {"command", "env", "timeout_ms", "user", "working_directory"}),
        ({"type": "shell"}, {"commands", "timeout_ms", "max_output_length"}),
        (
            {"type": "shell", "environment": {"type": "local", "skills": []}},
            {"commands", "timeout_ms", "max_output_length"},
        ),
        ({"type": "apply_patch"}, {"type", "path", "diff"}),
    ],
)
def test_what_the_client_runs_is_a_function_of_that_name(tool: Json, arguments: set[str]) -> None:
    function = functions_of(tool)[tool["type"]]
    assert set(function["parameters"]["properties"]) == arguments


def test_the_skills_of_a_shell_are_told_in_its_description() -> None:
    skills = [
        {"name": "pdf", "description": "Reads PDFs.", "path": "/skills/pdf"},
        {"name": "csv", "description": "Reads tables.", "path": "/skills/csv"},
    ]
    tool = {"type": "shell", "environment": {"type": "local", "skills": skills}}
    description = functions_of(tool)["shell"]["description"]
    assert description.startswith(functions_of({"type": "shell"})["shell"]["description"])
    for skill in skills:
        assert all(word in description for word in skill.values())


@pytest.mark.parametrize("environment", ["container_auto", "container_reference"])
def test_a_shell_in_a_container_of_openais_is_dropped(environment: str) -> None:
    tool = {"type": "shell", "environment": {"type": environment, "container_id": "c"}}
    assert functions_of(tool) == {}
    assert notes_of(tools=[tool]) == ("dropped hosted tool shell",)


SEARCHES: Json = {
    "type": "tool_search",
    "execution": "client",
    "description": "Finds tools.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
}


def test_a_search_for_tools_that_the_client_does_is_a_function() -> None:
    function = functions_of(SEARCHES)["tool_search"]
    assert function["description"] == SEARCHES["description"]
    assert function["parameters"] == SEARCHES["parameters"]
    bare = functions_of({"type": "tool_search", "execution": "client"})["tool_search"]
    assert bare["description"]
    assert bare["parameters"]["type"] == "object"


@pytest.mark.parametrize("execution", ["server", None])
def test_a_search_for_tools_on_openais_servers_is_dropped(execution: str | None) -> None:
    tool = {**SEARCHES, "execution": execution}
    assert functions_of(tool) == {}
    assert notes_of(tools=[tool]) == ("dropped hosted tool tool_search",)


# --- hosted tools


def test_hosted_tools_are_dropped_with_a_note() -> None:
    assert chat_of(tools=[READ, SEARCH])["tools"] == [nested(READ)]
    assert notes_of(tools=[READ, SEARCH]) == ("dropped hosted tool web_search",)


def test_no_tools_field_is_sent_where_none_is_left() -> None:
    assert "tools" not in chat_of(tools=[SEARCH], tool_choice="auto")
    assert "tool_choice" not in chat_of(tools=[SEARCH], tool_choice="auto")


# --- tools that come later


@pytest.mark.parametrize("kind", ["additional_tools", "tool_search_output"])
def test_tools_that_come_in_the_midst_of_the_conversation_join_the_others(kind: str) -> None:
    said = {"role": "user", "content": "x"}
    later = {"type": kind, "role": "developer", "tools": [WRITE, namespace("C.", READ), SEARCH]}
    assert list(functions_of(READ, input=[said, later])) == ["read", "write", "crm__read"]
    assert notes_of(input=[said, later]) == ("dropped hosted tool web_search",)


def test_a_tool_that_comes_again_is_sent_once_as_it_came_last() -> None:
    again = {**WRITE, "description": "Writes well."}
    later = {"type": "additional_tools", "role": "developer", "tools": [again]}
    functions = functions_of(WRITE, READ, input=[{"role": "user", "content": "x"}, later])
    assert list(functions) == ["write", "read"]
    assert functions["write"]["description"] == "Writes well."


def test_what_is_wrong_with_a_later_tool_is_named_with_its_path() -> None:
    tools = [namespace("C.", READ, {"type": "function"})]
    item = {"type": "additional_tools", "role": "developer", "tools": tools}
    error = refusal_of({"model": "m", "input": [{"role": "user", "content": "x"}, item]})
    assert error.param == "input[1].tools[0].tools[1].name"


# --- names


def test_the_answer_knows_which_tool_a_function_stands_for() -> None:
    tools = [READ, GRAMMAR, {"type": "shell"}, namespace("C.", READ, GRAMMAR)]
    names = request_of(tools=tools).answer.tools
    assert [names.tool_of(name) for name in functions_of(*tools)] == [
        ToolId(ToolKind.FUNCTION, "read"),
        ToolId(ToolKind.CUSTOM, "sql"),
        ToolId(ToolKind.SHELL, "shell"),
        ToolId(ToolKind.FUNCTION, "read", "crm"),
        ToolId(ToolKind.CUSTOM, "sql", "crm"),
    ]


def test_tools_whose_names_would_meet_are_told_apart() -> None:
    tools = [
        {"type": "function", "name": "crm__read"},
        {"type": "custom", "name": "crm__read"},
        namespace("C.", READ),
        {"type": "function", "name": "shell"},
        {"type": "shell"},
        {"type": "function", "name": "a.b"},
        {"type": "function", "name": "a_b"},
        {"type": "function", "name": "x" * 200},
        {"type": "function", "name": "名前"},
    ]
    chat = chat_of(tools=tools)
    assert len({tool["function"]["name"] for tool in chat["tools"]}) == len(tools)
    assert validate(chat) == []


def test_a_name_stays_the_same_whatever_tools_stand_beside_it() -> None:
    odd = {"type": "function", "name": "a.b"}
    [alone] = functions_of(odd)
    assert alone in functions_of(READ, namespace("C.", READ), odd)


REFUSED: list[tuple[Json, str, str]] = [
    ({"tools": [{"type": "telepathy"}]}, "unsupported_parameter", "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "invalid_request", "tools[0].name"),
    ({"tools": [READ, {"name": "x"}]}, "invalid_request", "tools[1].type"),
    ({"tools": [namespace("C.", {"type": "shell"})]}, "unsupported_parameter", "tools[0].tools[0]"),
    ({"tools": [READ], "tool_choice": "sometimes"}, "invalid_request", "tool_choice"),
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
]


@pytest.mark.parametrize(("fields", "code", "param"), REFUSED)
def test_what_is_wrong_with_tools_is_refused_by_name(fields: Json, code: str, param: str) -> None:
    error = refusal_of({"model": "m", "input": "x", **fields})
    assert error.code == code
    assert (error.param or "").startswith(param)
