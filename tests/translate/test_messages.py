"""From items to messages: roles, parts, turns with their calls, and histories that are broken."""

from __future__ import annotations

from typing import Any

import pytest

from addon.translate import Recollection
from addon.translate.messages import NO_OUTPUT
from addon.translate.reasoning import ReasoningMemory
from addon.translate.sealing import KEY_BYTES, Seal
from tests.translate.test_request import Json, chat_of, refusal_of, request_of

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def messages_of(items: list[Json] | str, **fields: Any) -> list[Json]:
    messages: list[Json] = chat_of(input=items, **fields)["messages"]
    return messages


def user(content: Any) -> Json:
    return {"role": "user", "content": content}


def said(text: str) -> Json:
    return {"role": "assistant", "content": [{"type": "output_text", "text": text}]}


def call(call_id: str, name: str = "read", arguments: str = "{}") -> Json:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def output(call_id: str, output: Any = "done") -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def thought(text: str) -> Json:
    return {"type": "reasoning", "summary": [{"type": "summary_text", "text": text}]}


def tool_call(call_id: str, name: str = "read", arguments: str = "{}") -> Json:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool(call_id: str, content: str = "done") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


# --- roles and parts


def test_instructions_and_leading_system_texts_become_one_system_message() -> None:
    items: list[Json] = [
        {"role": "system", "content": "two"},
        {
            "type": "message",
            "role": "developer",
            "content": [{"type": "input_text", "text": "three"}],
        },
        user("hi"),
    ]
    assert messages_of(items, instructions="one") == [
        {"role": "system", "content": "one\n\ntwo\n\nthree"},
        user("hi"),
    ]


def test_a_later_system_text_stays_where_it_is_as_a_user_message() -> None:
    items = [user("hi"), {"role": "developer", "content": "mind the gap"}]
    assert messages_of(items) == [user("hi"), user("mind the gap")]


PARTS: list[tuple[str, Json, Json]] = [
    ("text", {"type": "input_text", "text": "x"}, {"type": "text", "text": "x"}),
    (
        "an image by URL",
        {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
    ),
    (
        "an image as data",
        {"type": "input_image", "image_url": PIXEL},
        {"type": "image_url", "image_url": {"url": PIXEL}},
    ),
    (
        "an image in its original size",
        {"type": "input_image", "image_url": PIXEL, "detail": "original"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "high"}},
    ),
    (
        "a file",
        {
            "type": "input_file",
            "filename": "a.pdf",
            "file_data": "data:application/pdf;base64,AA==",
        },
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
        },
    ),
    (
        "a file that was uploaded, and is sent as well",
        {"type": "input_file", "file_id": "file_1", "file_data": "data:text/plain;base64,AA=="},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,AA=="}},
    ),
    (
        "sound",
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        {"type": "text", "text": "[audio omitted: not supported upstream]"},
    ),
]


@pytest.mark.parametrize(
    ("part", "expected"), [row[1:] for row in PARTS], ids=[r[0] for r in PARTS]
)
def test_parts_have_their_counterparts(part: Json, expected: Json) -> None:
    text = {"type": "input_text", "text": "look:"}
    assert messages_of([user([text, part])]) == [
        user([{"type": "text", "text": "look:"}, expected])
    ]


def test_a_single_text_part_is_sent_as_a_plain_string() -> None:
    assert messages_of([user([{"type": "input_text", "text": "hi"}])]) == [user("hi")]


def test_texts_and_refusals_of_the_assistant_are_joined() -> None:
    parts = [
        {"type": "output_text", "text": "I could, ", "annotations": []},
        {"type": "refusal", "refusal": "but I will not."},
    ]
    items = [user("hi"), {"type": "message", "role": "assistant", "content": parts}]
    assert messages_of(items)[1] == {"role": "assistant", "content": "I could, but I will not."}


REFUSED: list[tuple[Json, str]] = [
    (user([{"type": "input_image", "file_id": "file_1"}]), "input[0].content[0].file_id"),
    (user([{"type": "input_image"}]), "input[0].content[0].image_url"),
    (
        user([{"type": "input_file", "file_url": "https://example.com/a"}]),
        "input[0].content[0].file_url",
    ),
    (
        {"role": "assistant", "content": [{"type": "input_image", "image_url": PIXEL}]},
        "input[0].content",
    ),
    ({"type": "item_reference", "id": "msg_1"}, "input[0]"),
    ({"id": "msg_1"}, "input[0]"),
]


