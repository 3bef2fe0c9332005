"""Calls come back as what the client knows: its custom tools, namespaces, shells and patches."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addon.translate.profile import NEVER_CALLED
from addon.translate.tool_names import ToolId, ToolKind, ToolNames
from tests.support.chat import Json, ToolCall, call_deltas, chunk, completion, text_deltas
from tests.support.oracle import CheckedStream
from tests.support.translation import answer_to, events_of_body, translator

READ = ToolId(ToolKind.FUNCTION, "read")
SEND = ToolId(ToolKind.FUNCTION, "send", "mail")
RUN = ToolId(ToolKind.CUSTOM, "run")
EDIT = ToolId(ToolKind.CUSTOM, "edit", "files")
LOCAL_SHELL = ToolId(ToolKind.LOCAL_SHELL, "local_shell")
SHELL = ToolId(ToolKind.SHELL, "shell")
PATCH = ToolId(ToolKind.APPLY_PATCH, "apply_patch")
SEARCH = ToolId(ToolKind.TOOL_SEARCH, "tool_search")
TOOLS = (READ, SEND, RUN, EDIT, LOCAL_SHELL, SHELL, PATCH, SEARCH)

END = chunk(finish="tool_calls")


def call_of(tool: ToolId, arguments: object, call_id: str = "call_1") -> ToolCall:
    """A call as the upstream makes it; ``arguments`` are a JSON value, or text as it is."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ToolCall(call_id, ToolNames(TOOLS).name_of(tool), text)


def streamed(*calls: ToolCall, pieces: int = 3, finish: str = "tool_calls") -> CheckedStream:
    """The stream that comes of ``calls``, one after the other."""
    deltas = [
        delta
        for index, call in enumerate(calls)
        for delta in call_deltas(call, index=index, pieces=pieces)
    ]
    return answer_to([*deltas, chunk(finish=finish)], translator(*TOOLS))


def said(checked: CheckedStream, kind: str) -> list[object]:
    """The deltas in the events of type ``kind``."""
    return [event["delta"] for event in checked.events if event["type"] == kind]


# --- custom tools


def test_the_input_of_a_custom_tool_comes_unescaped_as_it_streams() -> None:
    arguments = '{"input": "*** \\"Begin\\" Patch\\n"}'
    checked = streamed(call_of(RUN, arguments), pieces=len(arguments))
    deltas = said(checked, "response.custom_tool_call_input.delta")
    assert deltas == list('*** "Begin" Patch\n')
    (item,) = checked.items()
    assert item["type"] == "custom_tool_call"
    assert item["call_id"] == "call_1"
    assert item["name"] == "run"
    assert item["status"] == "completed"
    assert "namespace" not in item


@settings(deadline=None)
@given(st.text(), st.integers(1, 30), st.booleans())
def test_every_input_comes_out_as_it_was_meant(text: str, pieces: int, is_ascii: bool) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=is_ascii)
    assert streamed(call_of(RUN, arguments), pieces=pieces).outcome.calls == (("run", text),)


@pytest.mark.parametrize("arguments", ["", "ls -l", '{"command": "ls"}', '{"input": 1}', "null"])
def test_arguments_without_an_input_are_the_input(arguments: str) -> None:
    assert streamed(call_of(RUN, arguments)).outcome.calls == (("run", arguments),)


def test_a_custom_call_that_is_cut_short_is_incomplete() -> None:
    checked = streamed(call_of(RUN, '{"input": "rm -r'), finish="length")
    (item,) = checked.items()
    assert item["status"] == "incomplete"
    assert item["input"] == "rm -r"


def test_a_custom_call_that_the_last_chunk_repeats_comes_once() -> None:
    call = call_of(RUN, {"input": "ls -l"})
    function: Json = {"arguments": call.arguments}
    again = chunk({"tool_calls": [{"index": 0, "function": function}]}, finish="tool_calls")
    checked = answer_to([*call_deltas(call, pieces=4), again], translator(*TOOLS))
    assert checked.outcome.calls == (("run", "ls -l"),)


# --- namespaces


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        (SEND, {"to": "all"}, ("mail/send", '{"to": "all"}')),
        (EDIT, {"input": "x"}, ("files/edit", "x")),
    ],
)
def test_a_tool_of_a_namespace_is_called_by_its_own_name(
    tool: ToolId, arguments: object, expected: tuple[str, str]
) -> None:
    assert streamed(call_of(tool, arguments)).outcome.calls == (expected,)


def test_a_tool_that_nobody_knows_is_a_function() -> None:
    checked = streamed(ToolCall("call_1", "unheard__of", "{}"))
    assert checked.outcome.calls == (("unheard__of", "{}"),)


