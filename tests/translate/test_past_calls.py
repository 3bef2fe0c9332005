"""Calls of every kind in the history: a tool call and its tool message each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addon.translate.messages import NO_OUTPUT
from tests.translate.test_messages import call, messages_of, output, user
from tests.translate.test_request import Json, chat_of, notes_of

CUSTOM: Json = {
    "type": "custom_tool_call",
    "call_id": "c",
    "name": "apply",
    "input": 'a "b"\n',
}
LOCAL_SHELL: Json = {
    "type": "local_shell_call",
    "id": "lsh_1",
    "call_id": "c",
    "status": "completed",
    "action": {"type": "exec", "command": ["ls", "-l"], "env": {}, "timeout_ms": None},
}
SHELL: Json = {
    "type": "shell_call",
    "call_id": "c",
    "action": {"commands": ["ls", "pwd"], "timeout_ms": 1000},
    "environment": {"type": "local"},
}
PATCH: Json = {
    "type": "apply_patch_call",
    "call_id": "c",
    "status": "completed",
    "operation": {"type": "delete_file", "path": "a.py"},
}
SEARCH: Json = {
    "type": "tool_search_call",
    "call_id": "c",
    "execution": "client",
    "arguments": {"query": "mail"},
}
MCP: Json = {
    "type": "mcp_call",
    "id": "c",
    "server_label": "docs",
    "name": "search",
    "arguments": '{"q": 1}',
}

CALLS: list[tuple[Json, str, Json]] = [
    (call("c", arguments='{"a": 1}'), "read", {"a": 1}),
    ({**call("c"), "namespace": "files"}, "files__read", {}),
    (CUSTOM, "apply", {"input": 'a "b"\n'}),
    ({**CUSTOM, "namespace": "edit"}, "edit__apply", {"input": 'a "b"\n'}),
    (
        LOCAL_SHELL,
        "local_shell",
        {"command": ["ls", "-l"], "env": {}, "timeout_ms": None},
    ),
    (SHELL, "shell", {"commands": ["ls", "pwd"], "timeout_ms": 1000}),
    (PATCH, "apply_patch", {"type": "delete_file", "path": "a.py"}),
    (SEARCH, "tool_search", {"query": "mail"}),
    (MCP, "docs__search", {"q": 1}),
]


@pytest.mark.parametrize(("item", "name", "arguments"), CALLS, ids=[row[1] for row in CALLS])
def test_a_call_of_any_kind_is_a_call_of_a_function(item: Json, name: str, arguments: Json) -> None:
    _, calling, answer = messages_of([user("go"), item])
    [made] = calling["tool_calls"]
    assert made["function"]["name"] == name
    assert json.loads(made["function"]["arguments"]) == arguments
    assert answer == {"role": "tool", "tool_call_id": made["id"], "content": NO_OUTPUT}


def run(stdout: str, stderr: str = "", outcome: Json | None = None) -> Json:
    ended = outcome or {"type": "exit", "exit_code": 0}
    return {"stdout": stdout, "stderr": stderr, "outcome": ended}


OUTPUTS: list[tuple[str, Json, Json, str]] = [
    ("function", call("c"), output("c", "done"), "done"),
    (
        "custom",
        CUSTOM,
        {"type": "custom_tool_call_output", "call_id": "c", "output": "done"},
        "done",
    ),
    (
        "custom, in parts",
        CUSTOM,
        {
            "type": "custom_tool_call_output",
            "call_id": "c",
            "output": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
        },
        "a\nb",
    ),
    (
        "local shell, by the id of the call",
        LOCAL_SHELL,
        {"type": "local_shell_call_output", "id": "c", "output": '{"output": "x"}'},
        '{"output": "x"}',
    ),
    (
        "local shell, by the id of the item",
        LOCAL_SHELL,
        {"type": "local_shell_call_output", "id": "lsh_1", "output": "x"},
        "x",
    ),
    (
        "local shell, by call_id",
        LOCAL_SHELL,
        {"type": "local_shell_call_output", "id": "o", "call_id": "c", "output": "x"},
        "x",
    ),
    (
        "shell",
        SHELL,
        {"type": "shell_call_output", "call_id": "c", "output": [run("a.py\n"), run("", "no")]},
        "a.py\n\n[exit code 0]\n[stderr]\nno\n[exit code 0]",
    ),
    (
        "shell that took too long",
        SHELL,
        {
            "type": "shell_call_output",
            "call_id": "c",
            "output": [run("a", outcome={"type": "timeout"})],
        },
        "a\n[timed out]",
    ),
    (
        "patch",
        PATCH,
        {"type": "apply_patch_call_output", "call_id": "c", "status": "completed"},
        "[completed]",
    ),
    (
        "patch that did not fit",
        PATCH,
        {
            "type": "apply_patch_call_output",
            "call_id": "c",
            "status": "failed",
            "output": "no such line",
        },
        "[failed]\nno such line",
    ),
    (
        "search",
        SEARCH,
        {
            "type": "tool_search_output",
            "call_id": "c",
            "execution": "client",
            "tools": [
                {
                    "type": "namespace",
                    "name": "mail",
                    "tools": [{"type": "function", "name": name} for name in ("read", "send")],
                },
                {"type": "function", "name": "call"},
            ],
        },
        "[found, and ready to be called: mail (read, send), call]",
    ),
    (
        "search in vain",
        SEARCH,
        {"type": "tool_search_output", "call_id": "c", "tools": []},
        "[found no tools]",
    ),
]


@pytest.mark.parametrize(
    ("made", "gave", "content"), [row[1:] for row in OUTPUTS], ids=[row[0] for row in OUTPUTS]
)
def test_the_output_of_a_call_is_its_tool_message(made: Json, gave: Json, content: str) -> None:
    assert messages_of([user("go"), made, gave])[2:] == [
        {"role": "tool", "tool_call_id": "c", "content": content}
    ]


@pytest.mark.parametrize(
    "search",
    [
        {"type": "tool_search_call", "call_id": None, "arguments": {"paths": ["mail"]}},
        {**SEARCH, "execution": "server"},
    ],
)
def test_a_search_of_openais_servers_is_dropped_and_its_tools_are_not(search: Json) -> None:
    found = {"type": "function", "name": "send"}
    gave = {**search, "type": "tool_search_output", "tools": [found]}
    items = [user("go"), search, gave]
    chat = chat_of(input=items)
    assert chat["messages"] == [user("go")]
    assert [tool["function"]["name"] for tool in chat["tools"]] == ["send"]
    assert notes_of(input=items) == ("dropped tool_search_call from the history",)


@pytest.mark.parametrize(
    ("gave", "content"),
    [
        ({"output": "found"}, "found"),
        ({"output": ""}, ""),
        ({"output": None, "error": "refused"}, "[error] refused"),
        ({"error": {"type": "http_error", "code": 500, "message": "down"}}, "[error] down"),
        ({"error": {"content": [1]}}, '[error] {"content":[1]}'),
    ],
)
def test_a_call_of_an_mcp_server_brings_its_output_along(gave: Json, content: str) -> None:
    answer = messages_of([user("go"), {**MCP, **gave}])[-1]
    assert answer == {"role": "tool", "tool_call_id": "c", "content": content}


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        (" ", {}),
        ('{"a": ', {"arguments": '{"a": '}),
        ('{"a": {"b": 1}', {"arguments": '{"a": {"b": 1}'}),
        ("[1]", {"arguments": "[1]"}),
        ('{"a": NaN}', {"arguments": '{"a": NaN}'}),
    ],
)
def test_arguments_that_are_no_object_are_put_into_one(arguments: str, sent: Any) -> None:
    calling = messages_of([user("go"), call("c", arguments=arguments)])[1]
    assert json.loads(calling["tool_calls"][0]["function"]["arguments"]) == sent


def test_calls_with_one_id_get_their_outputs_in_order() -> None:
    items = [user("go"), call("a"), call("a"), output("a", "1"), output("a", "2")]
    tools = [(m["tool_call_id"], m["content"]) for m in messages_of(items) if m["role"] == "tool"]
    assert tools == [("a", "1"), ("a_2", "2")]


def test_a_call_of_a_tool_with_an_unfit_name_is_mended_alike_in_every_turn() -> None:
    items = [user("go"), call("a", name="files.read"), output("a"), call("b", name="files.read")]
    names = {
        made["function"]["name"]
        for message in messages_of(items)
        for made in message.get("tool_calls", ())
    }
    [name] = names
    assert name.startswith("files_read_")
