"""Tools that come with every request are known again, and those of others never taken for them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from addon.translate import PROFILES, parse_request
from addon.translate.toolbox import toolbox_of
from tests.translate.histories import HISTORIES, TOOL_SETS
from tests.translate.test_request import Json, chat_of, refusal_of, request_of
from tests.translate.test_tools import GRAMMAR, READ, WRITE


def test_the_same_tools_are_looked_at_once() -> None:
    tools = [READ, WRITE, GRAMMAR]
    assert toolbox_of(tools) is toolbox_of(copy.deepcopy(tools))
    assert toolbox_of(tools) is not toolbox_of([READ, GRAMMAR, WRITE])


def test_what_is_equal_in_python_is_not_the_same() -> None:
    box = toolbox_of([{**READ, "strict": True}])
    with pytest.raises(ValidationError):
        toolbox_of([{**READ, "strict": 1}])
    assert toolbox_of([{**READ, "parameters": {"type": "object", "minProperties": 1.0}}]) is not box


def test_very_long_lists_of_tools_are_not_kept() -> None:
    tools = [{**READ, "description": "x" * 1_000_000}]
    assert toolbox_of(tools) is not toolbox_of(tools)
    assert chat_of(tools=tools) == chat_of(tools=tools)


def test_a_fault_in_the_tools_is_told_every_time() -> None:
    half = [{**GRAMMAR, "format": {"type": "grammar", "syntax": "lark"}}]
    for _ in range(2):
        body = {"model": "m", "input": "x", "tools": half}
        assert refusal_of(body).param == "tools[0].format.definition"


def test_what_one_request_adds_is_unknown_to_the_next() -> None:
    later = {"type": "additional_tools", "tools": [WRITE, {**READ, "description": "Another."}]}
    items = [{"role": "user", "content": "x"}]
    before = chat_of(input=items, tools=[READ])
    assert len(chat_of(input=[*items, later], tools=[READ])["tools"]) == 2
    called = {"type": "function_call", "call_id": "c", "name": "a.b", "arguments": "{}"}
    request_of(input=[*items, called], tools=[READ])
    assert chat_of(input=items, tools=[READ]) == before


@given(
    items=HISTORIES,
    tools=TOOL_SETS,
    choice=st.sampled_from(["auto", {"type": "allowed_tools", "tools": [{"type": "shell"}]}]),
    order=st.permutations(list(PROFILES)),
    effort=st.sampled_from([None, "high"]),
)
def test_what_one_service_was_sent_does_not_show_in_what_the_next_is_sent(
    items: list[Json], tools: list[Json], choice: Any, order: list[str], effort: str | None
) -> None:
    said = [{"role": "user", "content": "x"}, *items]
    shell = {"type": "shell"}
    asked = {"input": said, "tools": [*tools, shell], "tool_choice": choice}
    asked |= {"reasoning": {"effort": effort}}
    request = request_of(**asked)
    for name in order:
        profile = PROFILES[name]
        alone = request_of(**asked)
        assert request.render("m", profile) == alone.render("m", profile)
        assert request.notes_for(profile) == alone.notes_for(profile)
    assert parse_request(b'{"model":"m","input":"x"}').render("m") == (
        b'{"model":"m","messages":[{"role":"user","content":"x"}]}'
    )