@pytest.mark.parametrize("arguments", ["", None])
def test_a_function_that_is_called_without_arguments_is_given_an_empty_object(
    arguments: object,
) -> None:
    function: Json = {"name": "read", "arguments": arguments}
    part: Json = {"index": 0, "id": "call_1", "function": function}
    checked = answer_to([chunk({"tool_calls": [part]}), END])
    assert checked.outcome.calls == (("read", "{}"),)


# --- shells and patches

ACTIONS: dict[str, tuple[ToolId, object, object]] = {
    "a command": (
        LOCAL_SHELL,
        {"command": ["ls", "-l"]},
        {"type": "exec", "env": {}, "command": ["ls", "-l"]},
    ),
    "a command with all there is": (
        LOCAL_SHELL,
        {
            "command": [],
            "env": {"A": "b"},
            "timeout_ms": 5,
            "user": "me",
            "working_directory": "/",
        },
        {
            "type": "exec",
            "env": {"A": "b"},
            "command": [],
            "timeout_ms": 5,
            "user": "me",
            "working_directory": "/",
        },
    ),
    "null for what is left out": (
        LOCAL_SHELL,
        {"command": ["ls"], "env": None, "timeout_ms": None, "extra": 1},
        {"type": "exec", "env": {}, "command": ["ls"]},
    ),
    "commands": (SHELL, {"commands": ["cd a", "", "ls"]}, {"commands": ["cd a", "", "ls"]}),
    "commands with limits": (
        SHELL,
        {"commands": ["ls"], "timeout_ms": 5, "max_output_length": 10},
        {"commands": ["ls"], "timeout_ms": 5, "max_output_length": 10},
    ),
    "a new file": (
        PATCH,
        {"type": "create_file", "path": "a", "diff": "+x"},
        {"type": "create_file", "path": "a", "diff": "+x"},
    ),
    "a change": (
        PATCH,
        {"type": "update_file", "path": "a", "diff": "@@\n-x\n+ü"},
        {"type": "update_file", "path": "a", "diff": "@@\n-x\n+ü"},
    ),
    "a character in two halves": (
        PATCH,
        '{"type": "delete_file", "path": "\ud83d\ude00"}',
        {"type": "delete_file", "path": "\N{GRINNING FACE}"},
    ),
    "a deletion": (
        PATCH,
        {"type": "delete_file", "path": "a", "diff": None},
        {"type": "delete_file", "path": "a"},
    ),
}


@pytest.mark.parametrize(("tool", "arguments", "action"), ACTIONS.values(), ids=ACTIONS.keys())
def test_what_a_call_asks_for_is_restored(tool: ToolId, arguments: object, action: object) -> None:
    (item,) = streamed(call_of(tool, arguments)).items()
    assert item["type"] == f"{tool.name}_call"
    assert item.get("action", item.get("operation")) == action
    assert item["call_id"] == "call_1"


def test_the_commands_of_a_shell_call_are_told_one_by_one() -> None:
    checked = streamed(call_of(SHELL, {"commands": ["cd a", "ls"]}))
    assert said(checked, "response.shell_call_command.delta") == ["cd a", "ls"]


def test_a_search_for_tools_is_for_the_client_to_do() -> None:
    arguments = {"query": "mail", "limit": None, "exact": [True, {"a": 1.5}]}
    checked = streamed(call_of(SEARCH, arguments))
    (item,) = checked.items()
    assert item == {
        "type": "tool_search_call",
        "id": item["id"],
        "call_id": "call_1",
        "execution": "client",
        "status": "completed",
        "arguments": arguments,
    }


UNFIT: dict[str, tuple[ToolId, str]] = {
    "nothing": (SHELL, ""),
    "no JSON": (SHELL, "ls -l"),
    "half of it": (SHELL, '{"commands": ["ls"'),
    "a text for a list": (LOCAL_SHELL, '{"command": "ls"}'),
    "a number for a text": (SHELL, '{"commands": [1]}'),
    "a text for a number": (SHELL, '{"commands": [], "timeout_ms": "5"}'),
    "no command": (LOCAL_SHELL, "{}"),
    "no path": (PATCH, '{"type": "delete_file"}'),
    "no diff": (PATCH, '{"type": "create_file", "path": "a"}'),
    "an operation of no kind": (PATCH, '{"type": "move_file", "path": "a"}'),
    "a list": (PATCH, "[]"),
    "a search for a word": (SEARCH, '"mail"'),
    "half a character": (PATCH, '{"type": "delete_file", "path": "\ud83d"'),
}


@pytest.mark.parametrize(("tool", "arguments"), UNFIT.values(), ids=UNFIT.keys())
def test_an_answer_with_a_call_that_does_not_fit_its_tool_fails(
    tool: ToolId, arguments: str
) -> None:
    checked = streamed(call_of(tool, arguments))
    assert checked.outcome.status == "failed"
    assert checked.items() == []
    message = checked.response["error"]["message"]  # type: ignore[index]
    assert repr(tool.name) in message
    assert arguments.replace("\ud83d", "\ufffd") in message


