"""Each rule about messages and their order: a conversation that keeps it, one that breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.sandbox.strict import validate
from tests.sandbox.bodies import SYSTEM, USER, Json, body, calling, image, output, text, user

MESSAGE_RULES: dict[str, tuple[list[Json], list[Json], str]] = {
    "there is at least one message": ([USER], [], "messages"),
    "developer is no role": (
        [SYSTEM, USER],
        [{"role": "developer", "content": "be kind"}, USER],
        "messages[0].role",
    ),
    "function is no role": (
        [USER],
        [USER, {"role": "function", "name": "f", "content": "x"}],
        "messages[1].role",
    ),
    "a message is an object": ([USER], [USER, "hello"], "messages[1]"),  # type: ignore[list-item]
    "the system message stands first": ([SYSTEM, USER], [USER, SYSTEM], "messages[1].role"),
    "there is one system message": ([SYSTEM, USER], [SYSTEM, SYSTEM, USER], "messages[1].role"),
    "somebody asks": ([SYSTEM, USER], [SYSTEM], "messages"),
    "a user says something": ([USER], [{"role": "user", "content": ""}], "messages[0].content"),
    "a user has content": ([USER], [{"role": "user"}], "messages[0].content"),
    "a user's content is not null": (
        [USER],
        [{"role": "user", "content": None}],
        "messages[0].content",
    ),
    "a user's parts are some": ([user(text("hi"))], [user()], "messages[0].content"),
    "a text part has text": (
        [user(text("hi"))],
        [user(text(""))],
        "messages[0].content[0].text",
    ),
    "a part is of a known type": (
        [user(text("hi"))],
        [user({"type": "input_text", "text": "hi"})],
        "messages[0].content[0].type",
    ),
    "audio is not heard": (
        [user(text("hi"))],
        [user({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}})],
        "messages[0].content[0].type",
    ),
    "a part has no foreign fields": (
        [user(text("hi"))],
        [user({**text("hi"), "annotations": []})],
        "messages[0].content[0].annotations",
    ),
    "a text part may be marked for the cache": (
        [user({**text("hi"), "cache_control": {"type": "ephemeral"}})],
        [user({**text("hi"), "cache_control": True})],
        "messages[0].content[0].cache_control",
    ),
    "an image has a URL": (
        [user(text("what is it"), image("https://example.com/cat.png"))],
        [user(image("cat.png"))],
        "messages[0].content[0].image_url.url",
    ),
    "an image's URL is not broken": (
        [user(image("http://[::1]/cat.png"))],
        [user(image("http://[::1/cat.png"))],
        "messages[0].content[0].image_url.url",
    ),
    "an image's data are base64": (
        [user(image())],
        [user(image("data:image/png;base64,§"))],
        "messages[0].content[0].image_url.url",
    ),
    "an image's data are an image's": (
        [user(image())],
        [user(image("data:text/plain;base64,aGk="))],
        "messages[0].content[0].image_url.url",
    ),
    "an image's URL is nested": (
        [user(image())],
        [user({"type": "image_url", "image_url": "https://example.com/cat.png"})],
        "messages[0].content[0].image_url",
    ),
    "an image's detail is one of three": (
        [user(image(detail="low"))],
        [user(image(detail="original"))],
        "messages[0].content[0].image_url.detail",
    ),
    "a file comes with its data or by its id": (
        [user({"type": "file", "file": {"file_data": "aGk=", "filename": "a.txt"}})],
        [user({"type": "file", "file": {"filename": "a.txt"}})],
        "messages[0].content[0].file",
    ),
    "only users show images": (
        [{"role": "system", "content": [text("be kind")]}, USER],
        [{"role": "system", "content": [image()]}, USER],
        "messages[0].content[0].type",
    ),
    "an assistant says something or calls": (
        [USER, {"role": "assistant", "content": "hi"}, USER],
        [USER, {"role": "assistant", "content": None, "reasoning_content": "hm"}, USER],
        "messages[1].content",
    ),
    "an assistant without calls is not silent": (
        [USER, {"role": "assistant", "content": "hi"}, USER],
        [USER, {"role": "assistant", "content": ""}, USER],
        "messages[1].content",
    ),
    "an assistant has no fields of another API": (
        [USER, {"role": "assistant", "content": "hi"}, USER],
        [USER, {"role": "assistant", "content": "hi", "phase": "final"}, USER],
        "messages[1].phase",
    ),
    "a list of calls is not empty": (
        [USER, calling("1"), output("1")],
        [USER, {"role": "assistant", "content": "hi", "tool_calls": []}],
        "messages[1].tool_calls",
    ),
    "a call's arguments are a JSON object": (
        [USER, calling("1"), output("1")],
        [
            USER,
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "1",
                        "type": "function",
                        "function": {"name": "read", "arguments": "[1]"},
                    }
                ],
            },
            output("1"),
        ],
        "messages[1].tool_calls[0].function.arguments",
    ),
    "a call is nested": (
        [USER, calling("1"), output("1")],
        [
            USER,
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "1",
                        "type": "function",
                        "name": "read",
                        "function": {"name": "read", "arguments": "{}"},
                    }
                ],
            },
            output("1"),
        ],
        "messages[1].tool_calls[0].name",
    ),
    "a called function has a plain name": (
        [USER, calling("1", name="a-Z_9" + "x" * 59), output("1")],
        [USER, calling("1", name="a.b"), output("1")],
        "messages[1].tool_calls[0].function.name",
    ),
    "an output belongs to a call": (
        [USER, calling("1"), output("1")],
        [USER, output("1")],
        "messages[1].tool_call_id",
    ),
    "an output follows its call": (
        [USER, calling("1"), output("1")],
        [USER, calling("1"), output("1"), output("2")],
        "messages[3].tool_call_id",
    ),
    "a call has one output": (
        [USER, calling("1"), output("1")],
        [USER, calling("1"), output("1"), output("1")],
        "messages[3].tool_call_id",
    ),
    "an output comes before the next turn": (
        [USER, calling("1"), output("1"), USER, calling("2"), output("2")],
        [USER, calling("1"), output("1"), USER, calling("2"), output("1"), output("2")],
        "messages[5].tool_call_id",
    ),
    "every call has its output": (
        [USER, calling("1", "2"), output("2"), output("1")],
        [USER, calling("1", "2"), output("2")],
        "messages[1].tool_calls",
    ),
    "nothing comes between a call and its output": (
        [USER, calling("1"), output("1"), USER],
        [USER, calling("1"), USER],
        "messages[1].tool_calls",
    ),
    "an id is used once in a message": (
        [USER, calling("1", "2"), output("1"), output("2")],
        [USER, calling("1", "1"), output("1")],
        "messages[1].tool_calls[1].id",
    ),
    "an id is used once in a history": (
        [USER, calling("1"), output("1"), calling("2"), output("2")],
        [USER, calling("1"), output("1"), calling("1"), output("1")],
        "messages[3].tool_calls[0].id",
    ),
    "an output may be empty but is there": (
        [USER, calling("1"), output("1", "")],
        [USER, calling("1"), output("1", None)],
        "messages[2].content",
    ),
    "an output is text": (
        [USER, calling("1"), output("1", [text("done")])],
        [USER, calling("1"), output("1", [image()])],
        "messages[2].content[0].type",
    ),
    "an output names its call": (
        [USER, calling("1"), output("1")],
        [USER, calling("1"), {"role": "tool", "content": "done"}],
        "messages[2].tool_call_id",
    ),
}


@pytest.mark.parametrize("rule", MESSAGE_RULES)
def test_messages_keep_the_rule_that(rule: str) -> None:
    good, bad, param = MESSAGE_RULES[rule]
    assert validate(body() | {"messages": good}) == []
    assert validate(body() | {"messages": bad})[0].param == param


@pytest.mark.parametrize("content", [None, "", "I will read it.", [text("I will read it.")]])
def test_a_call_needs_no_words_beside_it(content: object) -> None:
    assert validate(body(USER, calling("1", content=content), output("1"))) == []


def test_thinking_wants_back_the_reasoning_of_the_turn_under_way() -> None:
    thinking = {"enable_thinking": True, "stream": True}
    with_reasoning = calling("2", reasoning_content="hm")
    earlier_turn = [USER, calling("1"), output("1"), {"role": "assistant", "content": "read"}]
    assert validate(body(*earlier_turn, USER, with_reasoning, output("2"), **thinking)) == []
    (violation,) = validate(body(*earlier_turn, USER, calling("2"), output("2"), **thinking))
    assert violation.param == "messages[5].reasoning_content"
    assert "must be passed back to the API" in violation.message
    assert validate(body(*earlier_turn, USER, calling("2"), output("2"))) == []


words = st.text(min_size=1, max_size=20)
plain_messages = st.one_of(
    st.builds(lambda said: {"role": "user", "content": said}, words),
    st.builds(lambda said: {"role": "assistant", "content": said}, words),
    st.builds(lambda said: user(text(said), image()), words),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Json]:
    """Histories that keep every rule: words, and calls with their outputs in any order."""
    messages: list[Json] = [SYSTEM] if draw(st.booleans()) else []
    messages.append(USER)
    for turn in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            messages.append(draw(plain_messages))
        else:
            ids = [f"call_{turn}_{i}" for i in range(draw(st.integers(1, 3)))]
            messages.append(calling(*ids, content=draw(st.none() | words)))
            messages.extend(output(each, draw(st.text())) for each in draw(st.permutations(ids)))
    return messages


@given(histories())
def test_any_history_that_keeps_the_rules_passes(messages: list[Json]) -> None:
    assert validate(body(*messages)) == []


@given(histories(), st.data())
def test_a_history_that_lost_an_output_is_refused(
    messages: list[Json], data: st.DataObject
) -> None:
    outputs = [i for i, message in enumerate(messages) if message["role"] == "tool"]
    if outputs:
        del messages[data.draw(st.sampled_from(outputs))]
        assert [fault.param for fault in validate(body(*messages))] != []


@given(histories(), st.data())
def test_a_history_that_lost_a_call_is_refused(messages: list[Json], data: st.DataObject) -> None:
    callers = [i for i, message in enumerate(messages) if "tool_calls" in message]
    if callers:
        del messages[data.draw(st.sampled_from(callers))]
        assert any("no call has the id" in fault.message for fault in validate(body(*messages)))
