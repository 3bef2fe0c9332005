"""Answers that come in one piece, and Response objects as such."""

from __future__ import annotations

import json

import pytest

from addon.errors import ApiError
from addon.translate import (
    ResponseRenderer,
    StreamTranslator,
    parse_request,
    translate_completion,
    whole_response,
)
from tests.support.chat import Json, ToolCall, Usage, completion
from tests.support.oracle import check_response, check_stream
from tests.support.outcome import outcome_of

NOW = 1_700_000_001.0


def translator(**fields: object) -> StreamTranslator:
    body = json.dumps({"model": "qwen3-coder-plus", "input": "hello", **fields}).encode()
    renderer = ResponseRenderer(parse_request(body).shape, "resp_1", created_at=1_700_000_000)
    return StreamTranslator(renderer, item_ids="abc")


def response_to(answer: object, **fields: object) -> Json:
    machine = translator(**fields)
    translate_completion(json.dumps(answer).encode(), machine, NOW)
    response: Json = json.loads(whole_response(machine.ending))
    check_response(response)
    return response


def test_a_completion_becomes_a_response() -> None:
    usage = Usage(prompt=10, completion=5, cached=3, reasoning=2)
    calls = [ToolCall("call_1", "read", "{}"), ToolCall("call_2", "write", '{"a": 1}')]
    answer = completion("Reading.", calls=calls, reasoning="hm", usage=usage, finish="tool_calls")
    outcome = outcome_of(response_to(answer))
    assert outcome.text == "Reading."
    assert outcome.reasoning == "hm"
    assert outcome.calls == (("read", "{}"), ("write", '{"a": 1}'))
    assert outcome.status == "completed"
    assert outcome.usage == usage


def test_the_same_completion_makes_a_stream_for_a_client_that_wants_one() -> None:
    events = translate_completion(json.dumps(completion("Hello.")).encode(), translator(), NOW)
    assert check_stream(events).outcome.text == "Hello."


def test_a_length_that_was_reached_leaves_the_response_incomplete() -> None:
    response = response_to(completion("Hel", finish="length"))
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["completed_at"] is None


def test_the_response_repeats_the_request() -> None:
    tool = {"type": "function", "name": "read", "parameters": {"type": "object"}, "strict": True}
    text_format = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    fields = {
        "instructions": "Be brief.",
        "max_output_tokens": 100,
        "metadata": {"a": "b"},
        "temperature": 0.5,
        "top_p": 0.25,
        "tools": [tool],
        "tool_choice": {"type": "function", "name": "read"},
        "parallel_tool_calls": False,
        "reasoning": {
            "effort": "high",
            "summary": "auto",
            "generate_summary": "auto",
            "context": "all_turns",
            "mode": "pro",
        },
        "text": {"format": text_format, "verbosity": "low"},
        "prompt_cache_key": "session",
        "prompt_cache_options": {
            "mode": "explicit",
            "ttl": "12h",
            "comparison_response_id": "resp_1",
        },
        "prompt_cache_retention": "24h",
        "safety_identifier": "hash",
        "service_tier": "priority",
        "truncation": "auto",
        "user": "someone",
        "store": True,
    }
    response = response_to(completion("{}"), **fields)
    expected = dict(fields)
    expected["tools"] = [{**tool, "description": None}]
    expected["text"] = {"format": {**text_format, "description": None}, "verbosity": "low"}
    assert {name: response[name] for name in fields} == expected
    assert response["model"] == "qwen3-coder-plus"


def test_cache_options_are_repeated_with_what_they_left_open() -> None:
    options = {"ttl": "12h", "prewarm": "off"}
    response = response_to(completion("x"), prompt_cache_options=options)
    assert response["prompt_cache_options"] == {
        "mode": "implicit",
        "ttl": "12h",
        "comparison_response_id": None,
    }


TOOLS: list[Json] = [
    {"type": "custom", "name": "run"},
    {
        "type": "namespace",
        "name": "mail",
        "description": "",
        "tools": [{"type": "custom", "name": "x"}],
    },
    {"type": "local_shell"},
    {"type": "shell", "environment": {"type": "local"}},
    {"type": "apply_patch"},
    {"type": "web_search"},
]
CHOICES: list[object] = [
    "required",
    {"type": "custom", "name": "run"},
    {"type": "shell"},
    {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "run"}]},
]


@pytest.mark.parametrize("choice", CHOICES)
def test_tools_of_every_kind_are_repeated_as_they_were_sent(choice: object) -> None:
    response = response_to(completion("x"), tools=TOOLS, tool_choice=choice)
    assert response["tools"] == TOOLS
    assert response["tool_choice"] == choice


def test_what_the_request_left_open_reads_as_the_default() -> None:
    response = response_to(completion("x"))
    assert response["tool_choice"] == "auto"
    assert response["parallel_tool_calls"] is True
    assert response["temperature"] == 1.0
    assert response["text"] == {"format": {"type": "text"}}
    assert response["metadata"] == {}
    assert response["store"] is False
    assert response["completed_at"] == 1_700_000_001


def test_a_completion_that_broke_down_is_an_error_for_a_plain_client() -> None:
    machine = translator()
    translate_completion(json.dumps(completion("Hel", finish="error")).encode(), machine, NOW)
    with pytest.raises(ApiError, match="broke off"):
        whole_response(machine.ending)
