"""The reasoning of earlier turns comes back with their calls, within bounds."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from addon.translate.reasoning import CallKey, ReasoningMemory, Recollection
from addon.translate.sealing import KEY_BYTES, Seal

THOUGHT: Final = "The user wants a list. I call ls."
OTHER: Final = "Now I read the file."


def call(number: int, name: str = "bash", arguments: str = '{"command": "ls"}') -> CallKey:
    return f"call_{number}", name, arguments


@pytest.fixture
def memory() -> ReasoningMemory:
    return ReasoningMemory()


# Which reasoning belongs to which call


def test_each_call_of_a_turn_recalls_what_led_to_it(memory: ReasoningMemory) -> None:
    memory.remember([call(1), call(2, "read")], THOUGHT)
    assert memory.recall(call(1)) == THOUGHT
    assert memory.recall(call(2, "read")) == THOUGHT


AS_SENT: Final = (
    '{"path": "a\\u00e9", "lines": [1.0, 1e3, null], "limit": null, "at": 12345678901234567890}'
)


@pytest.mark.parametrize(
    "rewritten",
    [
        AS_SENT,
        '{"path":"aé","lines":[1,1000,null],"limit":null,"at":12345678901234567000}',
        '{"lines": [1, 1000, null], "at": 12345678901234567890, "path": "aé"}',
        '{\n  "at": 1.2345678901234567e19,\n  "path": "\\u0061é",\n  "lines": [1, 1000, null]\n}',
    ],
    ids=["as it is", "by JavaScript", "in another order", "indented"],
)
def test_arguments_may_be_written_anew(memory: ReasoningMemory, rewritten: str) -> None:
    memory.remember([call(1, arguments=AS_SENT)], THOUGHT)
    assert memory.recall(call(1, arguments=rewritten)) == THOUGHT


@pytest.mark.parametrize(
    "another",
    [
        call(2),
        call(1, "read"),
        call(1, arguments='{"command": "ls -l"}'),
        call(1, arguments='{"command": "ls", "timeout": 1}'),
        call(1, arguments='{"command": ["ls"]}'),
        call(1, arguments='{"command": "ls"'),
        call(1, arguments="{}"),
    ],
)
def test_another_call_recalls_nothing(memory: ReasoningMemory, another: CallKey) -> None:
    memory.remember([call(1)], THOUGHT)
    assert memory.recall(another) is None


def test_calls_that_are_numbered_anew_in_every_answer_are_told_apart(
    memory: ReasoningMemory,
) -> None:
    memory.remember([call(0, arguments='{"command": "ls"}')], THOUGHT)
    memory.remember([call(0, arguments='{"command": "cat a"}')], OTHER)
    assert memory.recall(call(0, arguments='{"command":"ls"}')) == THOUGHT
    assert memory.recall(call(0, arguments='{"command":"cat a"}')) == OTHER


def test_a_call_without_arguments_may_come_back_with_an_empty_object(
    memory: ReasoningMemory,
) -> None:
    memory.remember([call(1, arguments="")], THOUGHT)
    assert memory.recall(call(1, arguments="{}")) == THOUGHT


@pytest.mark.parametrize(
    "arguments",
    [
        "ls -l",
        '{"command": "ls',
        "[" * 100_000,
        '{"a":' * 100_000,
        f'{{"a": 1{"0" * 400}}}',
        '{"a": NaN}',
        '{"a": "\ud800"}',
        '{"a": "\\ud800"}',
    ],
    ids=["words", "cut", "deep", "deep objects", "no double", "NaN", "a half", "half an escape"],
)
def test_arguments_that_are_no_json_are_compared_as_they_are(
    memory: ReasoningMemory, arguments: str
) -> None:
    memory.remember([call(1, arguments=arguments)], THOUGHT)
    assert memory.recall(call(1, arguments=arguments)) == THOUGHT
    assert memory.recall(call(1, arguments=arguments + " .")) is None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def rewritten(value: Any, data: st.DataObject) -> Any:
    """As a client may send it back: members in any order, null ones perhaps left out."""
    if isinstance(value, list):
        return [rewritten(member, data) for member in value]
    if isinstance(value, dict):
        members = data.draw(st.permutations(list(value.items())))
        return {
            name: rewritten(member, data)
            for name, member in members
            if member is not None or data.draw(st.booleans())
        }
    return int(value) if isinstance(value, float) and value.is_integer() else value


@given(st.dictionaries(st.text(), json_values, max_size=4), st.data())
def test_however_a_client_writes_the_arguments_the_reasoning_is_found(
    value: dict[str, Any], data: st.DataObject
) -> None:
    memory = ReasoningMemory()
    memory.remember([call(1, arguments=json.dumps(value))], THOUGHT)
    sent_back = json.dumps(
        rewritten(value, data),
        ensure_ascii=data.draw(st.booleans()),
        indent=data.draw(st.none() | st.integers(0, 2)),
    )
    assert memory.recall(call(1, arguments=sent_back)) == THOUGHT


@given(st.text("aé\ud83d\ude42", min_size=1))
def test_what_is_recalled_is_fit_for_utf_8(text: str) -> None:
    memory = ReasoningMemory()
    memory.remember([call(1)], text)
    recalled = memory.recall(call(1))
    assert recalled is not None
    assert recalled.encode()


# Bounds


def test_the_default_bounds_are_4096_calls_and_32_mebibytes(memory: ReasoningMemory) -> None:
    mebibyte = "x" * 1024 * 1024
    for number in range(33):
        memory.remember([call(number)], mebibyte)
    assert [memory.recall(call(number)) is None for number in (0, 1)] == [True, False]
    for number in range(4097):
        memory.remember([call(number, "read")], THOUGHT)
    assert [memory.recall(call(number, "read")) is None for number in (0, 1)] == [True, False]


def test_a_text_counts_once_however_many_calls_it_led_to() -> None:
    memory = ReasoningMemory(max_bytes=len(THOUGHT) + len(OTHER))
    memory.remember([call(number) for number in range(100)], THOUGHT)
    memory.remember([call(100)], OTHER)
    assert memory.recall(call(0)) == memory.recall(call(99)) == THOUGHT
    assert memory.recall(call(100)) == OTHER


def test_what_is_recalled_stays_for_longer() -> None:
    memory = ReasoningMemory(max_calls=3)
    memory.remember([call(1), call(2)], THOUGHT)
    memory.remember([call(3)], OTHER)
    memory.recall(call(1))
    memory.remember([call(4)], OTHER)
    assert memory.recall(call(3)) is None
    assert memory.recall(call(2)) == THOUGHT


def test_a_turn_that_does_not_fit_drives_no_other_out() -> None:
    memory = ReasoningMemory(max_calls=2, max_bytes=len(THOUGHT))
    memory.remember([call(1)], THOUGHT)
    memory.remember([call(2)], THOUGHT + ".")
    memory.remember([call(3), call(4), call(5)], "x")
    assert memory.recall(call(1)) == THOUGHT
    assert [memory.recall(call(number)) for number in (2, 3, 4, 5)] == [None] * 4


def test_old_reasoning_is_not_taken_for_that_of_a_call_made_again() -> None:
    memory = ReasoningMemory(max_bytes=len(THOUGHT))
    memory.remember([call(0)], THOUGHT)
    memory.remember([call(0)], THOUGHT + ", which is too long to be kept")
    assert memory.recall(call(0)) is None


MAX_CALLS: Final = 5
MAX_BYTES: Final = 12

calls = st.builds(call, st.integers(0, 9))
thoughts = st.text("aé🙂", max_size=5)


class Remembering(RuleBasedStateMachine):
    """Beside the memory goes a plain list of the turns, the one to go next first."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = ReasoningMemory(MAX_CALLS, MAX_BYTES)
        self.turns: list[tuple[set[CallKey], str]] = []

    @rule(made=st.lists(calls, max_size=MAX_CALLS + 1), text=thoughts)
    def remember(self, made: list[CallKey], text: str) -> None:
        self.memory.remember(made, text)
        self.turns = [(known - set(made), thought) for known, thought in self.turns]
        if text and len(set(made)) <= MAX_CALLS and len(text.encode()) <= MAX_BYTES:
            self.turns.append((set(made), text))
        self.turns = [turn for turn in self.turns if turn[0]]
        while self.calls_known() > MAX_CALLS or self.bytes_held() > MAX_BYTES:
            del self.turns[0]

    @rule(made=calls)
    def recall(self, made: CallKey) -> None:
        turn = next((turn for turn in self.turns if made in turn[0]), None)
        assert self.memory.recall(made) == (turn[1] if turn else None)
        if turn:
            self.turns.remove(turn)
            self.turns.append(turn)

    @invariant()
    def it_is_within_its_bounds_and_knows_how_much_it_holds(self) -> None:
        turns = set(self.memory._turn_of.values())
        assert turns == set(self.memory._turns)
        held = sum(len(turn.thought) for turn in turns)
        assert held == self.memory._bytes == self.bytes_held()
        assert len(self.memory._turn_of) == self.calls_known()
        assert held <= MAX_BYTES
        assert len(self.memory._turn_of) <= MAX_CALLS

    def calls_known(self) -> int:
        return sum(len(known) for known, _ in self.turns)

    def bytes_held(self) -> int:
        return sum(len(text.encode()) for _, text in self.turns)


TestRemembering = Remembering.TestCase


# The way in


def test_without_key_and_memory_there_is_no_recollection() -> None:
    nothing = Recollection()
    nothing.remember([call(1)], THOUGHT)
    assert nothing.recall(*call(1)) is None
    assert nothing.seal(THOUGHT) is None
    assert nothing.unseal("qwen-proxy.1.AAAA") is None


def test_sealed_reasoning_needs_no_memory() -> None:
    key = bytes(KEY_BYTES)
    travelling = Recollection(Seal(key)).seal(THOUGHT)
    assert travelling is not None
    assert Recollection(Seal(key)).unseal(travelling) == THOUGHT


def test_reasoning_is_recalled_by_whoever_shares_the_memory(memory: ReasoningMemory) -> None:
    Recollection(memory=memory).remember([call(1)], THOUGHT)
    assert Recollection(memory=memory).recall(*call(1)) == THOUGHT
