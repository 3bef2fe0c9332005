"""Reasoning that led to calls finds its way back: sealed with the client, or remembered."""

from __future__ import annotations

import json

import pytest

from addon.translate.reasoning import ReasoningMemory, Recollection
from addon.translate.tool_names import ToolId, ToolKind
from tests.support.chat import (
    Json,
    ToolCall,
    call_deltas,
    chunk,
    completion,
    reasoning_deltas,
    text_deltas,
)
from tests.support.oracle import CheckedStream
from tests.support.translation import answer_to, events_of_body, translator

CALL = ToolCall("call_1", "read", '{"path": "a", "limit": null}')
OTHER = ToolCall("call_2", "list", "{}")
THOUGHTS = reasoning_deltas("Let me ", "see: ü.")
END = chunk(finish="tool_calls")
RUN = ToolId(ToolKind.CUSTOM, "run")
SHELL = ToolId(ToolKind.LOCAL_SHELL, "local_shell")


class Backwards:
    """A seal that anybody can open."""

    def seal(self, text: str) -> str:
        return text[::-1]

    def unseal(self, sealed: str) -> str:
        return sealed[::-1]


def sealing() -> Recollection:
    return Recollection(Backwards(), ReasoningMemory())  # type: ignore[arg-type]


def remembering() -> Recollection:
    return Recollection(memory=ReasoningMemory())


def turn(*calls: ToolCall, end: Json = END) -> list[Json]:
    """The chunks of a turn that thinks, and makes ``calls``."""
    deltas = [call_deltas(call, index=index) for index, call in enumerate(calls)]
    return [*THOUGHTS, *text_deltas("Well."), *(d for each in deltas for d in each), end]


def reasoning_item(checked: CheckedStream) -> Json:
    (item,) = (item for item in checked.items() if item["type"] == "reasoning")
    return item


# --- remembered


def test_the_reasoning_of_a_turn_is_remembered_by_each_of_its_calls() -> None:
    reasoning = remembering()
    answer_to(turn(CALL, OTHER), translator(reasoning=reasoning))
    assert reasoning.recall("call_1", "read", '{"path":"a"}') == "Let me see: ü."
    assert reasoning.recall("call_2", "list", "{}") == "Let me see: ü."
    assert reasoning.recall("call_1", "read", '{"path":"b"}') is None


def test_several_stretches_of_reasoning_are_remembered_as_one() -> None:
    reasoning = remembering()
    payloads = [*turn(), *reasoning_deltas(" And on."), *call_deltas(CALL), END]
    answer_to([p for p in payloads if p is not END] + [END], translator(reasoning=reasoning))
    assert reasoning.recall("call_1", "read", CALL.arguments) == "Let me see: ü. And on."


def test_the_call_is_remembered_by_the_id_that_the_client_was_told() -> None:
    reasoning = remembering()
    nameless = [{**delta, "id": ""} for delta in call_deltas(CALL)]
    for payload in nameless:
        payload["choices"][0]["delta"]["tool_calls"][0].pop("id", None)  # type: ignore[index]
    checked = answer_to([*THOUGHTS, *nameless, END], translator(reasoning=reasoning))
    call_id = str(checked.items()[-1]["call_id"])
    assert reasoning.recall(call_id, "read", CALL.arguments) == "Let me see: ü."


def test_a_call_of_the_clients_own_tools_is_remembered_as_it_comes_back() -> None:
    reasoning = remembering()
    calls = [
        ToolCall("call_1", "run", '{"input": "ls", "more": 1}'),
        ToolCall("call_2", "local_shell", '{"command": ["ls"]}'),
    ]
    answer_to(turn(*calls), translator(RUN, SHELL, reasoning=reasoning))
    assert reasoning.recall("call_1", "run", '{"input": "ls"}')
    sent_back = json.dumps({"command": ["ls"], "env": {}})
    assert reasoning.recall("call_2", "local_shell", sent_back)


def test_a_call_without_arguments_is_remembered_as_it_comes_back() -> None:
    reasoning = remembering()
    answer_to(turn(ToolCall("call_1", "read", "")), translator(reasoning=reasoning))
    assert reasoning.recall("call_1", "read", "{}")


def test_a_whole_completion_is_remembered_too() -> None:
    reasoning = remembering()
    whole = completion(reasoning="Hm.", calls=[CALL])
    events_of_body(whole, translator(reasoning=reasoning))
    assert reasoning.recall("call_1", "read", CALL.arguments) == "Hm."


def test_a_turn_that_is_cut_short_is_remembered() -> None:
    reasoning = remembering()
    answer_to(turn(CALL, end=chunk(finish="length")), translator(reasoning=reasoning))
    assert reasoning.recall("call_1", "read", CALL.arguments)


NOT_REMEMBERED: dict[str, list[Json]] = {
    "a turn without calls": turn(),
    "a turn without reasoning": [*call_deltas(CALL), END],
    "a turn that failed": turn(CALL, end=chunk(finish="error")),
}


@pytest.mark.parametrize("payloads", NOT_REMEMBERED.values(), ids=NOT_REMEMBERED.keys())
def test_what_is_not_needed_again_is_not_remembered(payloads: list[Json]) -> None:
    reasoning = remembering()
    answer_to(payloads, translator(reasoning=reasoning))
    assert reasoning.recall("call_1", "read", CALL.arguments) is None


def test_a_client_that_does_not_ask_is_sent_no_sealed_reasoning() -> None:
    item = reasoning_item(answer_to(turn(CALL), translator(reasoning=sealing())))
    assert "encrypted_content" not in item


# --- sealed


def test_a_client_that_asks_carries_the_reasoning_under_seal() -> None:
    machine = translator(wants_sealed_reasoning=True, reasoning=sealing())
    checked = answer_to(turn(CALL), machine)
    assert reasoning_item(checked)["encrypted_content"] == ".ü :ees em teL"
    added = [event["item"] for event in checked.events if event["type"].endswith("item.added")]  # type: ignore[attr-defined]
    assert added[0]["encrypted_content"] is None  # type: ignore[index]


def test_what_travels_with_the_client_is_not_remembered() -> None:
    reasoning = sealing()
    answer_to(turn(CALL), translator(wants_sealed_reasoning=True, reasoning=reasoning))
    assert reasoning.recall("call_1", "read", CALL.arguments) is None


def test_without_a_key_it_is_remembered_all_the_same() -> None:
    reasoning = remembering()
    machine = translator(wants_sealed_reasoning=True, reasoning=reasoning)
    checked = answer_to(turn(CALL), machine)
    assert reasoning_item(checked)["encrypted_content"] is None
    assert reasoning.recall("call_1", "read", CALL.arguments)


def test_reasoning_in_the_content_is_sealed_likewise() -> None:
    machine = translator(wants_sealed_reasoning=True, reasoning=sealing())
    payloads = [*text_deltas("<think>", "Hm.", "</think>Hello."), chunk(finish="stop")]
    assert reasoning_item(answer_to(payloads, machine))["encrypted_content"] == ".mH"