@pytest.mark.parametrize(("item", "param"), REFUSED)
def test_what_cannot_be_carried_is_refused_by_name(item: Json, param: str) -> None:
    error = refusal_of({"model": "m", "input": [item]})
    assert (error.code, error.param) == ("unsupported_parameter", param)


# --- turns


def test_neighbouring_calls_and_the_text_before_them_are_one_message() -> None:
    items = [user("go"), said("Reading."), call("a"), call("b"), output("a"), output("b", "2")]
    assert messages_of(items) == [
        user("go"),
        {
            "role": "assistant",
            "content": "Reading.",
            "tool_calls": [tool_call("a"), tool_call("b")],
        },
        tool("a"),
        tool("b", "2"),
    ]


def test_calls_one_after_the_other_are_turns_of_their_own() -> None:
    items = [user("go"), call("a"), output("a"), call("b"), output("b")]
    roles = [message["role"] for message in messages_of(items)]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]


def test_a_message_of_calls_alone_has_null_content() -> None:
    assert messages_of([user("go"), call("a"), output("a")])[1]["content"] is None


def test_reasoning_goes_with_the_text_and_the_calls_of_its_turn() -> None:
    items = [user("go"), thought("hm"), said("Reading."), call("a"), output("a")]
    assert messages_of(items)[1] == {
        "role": "assistant",
        "content": "Reading.",
        "reasoning_content": "hm",
        "tool_calls": [tool_call("a")],
    }


@pytest.mark.parametrize("text", [[], [said("Reading.")]], ids=["", "a text"])
@pytest.mark.parametrize("calls", [[call("a")], []], ids=["a call", ""])
def test_reasoning_in_the_midst_of_a_turn_is_that_turns(
    text: list[Json], calls: list[Json]
) -> None:
    items = [user("go"), thought("one"), *text, *calls, thought("two"), call("b")]
    outputs = [output(item["call_id"]) for item in items if item.get("type") == "function_call"]
    turn, *answers = messages_of([*items, *outputs])[1:]
    assert turn["reasoning_content"] == "one\n\ntwo"
    assert turn["content"] == ("Reading." if text else None)
    assert [made["id"] for made in turn["tool_calls"]] == [m["tool_call_id"] for m in answers]


@pytest.mark.parametrize(
    ("items", "reasoning"),
    [
        ([thought("one"), call("a"), output("a"), thought("two"), call("b")], ["one", "two"]),
        ([thought("one"), said("A."), thought("two"), said("B.")], ["one", "two"]),
        ([said("A."), thought("two"), said("B."), call("b")], [None, "two"]),
        ([said("A."), user("and?"), thought("two"), call("b")], [None, "two"]),
        ([call("a"), said("A."), output("a"), thought("two"), call("b")], [None, None, "two"]),
    ],
)
def test_reasoning_of_the_next_turn_does_not_mix_with_the_last(
    items: list[Json], reasoning: list[str | None]
) -> None:
    messages = messages_of([user("go"), *items])
    assert reasoning == [m.get("reasoning_content") for m in messages if m["role"] == "assistant"]


def test_codex_sends_reasoning_without_anything_in_it() -> None:
    empty: Json = {"type": "reasoning", "summary": [], "content": None, "encrypted_content": None}
    assert messages_of([user("go"), empty, said("ok")])[1] == {"role": "assistant", "content": "ok"}


def test_an_output_in_parts_is_joined_and_its_images_follow_in_a_user_message() -> None:
    parts = [
        {"type": "input_text", "text": "one"},
        {"type": "input_image", "image_url": PIXEL},
        {"type": "input_text", "text": "two"},
    ]
    assert messages_of([user("go"), call("a"), call("b"), output("a", parts), output("b")])[2:] == [
        tool("a", "one\ntwo"),
        tool("b"),
        user(
            [
                {"type": "text", "text": "Output of read (a):"},
                {"type": "image_url", "image_url": {"url": PIXEL}},
            ]
        ),
    ]


# --- reasoning that was kept, here or by the client


KEEPING = Recollection(Seal(bytes(range(KEY_BYTES))), ReasoningMemory())


def sealed(text: str | None, **fields: Any) -> Json:
    """A reasoning item under our seal, or one that somebody else has sealed."""
    content = KEEPING.seal(text) if text is not None else "gAAAAA=="
    return {"type": "reasoning", "summary": [], "encrypted_content": content, **fields}


