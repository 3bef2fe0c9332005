"""The items of the input: what is passed over is right, and the first fault is told."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from addon.translate.wire_input import checked_items
from addon.translate.wire_items import Item
from tests.translate.histories import ITEM
from tests.translate.test_request import Json, chat_of, refusal_of

MANY = 2000
"""More than are checked at once."""

CHECK = TypeAdapter(list[Item]).validate_python

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, 5, "", "x", [], {}, ["x"], {"type": "input_text", "text": "x"}, True]
)


@st.composite
def plain_or_spoilt(draw: st.DrawFn) -> Any:
    """An item of any type; of some of them a field is another, or missing, or one too many."""
    item: Json = copy.deepcopy(draw(ITEM))
    if draw(st.booleans()):
        return item
    name = draw(st.sampled_from([*item, "namespace", "status", "id"]))
    if draw(st.booleans()):
        item.pop(name, None)
    else:
        item[name] = draw(ODD)
    if isinstance(item.get("content"), list) and item["content"] and draw(st.booleans()):
        item["content"][0] = draw(ODD)
    return item


@given(st.lists(plain_or_spoilt() | ODD, max_size=4))
def test_items_are_right_where_each_of_them_is_when_looked_at_closely(items: list[Any]) -> None:
    try:
        checked, _ = checked_items(items)
    except ValidationError:
        with pytest.raises(ValidationError):
            CHECK(items)
        return
    for item, looked_at in zip(checked, CHECK(items), strict=True):
        # what was passed over keeps what nobody reads
        assert {name: item.get(name) for name in looked_at} == looked_at


def test_a_wrong_item_among_many_is_named_by_its_place() -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "x"}]}
    wrong = {"type": "function_call", "call_id": "c", "name": "", "arguments": "{}"}
    items = [*[message] * MANY, wrong, wrong]
    assert refusal_of({"model": "m", "input": items}).param == f"input[{MANY}].name"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"background": "x", "tools": [{}]}, "background"),
        ({"tools": [{}]}, "input[1].role"),
        (
            {"input": [{"role": "user", "content": "x"}], "tools": [{}], "top_p": "x"},
            "tools[0].type",
        ),
    ],
)
def test_of_several_faults_the_first_is_told_by_the_order_of_the_fields(
    fields: Json, param: str
) -> None:
    items = [{"role": "user", "content": "x"}, {"content": "x"}]
    assert refusal_of({"model": "m", "input": items, **fields}).param == param


def test_tools_that_come_late_in_a_long_input_are_found() -> None:
    message = {"role": "user", "content": "x"}
    later = {"type": "additional_tools", "tools": [{"type": "function", "name": "late"}]}
    tools = chat_of(input=[*[message] * MANY, later])["tools"]
    assert [tool["function"]["name"] for tool in tools] == ["late"]