def test_a_long_call_that_does_not_fit_is_quoted_in_part() -> None:
    checked = streamed(call_of(SHELL, "x" * 100_000))
    assert len(checked.response["error"]["message"]) < 1000  # type: ignore[index]


def test_where_the_answer_is_cut_short_so_is_a_call_that_does_not_fit() -> None:
    whole = call_of(SHELL, {"commands": ["ls"]}, "call_1")
    half = call_of(PATCH, '{"type": "delete_', "call_2")
    outcome = streamed(whole, half, finish="length").outcome
    assert outcome.calls == (("shell_call", '{"commands": ["ls"]}'),)
    assert outcome.reason == "max_output_tokens"


def test_where_the_upstream_breaks_off_no_shell_is_called() -> None:
    checked = streamed(call_of(SHELL, {"commands": ["ls"]}), finish="error")
    assert checked.outcome.status == "failed"
    assert checked.items() == []


def test_calls_of_all_kinds_stand_side_by_side() -> None:
    calls = [
        call_of(SHELL, {"commands": ["ls"]}, "call_1"),
        call_of(READ, {}, "call_2"),
        call_of(RUN, {"input": "x"}, "call_3"),
        call_of(PATCH, {"type": "delete_file", "path": "a"}, "call_1"),
    ]
    pieces = [call_deltas(call, index=index, pieces=4) for index, call in enumerate(calls)]
    woven = [delta for deltas in zip(*pieces, strict=False) for delta in deltas]
    rest = [delta for deltas in pieces for delta in deltas[min(map(len, pieces)) :]]
    payloads = [*text_deltas("Well: "), *woven, *rest, END]
    checked = answer_to(payloads, translator(*TOOLS))
    assert [item["type"] for item in checked.items()] == [
        "message",
        "function_call",
        "custom_tool_call",
        "shell_call",
        "apply_patch_call",
    ]
    # The upstream gave an id twice.
    ids = [item["call_id"] for item in checked.items()[1:]]
    assert ids[:3] == ["call_2", "call_3", "call_1"]
    assert ids[3] not in ids[:3]


def test_a_whole_completion_restores_them_too() -> None:
    calls = [call_of(RUN, {"input": "x"}, "a"), call_of(SHELL, {"commands": ["ls"]}, "b")]
    checked = events_of_body(completion(calls=calls), translator(*TOOLS))
    assert checked.outcome.calls == (("run", "x"), ("shell_call", '{"commands": ["ls"]}'))


# --- the tool that must not be called


STRAY = ToolCall("call_9", NEVER_CALLED, '{"a": 1}')


def test_a_call_of_the_tool_that_must_not_be_called_is_nobodys() -> None:
    payloads = [*text_deltas("Hello."), *call_deltas(STRAY), END]
    checked = answer_to(payloads, translator(*TOOLS))
    assert checked.outcome.text == "Hello."
    assert checked.outcome.calls == ()
    assert checked.outcome.status == "completed"


def test_an_answer_of_nothing_else_is_an_empty_message() -> None:
    checked = answer_to([*call_deltas(STRAY), END], translator(*TOOLS))
    (item,) = checked.items()
    assert item["type"] == "message"
    assert checked.outcome.text == ""
    assert checked.outcome.status == "completed"


def test_the_calls_beside_it_are_kept() -> None:
    calls = [STRAY, call_of(READ, {})]
    checked = events_of_body(completion(calls=calls), translator(*TOOLS))
    assert checked.outcome.calls == (("read", "{}"),)


# --- an older way to call


def test_a_function_call_of_an_older_service_is_a_call() -> None:
    pieces: list[Json] = [
        {"name": "read", "arguments": ""},
        {"arguments": '{"a"'},
        {"arguments": ": 1}"},
    ]
    deltas = [chunk({"content": None, "function_call": piece}) for piece in pieces]
    checked = answer_to([*deltas, chunk(finish="function_call")])
    assert checked.outcome.calls == (("read", '{"a": 1}'),)
    assert checked.outcome.status == "completed"


# --- names that never come


def test_a_call_without_a_name_fails() -> None:
    nameless = chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": "{}"}}]})
    checked = answer_to([nameless, END])
    assert "without a name" in checked.response["error"]["message"]  # type: ignore[index]


def test_a_call_whose_name_was_cut_off_is_left_out() -> None:
    nameless = chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": "{}"}}]})
    checked = answer_to([nameless, chunk(finish="length")])
    assert checked.outcome.status == "incomplete"
    assert checked.items() == []
