"""What the simulated model answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.sandbox import tokens
from addon.sandbox.model import Answer, answer
from addon.sandbox.request import ChatRequest
from addon.sandbox.strict import validate
from tests.sandbox.bodies import USER, Json, body, calling, image, output, text, tool, user

WRITE = tool("write", filePath={"type": "string"}, content={"type": "string"})
READ = tool("read", filePath={"type": "string"})
EXEC = tool("exec_command", cmd={"type": "string"})


def answered(*messages: Json, **fields: object) -> Answer:
    """The answer to a request, which must be a valid one."""
    request = body(*messages, **fields)
    assert validate(request) == []
    return answer(ChatRequest.model_validate(request))


def says(words: str) -> Json:
    return {"role": "user", "content": words}


def calls(given_answer: Answer) -> list[tuple[str, Any]]:
    """Names and arguments of the calls in an answer."""
    return [(call.name, json.loads(call.arguments)) for call in given_answer.calls]


def test_a_greeting_repeats_what_was_asked() -> None:
    reply = answered(says("How are\n you?"))
    assert "你好 👋" in reply.text
    assert "“How are you?”" in reply.text
    assert (reply.calls, reply.reasoning, reply.finish_reason) == ((), "", "stop")


def test_the_same_question_gets_the_same_answer() -> None:
    assert answered(says("hi")) == answered(says("hi"))


def test_images_are_counted() -> None:
    assert "2 image(s)" in answered(user(text("look"), image(), image())).text


def test_thinking_comes_first_and_keeps_to_its_budget() -> None:
    whole = answered(says("hi"), enable_thinking=True, stream=True)
    short = answered(says("hi"), enable_thinking=True, stream=True, thinking_budget=2)
    assert whole.reasoning.startswith(short.reasoning)
    assert short.reasoning.split() == ["The", "user"]
    assert short.text == whole.text


def test_a_directive_calls_the_tool_with_its_json() -> None:
    reply = answered(says('use read {"filePath": "a.txt"}'), tools=[WRITE, READ])
    assert calls(reply) == [("read", {"filePath": "a.txt"})]
    assert reply.finish_reason == "tool_calls"


def test_several_lines_make_parallel_calls() -> None:
    asked = says('use read {"filePath": "a"}\nuse read {"filePath": "b"}\nuse write')
    assert calls(answered(asked, tools=[WRITE, READ])) == [
        ("read", {"filePath": "a"}),
        ("read", {"filePath": "b"}),
        ("write", {}),
    ]


def test_parallel_calls_can_be_switched_off() -> None:
    asked = says("use read {}\nuse read {}")
    assert len(answered(asked, tools=[READ], parallel_tool_calls=False).calls) == 1


@pytest.mark.parametrize(
    "words", ["use scissors {}", "use read {broken", 'use read {"a": }', "I use read sometimes"]
)
def test_what_is_no_directive_is_answered_in_words(words: str) -> None:
    reply = answered(says(words), tools=[READ])
    assert reply.calls == ()
    assert reply.text


@pytest.mark.parametrize(
    "words",
    [
        "create a file notes.txt with hello there",
        "Please create the file `notes.txt` containing hello there",
        '"create a new file named notes.txt with the content: hello there"',
        "create file 'notes.txt' with text “hello there”",
    ],
)
def test_a_file_is_written_with_the_tool_of_the_agent(words: str) -> None:
    content = {"filePath": "notes.txt", "content": "hello there"}
    assert calls(answered(says(words), tools=[READ, WRITE])) == [("write", content)]


def test_a_file_is_written_by_shell_where_there_is_no_better_tool() -> None:
    reply = answered(says("create a file my.txt with it's $HOME; rm x"), tools=[READ, EXEC])
    ((name, arguments),) = calls(reply)
    assert name == "exec_command"
    assert arguments == {"cmd": """printf '%s\\n' 'it'"'"'s $HOME; rm x' > my.txt"""}


def test_no_file_is_written_without_a_tool_for_it() -> None:
    assert answered(says("create a file a.txt with b"), tools=[READ]).calls == ()
    assert answered(says("create a file a.txt with b")).calls == ()


WEATHER = tool("get_weather", city={"type": "string"})


def test_a_question_about_what_a_tool_gives_calls_it() -> None:
    asked = says("What's the weather like in San Francisco?")
    assert calls(answered(asked, tools=[WRITE, WEATHER])) == [("get_weather", {})]


@pytest.mark.parametrize("words", ["The weather is fine.", "Whether it rains?", "Do you write?"])
def test_other_words_about_it_do_not(words: str) -> None:
    assert calls(answered(says(words), tools=[WRITE, WEATHER])) == []


def test_tools_rest_when_none_is_chosen() -> None:
    assert answered(says("use read {}"), tools=[READ], tool_choice="none").calls == ()


def test_a_required_call_is_made_with_the_smallest_arguments() -> None:
    demanding = tool("count", upto={"type": "integer", "minimum": 3})
    demanding["function"]["parameters"]["required"] = ["upto"]
    reply = answered(says("hi"), tools=[demanding], tool_choice="required")
    assert calls(reply) == [("count", {"upto": 3})]


def test_a_named_tool_is_called_whatever_was_said() -> None:
    named = {"type": "function", "function": {"name": "write"}}
    reply = answered(says("use read {}"), tools=[READ, WRITE], tool_choice=named)
    assert calls(reply) == [("write", {})]


def test_outputs_of_tools_are_quoted() -> None:
    asked = says('use read {"filePath": "a"}')
    reply = answered(
        asked, calling("1", "2"), output("2", "second"), output("1", [text("first")]), tools=[READ]
    )
    assert reply.text == "Done ✅ read gave “second”; read gave “first”."
    assert reply.calls == ()


@pytest.mark.parametrize("parts", [[image()], [text("Output of read:"), image()]])
def test_a_picture_that_follows_an_output_is_no_new_question(parts: list[Json]) -> None:
    reply = answered(USER, calling("1"), output("1", "a cat"), user(*parts))
    assert reply.text == "Done ✅ read gave “a cat”."


def test_a_new_question_ends_the_talk_about_outputs() -> None:
    asked = [USER, calling("1"), output("1"), says("use read {}")]
    assert len(answered(*asked, tools=[READ]).calls) == 1


def test_a_session_gets_a_title() -> None:
    system = {"role": "system", "content": "You are a title generator. Output only a title."}
    asked = says("Generate a title for this conversation:\n\nfix the flaky test in ci, please")
    reply = answered(system, asked)
    assert reply.text == "Fix the flaky test in ci"


def test_a_question_about_titles_is_a_question() -> None:
    assert "你好" in answered(says("What is the title of the book?")).text


def test_a_form_is_filled_in() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 1}},
        "required": ["name", "age"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    assert json.loads(answered(response_format=wanted).text) == {"name": "", "age": 1}
    json_mode = answered(says("as json"), response_format={"type": "json_object"})
    assert json_mode.text == "{}"


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_limit_cuts_the_answer_after_so_many_words(field: str) -> None:
    whole, cut = answered(), answered(**{field: 4})
    assert whole.text.startswith(cut.text)
    assert len(cut.text.split()) == 4
    assert cut.finish_reason == "length"
    assert answered(max_tokens=1000) == whole


def test_a_limit_cuts_calls_too() -> None:
    asked = says('use read {"filePath": "a b c"}\nuse read {"filePath": "d"}')
    before = len(answered(asked, tools=[READ]).text.split())
    cut = answered(asked, tools=[READ], max_tokens=before + 2)
    assert [call.arguments for call in cut.calls] == ['{"filePath": "a ']
    assert cut.finish_reason == "length"


def test_a_stop_sequence_ends_the_answer_before_it() -> None:
    reply = answered(says("red green blue"), stop=["blue", "green"])
    assert reply.text.endswith("“red ")
    assert reply.finish_reason == "stop"


@given(st.text())
def test_tokens_join_to_their_text(words: str) -> None:
    assert "".join(tokens.split(words)) == words
    assert tokens.first(words, None) == words


def test_what_went_before_the_last_answer_is_cached() -> None:
    def size(*messages: Json) -> tokens.PromptSize:
        return tokens.prompt_size(ChatRequest.model_validate(body(*messages, tools=[READ])))

    first = size(USER)
    assert first.cached_tokens == 0
    second = size(USER, {"role": "assistant", "content": "hi there"}, says("and now"))
    assert second.cached_tokens == first.tokens
    assert second.tokens == first.tokens + 6
    assert size(user(text("hello"), image())).tokens > first.tokens + 200