def reasoning_of(items: list[Json], recollection: Recollection | None = KEEPING) -> list[Any]:
    messages = messages_of(items, recollection=recollection)
    return [m.get("reasoning_content") for m in messages if m["role"] == "assistant"]


SUMMARY: list[Json] = [{"type": "summary_text", "text": "in short"}]
CONTENT: list[Json] = [{"type": "reasoning_text", "text": "at length"}]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (sealed("under seal", content=CONTENT, summary=SUMMARY), "under seal"),
        (sealed(None, content=CONTENT, summary=SUMMARY), "at length"),
        (sealed(None, summary=SUMMARY), "in short"),
        (sealed(None), None),
    ],
)
def test_what_was_sealed_comes_first_then_the_text_then_the_summary(
    item: Json, expected: str | None
) -> None:
    items = [user("go"), item, said("ok")]
    assert reasoning_of(items) == [expected]
    notes = request_of(KEEPING, input=items).notes
    assert notes == (() if expected else ("dropped reasoning that was not encrypted here",))


def test_what_was_sealed_stays_so_where_there_is_no_key() -> None:
    assert reasoning_of([user("go"), sealed("under seal"), said("ok")], None) == [None]


def test_a_turn_without_its_reasoning_gets_what_is_remembered_of_it() -> None:
    memory = Recollection(memory=ReasoningMemory())
    memory.remember([("a", "read", '{"x":1}'), ("b", "read", "{}")], "hm")
    items = [user("go"), said("Reading."), call("x"), call("a", arguments='{"x": 1}'), output("a")]
    assert reasoning_of(items, memory) == ["hm"]


def test_reasoning_of_its_own_goes_before_what_is_remembered() -> None:
    memory = Recollection(memory=ReasoningMemory())
    memory.remember([("a", "read", "{}")], "remembered")
    assert reasoning_of([user("go"), thought("own"), call("a"), output("a")], memory) == ["own"]


def test_what_is_remembered_is_found_by_the_name_and_arguments_of_the_function() -> None:
    memory = Recollection(memory=ReasoningMemory())
    memory.remember([("a", "ns__edit", '{"input": "x"}')], "hm")
    item = {"type": "custom_tool_call", "call_id": "a", "name": "edit", "input": "x"}
    assert reasoning_of([user("go"), {**item, "namespace": "ns"}], memory) == ["hm"]


# --- broken histories


def test_a_call_without_output_gets_one_that_says_so() -> None:
    assert messages_of([user("go"), call("a"), user("stop")]) == [
        user("go"),
        {"role": "assistant", "content": None, "tool_calls": [tool_call("a")]},
        tool("a", NO_OUTPUT),
        user("stop"),
    ]


def test_an_output_without_its_call_becomes_text() -> None:
    last = messages_of([user("go"), output("lost", "42")])[-1]
    assert last["role"] == "user"
    assert "lost" in last["content"][0]["text"]
    assert last["content"][1] == {"type": "text", "text": "42"}


def test_what_came_between_a_call_and_its_output_moves_behind_it() -> None:
    roles = [m["role"] for m in messages_of([user("go"), call("a"), user("hurry"), output("a")])]
    assert roles == ["user", "assistant", "tool", "user"]


def test_a_call_id_that_is_used_twice_is_made_unique() -> None:
    items = [user("go"), call("a"), output("a", "1"), call("a"), output("a", "2")]
    tools = [m for m in messages_of(items) if m["role"] == "tool"]
    assert tools == [tool("a", "1"), tool("a_2", "2")]


def test_empty_parts_are_left_out() -> None:
    nothing, image = {"type": "input_text", "text": ""}, {"type": "input_image", "image_url": PIXEL}
    [message] = messages_of([user([nothing, image, nothing])])
    assert [part["type"] for part in message["content"]] == ["image_url"]


def test_reasoning_that_led_to_nothing_is_left_out() -> None:
    assert messages_of([user("go"), thought("hm"), user("again")]) == [user("go"), user("again")]


def test_reasoning_that_led_to_nothing_is_no_beginning() -> None:
    system = {"role": "system", "content": "be brief"}
    assert messages_of([thought("hm"), system, user("go")]) == [system, user("go")]
    assert messages_of([user(""), thought("hm"), system]) == [user("be brief")]


def test_empty_messages_are_left_out() -> None:
    items = [user("go"), said(""), user(""), user([]), user("again")]
    assert messages_of(items) == [user("go"), user("again")]
