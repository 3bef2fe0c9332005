"""The oracle accepts a perfect stream and refuses every single fault that was put into it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import cast

import pytest

from tests.support.chat import Json, Usage
from tests.support.oracle import check_response, check_stream
from tests.support.outcome import Outcome
from tests.support.perfect_stream import (
    CALL,
    MESSAGE,
    REASONING,
    TOKENS,
    USAGE,
    Events,
    perfect_stream,
    response,
    token,
    wire,
)

Mutation = Callable[[Events], None]


def renumbered(events: Events) -> Events:
    """The events with their ``sequence_number`` made right."""
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def find(events: Events, kind: str, nth: int = 0) -> int:
    """Where the ``nth`` event of type ``response.<kind>`` stands."""
    places = [n for n, event in enumerate(events) if event["type"] == f"response.{kind}"]
    return places[nth]


def without(kind: str, nth: int = 0) -> Mutation:
    """Drop an event."""

    def mutate(events: Events) -> None:
        del events[find(events, kind, nth)]

    return mutate


def twice(kind: str, nth: int = 0) -> Mutation:
    """Send an event a second time, right after."""

    def mutate(events: Events) -> None:
        place = find(events, kind, nth)
        events.insert(place, copy.deepcopy(events[place]))

    return mutate


def moved(kind: str, to: str, nth: int = 0, to_nth: int = 0) -> Mutation:
    """Send an event in the place of another one, which follows it."""

    def mutate(events: Events) -> None:
        event = events.pop(find(events, kind, nth))
        events.insert(find(events, to, to_nth), event)

    return mutate


def changed(kind: str, path: str, value: object, nth: int = 0) -> Mutation:
    """Give the field at the dotted ``path`` of an event another value."""

    def mutate(events: Events) -> None:
        *parents, name = path.split(".")
        place = events[find(events, kind, nth)]
        for parent in parents:
            place = _member(place, parent)
        place[name] = value

    return mutate


def dropped(kind: str, path: str, nth: int = 0) -> Mutation:
    """Leave out the field at the dotted ``path`` of an event."""

    def mutate(events: Events) -> None:
        *parents, name = path.split(".")
        place = events[find(events, kind, nth)]
        for parent in parents:
            place = _member(place, parent)
        del place[name]

    return mutate


def _member(place: Json, name: str) -> Json:
    member = cast("list[Json]", place)[int(name)] if name.isdigit() else place[name]
    return cast("Json", member)


MUTATIONS: dict[str, Mutation] = {
    "no created": without("created"),
    "no in_progress": without("in_progress"),
    "in_progress before created": moved("in_progress", "created"),
    "created a second time": twice("created"),
    "no terminal event": without("completed"),
    "two terminal events": twice("completed"),
    "an event after the terminal one": moved("completed", "output_item.done", to_nth=2),
    "item not added": without("output_item.added"),
    "item added twice": twice("output_item.added"),
    "item not done": without("output_item.done"),
    "item done twice": twice("output_item.done"),
    "items added in the wrong order": changed("output_item.added", "output_index", 5),
    "part not added": without("content_part.added"),
    "part added twice": twice("content_part.added"),
    "part not done": without("content_part.done"),
    "part done twice": twice("content_part.done"),
    "part done before its text": moved("content_part.done", "output_text.done"),
    "text not done": without("output_text.done"),
    "text done twice": twice("output_text.done"),
    "delta before its part": moved("output_text.delta", "content_part.added"),
    "delta before its item": moved("reasoning_summary_text.delta", "output_item.added"),
    "delta after its text": moved("output_text.delta", "content_part.done"),
    "delta lost": without("output_text.delta"),
    "delta repeated": twice("output_text.delta"),
    "delta of another item": changed("output_text.delta", "item_id", "msg_2"),
    "delta at another item": changed("output_text.delta", "output_index", 2),
    "delta of another part": changed("output_text.delta", "content_index", 1),
    "summary part not added": without("reasoning_summary_part.added"),
    "summary part not done": without("reasoning_summary_part.done"),
    "summary text not done": without("reasoning_summary_text.done"),
    "summary delta without its index": dropped("reasoning_summary_text.delta", "summary_index"),
    "refusal lost": without("refusal.delta"),
    "refusal not done": without("refusal.done"),
    "arguments lost": without("function_call_arguments.delta"),
    "arguments not done": without("function_call_arguments.done"),
    "arguments done twice": twice("function_call_arguments.done"),
    "arguments other than streamed": changed("output_item.done", "item.arguments", "{}", 2),
    "arguments in the added event": changed("output_item.added", "item.arguments", "{", 2),
    "text in the added part": changed("content_part.added", "part.text", "G"),
    "item added as completed": changed("output_item.added", "item.status", "completed", 1),
    "item done as in progress": changed("output_item.done", "item.status", "in_progress", 1),
    "item incomplete in a completed response": changed(
        "completed", "response.output.1.status", "incomplete"
    ),
    "item id changes": changed("output_item.done", "item.id", "fc_2", 2),
    "call id changes": changed("output_item.done", "item.call_id", "call_2", 2),
    "call id missing": dropped("output_item.added", "item.call_id", 2),
    "name changes": changed("output_item.done", "item.name", "edit", 2),
    "name comes late": changed("output_item.added", "item.name", "", 2),
    "part other than streamed": changed("content_part.done", "part.text", "Hi"),
    "output other than done": changed("completed", "response.output.2.name", "edit"),
    "output lost": changed("completed", "response.output", []),
    "response id changes": changed("completed", "response.id", "resp_2"),
    "model changes": changed("completed", "response.model", "other"),
    "status of another kind": changed("completed", "response.status", "incomplete"),
    "usage before the end": changed("created", "response.usage", USAGE),
    "completed without usage": changed("completed", "response.usage", None),
    "usage that does not add up": changed("completed", "response.usage.total_tokens", 1),
    "usage without details": dropped("completed", "response.usage.input_tokens_details"),
    "completed with an error": changed(
        "completed", "response.error", {"code": "server_error", "message": "x"}
    ),
    "completed without completed_at": changed("completed", "response.completed_at", None),
    "a field of the response missing": dropped("completed", "response.prompt_cache_key"),
    "a field that nobody knows": changed("completed", "response.extra", 1),
    "a nested field that nobody knows": changed("output_item.done", "item.extra", 1),
    "a number as text": changed("completed", "response.created_at", "1760000000"),
    "a flag as number": changed("completed", "response.parallel_tool_calls", 1),
    "an unknown event": changed("output_text.delta", "type", "response.text.delta"),
    "an event without a place": changed("completed", "type", "response.queued"),
    "a delta without logprobs": dropped("output_text.delta", "logprobs"),
    "a token lost": changed("output_text.delta", "logprobs", []),
    "a token too many": changed("output_text.done", "logprobs", [*TOKENS, token("!")]),
    "other tokens in the part": changed("content_part.done", "part.logprobs", TOKENS[:1]),
    "a token without its number": dropped("output_text.done", "logprobs.0.logprob"),
    "a token without its bytes": dropped("output_text.delta", "logprobs.0.bytes"),
    "sealed reasoning that comes unannounced": dropped(
        "output_item.added", "item.encrypted_content"
    ),
    "sealed reasoning that is no text": changed("output_item.done", "item.encrypted_content", 1),
    "input lost": without("custom_tool_call_input.delta"),
    "input not done": without("custom_tool_call_input.done"),
    "input done twice": twice("custom_tool_call_input.done"),
    "input in the added event": changed("output_item.added", "item.input", "l", 3),
    "input other than streamed": changed("output_item.done", "item.input", "ls", 3),
    "input of a function": changed("custom_tool_call_input.delta", "output_index", 2),
    "arguments of a custom tool": changed("function_call_arguments.delta", "output_index", 3),
    "namespace changes": changed("output_item.done", "item.namespace", "other", 3),
    "namespace lost": dropped("output_item.done", "item.namespace", 3),
    "custom call id changes": changed("output_item.done", "item.call_id", "call_9", 3),
    "custom call without status": dropped("output_item.done", "item.status", 3),
    "a command of a local shell changes": changed(
        "output_item.done", "item.action.command", ["rm"], 4
    ),
    "a local shell call without its environment": dropped("output_item.done", "item.action.env", 4),
    "a command before its item": moved("shell_call_command.added", "output_item.added", to_nth=5),
    "a command not added": without("shell_call_command.added"),
    "a command added twice": twice("shell_call_command.added"),
    "a command that is added whole": changed("shell_call_command.added", "command", "cd a"),
    "a command not done": without("shell_call_command.done"),
    "a command done twice": twice("shell_call_command.done"),
    "a piece of a command lost": without("shell_call_command.delta"),
    "a piece of another command": changed("shell_call_command.delta", "command_index", 1),
    "a piece of a command elsewhere": changed("shell_call_command.delta", "output_index", 4),
    "commands in the added event": changed("output_item.added", "item.action.commands", ["l"], 5),
    "commands other than streamed": changed("output_item.done", "item.action.commands", ["ls"], 5),
    "a patch changes": changed("output_item.done", "item.operation.path", "b", 6),
    "a patch without a path": dropped("output_item.added", "item.operation.path", 6),
    "a patch of no kind": changed("output_item.added", "item.operation.type", "move_file", 6),
    "an incomplete patch": changed("output_item.done", "item.status", "incomplete", 6),
    "an unknown role": changed("output_item.done", "item.role", "model", 1),
}


def test_a_perfect_stream_is_accepted() -> None:
    checked = check_stream(wire(perfect_stream()))

    assert checked.response["id"] == "resp_1"
    assert checked.outcome == Outcome(
        text="Grüße!",
        reasoning="Let me see.",
        refusal="Not that.",
        calls=(
            ("write", '{"path": "a"}'),
            ("tools/run", "ls\n"),
            ("local_shell_call", '{"type": "exec", "command": ["ls"], "env": {}}'),
            ("shell_call", '{"commands": ["cd a", "ls"], "timeout_ms": 1000}'),
            ("apply_patch_call", '{"type": "delete_file", "path": "a"}'),
        ),
        usage=Usage(prompt=11, completion=7, cached=3, reasoning=2),
    )


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_stream_with_one_fault_is_refused(mutation: Mutation) -> None:
    events = perfect_stream()
    mutation(events)

    with pytest.raises(AssertionError, match="breaks"):
        check_stream(wire(renumbered(events)))


@pytest.mark.parametrize(
    "numbers",
    [lambda n: n + 1, lambda n: n // 2, lambda n: n * 2],
    ids=["start at one", "repeat", "leave gaps"],
)
def test_sequence_numbers_start_at_zero_and_leave_no_gap(numbers: Callable[[int], int]) -> None:
    events = [{**event, "sequence_number": numbers(n)} for n, event in enumerate(perfect_stream())]

    with pytest.raises(AssertionError, match="sequence_number"):
        check_stream(wire(events))


BENDS: dict[str, Callable[[bytes], bytes]] = {
    "no event line": lambda raw: raw.replace(b"event: response.created\n", b""),
    "another event line": lambda raw: raw.replace(b"t: response.created", b"t: response.failed"),
    "no space": lambda raw: raw.replace(b"event: response.created", b"event:response.created"),
    "CRLF": lambda raw: raw.replace(b"\n", b"\r\n"),
    "no blank line last": lambda raw: raw.removesuffix(b"\n"),
    "[DONE]": lambda raw: raw + b"data: [DONE]\n\n",
    "a blank line too many": lambda raw: raw + b"\n",
    "a comment": lambda raw: b": comment\n" + raw,
    "no JSON": lambda raw: raw.replace(b'"delta": "', b'"delta": "\\x', 1),
    "NaN": lambda raw: raw.replace(b'"top_p": 1', b'"top_p": NaN', 1),
    "a name twice": lambda raw: raw.replace(b'"object"', b'"id": "resp_1", "object"', 1),
    "no UTF-8": lambda raw: raw.replace("ü".encode(), b"\xc3", 1),
}


@pytest.mark.parametrize("bend", BENDS.values(), ids=BENDS.keys())
def test_a_stream_of_the_wrong_form_is_refused(bend: Callable[[bytes], bytes]) -> None:
    raw = bend(wire(perfect_stream()))

    with pytest.raises((AssertionError, UnicodeDecodeError)):
        check_stream(raw)


def ended(status: str, **fields: object) -> bytes:
    """A stream whose answer is cut short in its message, and ends in ``status``."""
    events = perfect_stream()
    start, end = find(events, "content_part.done"), find(events, "output_item.done", 1)
    del events[start + 1 : end]
    del events[find(events, "output_item.done", 1) + 1 :]
    cut_off = {
        **MESSAGE,
        "status": "incomplete",
        "content": cast("list[Json]", MESSAGE["content"])[:1],
    }
    events[-1]["item"] = cut_off
    last = response(status, output=[REASONING, cut_off], **fields)
    events.append({"type": f"response.{status}", "response": last})
    return wire(renumbered(events))


def test_an_incomplete_response_may_hold_an_incomplete_item() -> None:
    raw = ended("incomplete", usage=USAGE, incomplete_details={"reason": "max_output_tokens"})

    assert check_stream(raw).outcome.reason == "max_output_tokens"


def test_a_failed_response_may_hold_an_incomplete_item() -> None:
    raw = ended("failed", error={"code": "server_error", "message": "cut"})

    assert check_stream(raw).outcome.status == "failed"


def test_a_failed_response_says_why() -> None:
    with pytest.raises(AssertionError, match="error must not be null"):
        check_stream(ended("failed"))


def test_an_incomplete_response_says_why() -> None:
    with pytest.raises(AssertionError, match="incomplete_details must not be null"):
        check_stream(ended("incomplete", usage=USAGE))


def test_items_may_overlap() -> None:
    events = perfect_stream()
    moved("output_item.done", "function_call_arguments.done", nth=1)(events)

    check_stream(wire(renumbered(events)))


def test_a_plain_response_is_accepted() -> None:
    assert check_response(response())["id"] == "resp_1"


PLAIN_FAULTS: dict[str, Json] = {
    "not finished": {"status": "in_progress"},
    "no usage": {"usage": None},
    "an open item": {"output": [{**CALL, "status": "in_progress"}]},
    "a call id twice": {"output": [CALL, {**CALL, "id": "fc_2"}]},
    "an empty call id": {"output": [{**CALL, "call_id": ""}]},
    "a Chat tool": {"tools": [{"type": "function", "function": {"name": "write"}}]},
    "a tool choice of another API": {"tool_choice": "any"},
    "an unheard-of error code": {"error": {"code": "unheard_of", "message": "x"}},
    "a field that nobody knows": {"extra": 1},
}


@pytest.mark.parametrize("fields", PLAIN_FAULTS.values(), ids=PLAIN_FAULTS.keys())
def test_a_plain_response_with_one_fault_is_refused(fields: Json) -> None:
    with pytest.raises(AssertionError, match="breaks"):
        check_response({**response(), **fields})
