"""Each rule of the strict reader: a request that keeps it, and one that breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.sandbox.strict import header_violations, validate
from tests.sandbox.bodies import (
    USER,
    Json,
    body,
    image,
    text,
    tool,
    user,
)

RESPONSES_FIELDS = {
    "input": "hi",
    "instructions": "be kind",
    "max_output_tokens": 100,
    "text": {"format": {"type": "text"}},
    "reasoning": {"effort": "low"},
    "include": ["reasoning.encrypted_content"],
    "store": False,
    "previous_response_id": "resp_1",
    "truncation": "auto",
    "prompt_cache_key": "session",
    "client_metadata": {},
    "background": False,
    "conversation": "conv_1",
}

FIELD_RULES: list[tuple[str, Any, Any]] = [
    ("temperature", 1.99, 2),
    ("temperature", 0, -0.1),
    ("temperature", 1, True),
    ("temperature", 1, None),
    ("temperature", 1, "1"),
    ("top_p", 1, 0),
    ("top_p", 0.1, 1.01),
    ("top_k", 0, -1),
    ("top_k", 20, 2.5),
    ("presence_penalty", -2, -2.1),
    ("frequency_penalty", 2, 2.1),
    ("repetition_penalty", 1.1, 0),
    ("seed", 2**31 - 1, 2**31),
    ("max_tokens", 1, 0),
    ("max_completion_tokens", 1, 0),
    ("n", 1, 2),
    ("stop", "END", ""),
    ("stop", ["a", "b"], []),
    ("stop", ["a"] * 4, ["a"] * 5),
    ("stream", False, "no"),
    ("user", "someone", 7),
    ("metadata", {"sessionId": "1"}, {"sessionId": 1}),
    ("logprobs", True, 1),
    ("enable_thinking", False, "false"),
    ("thinking_budget", 1, 0),
    ("response_format", {"type": "text"}, {"type": "xml"}),
    ("response_format", {"type": "text"}, "text"),
]


@pytest.mark.parametrize(("field", "good", "bad"), FIELD_RULES)
def test_a_field_has_its_type_and_range(field: str, good: object, bad: object) -> None:
    assert validate(body(**{field: good})) == []
    (violation,) = validate(body(**{field: bad}))
    assert violation.param is not None
    assert violation.param.split("[")[0].split(".")[0] == field
    assert field in violation.message


@pytest.mark.parametrize("field", RESPONSES_FIELDS)
def test_a_field_of_the_responses_api_is_refused(field: str) -> None:
    (violation,) = validate(body(**{field: RESPONSES_FIELDS[field]}))
    assert violation.param == field
    assert "belongs to the Responses API" in violation.message


def test_a_field_that_nobody_knows_is_refused() -> None:
    (violation,) = validate(body(surprise=1))
    assert (violation.param, violation.message) == ("surprise", "unknown field surprise")


def test_extras_of_qwen_are_welcome() -> None:
    extras = {"top_k": 20, "repetition_penalty": 1.05, "seed": 7, "n": 1, "enable_search": False}
    thinking = {"enable_thinking": True, "thinking_budget": 100, "stream": True}
    assert validate(body(**extras, **thinking)) == []


@pytest.mark.parametrize("nothing", [None, [], "hello", 7, True])
def test_a_body_is_an_object(nothing: object) -> None:
    (violation,) = validate(nothing)
    assert violation.param is None
    assert violation.message.startswith("the body must be an object")


@pytest.mark.parametrize("field", ["model", "messages"])
def test_model_and_messages_are_required(field: str) -> None:
    request = body()
    del request[field]
    (violation,) = validate(request)
    assert (violation.param, violation.message) == (field, f"{field} is required")


def test_every_fault_of_a_request_is_found() -> None:
    faults = validate(body({"role": "user"}, temperature=9, input="hi"))
    assert {fault.param for fault in faults} == {"messages[0].content", "temperature", "input"}


def function(**fields: object) -> Json:
    return {"type": "function", "function": {"name": "read", **fields}}


TOOL_RULES: dict[str, tuple[Json, Json, str]] = {
    "tools are some": ({"tools": [tool()]}, {"tools": []}, "tools"),
    "a tool is nested": (
        {"tools": [tool()]},
        {"tools": [{"type": "function", "name": "read", "parameters": {"type": "object"}}]},
        "tools[0].name",
    ),
    "a tool is a function": (
        {"tools": [tool()]},
        {"tools": [{"type": "web_search"}]},
        "tools[0].type",
    ),
    "a tool has a name": (
        {"tools": [tool("a" * 64)]},
        {"tools": [tool("a" * 65)]},
        "tools[0].function.name",
    ),
    "a tool's name has no dots": (
        {"tools": [tool("mcp_read")]},
        {"tools": [tool("mcp.read")]},
        "tools[0].function.name",
    ),
    "tools differ in name": (
        {"tools": [tool("a"), tool("b")]},
        {"tools": [tool("a"), tool("a")]},
        "tools[1].function.name",
    ),
    "parameters are an object's schema": (
        {"tools": [function(parameters={"type": "object"})]},
        {"tools": [function(parameters={"type": "string"})]},
        "tools[0].function.parameters",
    ),
    "parameters are not null": (
        {"tools": [function()]},
        {"tools": [function(parameters=None)]},
        "tools[0].function.parameters",
    ),
    "parameters are well-formed": (
        {"tools": [tool(a={"type": ["string", "null"]})]},
        {"tools": [tool(a={"type": "text"})]},
        "tools[0].function.parameters.properties.a.type",
    ),
    "parameters do without const": (
        {"tools": [tool(const={"enum": ["a"]})]},
        {"tools": [tool(a={"const": "a"})]},
        "tools[0].function.parameters.properties.a.const",
    ),
    "parameters do without references": (
        {"tools": [tool(a={"items": {"type": "string"}})]},
        {"tools": [tool(a={"items": {"$ref": "#/x"}})]},
        "tools[0].function.parameters.properties.a.items.$ref",
    ),
    "strict is a boolean": (
        {"tools": [function(strict=False)]},
        {"tools": [function(strict=None)]},
        "tools[0].function.strict",
    ),
    "a choice needs tools": (
        {"tools": [tool()], "tool_choice": "auto"},
        {"tool_choice": "auto"},
        "tool_choice",
    ),
    "parallel calls need tools": (
        {"tools": [tool()], "parallel_tool_calls": True},
        {"parallel_tool_calls": True},
        "parallel_tool_calls",
    ),
    "a choice is one of three words": (
        {"tools": [tool()], "tool_choice": "required"},
        {"tools": [tool()], "tool_choice": "any"},
        "tool_choice",
    ),
    "a choice names a tool at hand": (
        {"tools": [tool()], "tool_choice": function()},
        {"tools": [tool()], "tool_choice": {"type": "function", "function": {"name": "write"}}},
        "tool_choice",
    ),
    "a choice is nested": (
        {"tools": [tool()], "tool_choice": function()},
        {"tools": [tool()], "tool_choice": {"type": "function", "name": "read"}},
        "tool_choice.name",
    ),
    "thinking chooses its tools itself": (
        {"tools": [tool()], "tool_choice": "auto", "enable_thinking": True, "stream": True},
        {"tools": [tool()], "tool_choice": "required", "enable_thinking": True, "stream": True},
        "tool_choice",
    ),
}

ANSWER_RULES: dict[str, tuple[Json, Json, str]] = {
    "stream options need a stream": (
        {"stream": True, "stream_options": {"include_usage": True}},
        {"stream_options": {"include_usage": True}},
        "stream_options",
    ),
    "stream options are known": (
        {"stream": True, "stream_options": {}},
        {"stream": True, "stream_options": {"include_obfuscation": False}},
        "stream_options.include_obfuscation",
    ),
    "there is one limit": (
        {"max_completion_tokens": 5},
        {"max_tokens": 5, "max_completion_tokens": 5},
        "max_completion_tokens",
    ),
    "top logprobs need logprobs": (
        {"logprobs": True, "top_logprobs": 3},
        {"top_logprobs": 3},
        "top_logprobs",
    ),
    "thinking needs a stream": (
        {"enable_thinking": True, "stream": True},
        {"enable_thinking": True},
        "enable_thinking",
    ),
    "a schema is nested": (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "strict": True, "schema": {"type": "object"}},
            }
        },
        {"response_format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}},
        "response_format.name",
    ),
    "a schema is there": (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": {"$ref": "#/$defs/a", "$defs": {"a": {}}}},
            }
        },
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
        "response_format.json_schema.schema",
    ),
    "JSON mode is asked for in words": (
        {
            "messages": [user(text("give me JSON"), image())],
            "response_format": {"type": "json_object"},
        },
        {"response_format": {"type": "json_object"}},
        "messages",
    ),
}


@pytest.mark.parametrize("rule", TOOL_RULES | ANSWER_RULES)
def test_fields_keep_the_rule_that(rule: str) -> None:
    good, bad, param = (TOOL_RULES | ANSWER_RULES)[rule]
    assert validate(body() | good) == []
    assert validate(body() | bad)[0].param == param


def test_thinking_without_a_stream_is_refused_in_the_words_of_the_real_service() -> None:
    (violation,) = validate(body(enable_thinking=True))
    expected = "parameter.enable_thinking must be set to false for non-streaming calls"
    assert violation.message == expected


@pytest.mark.parametrize("name", ["OpenAI-Beta", "x-session-affinity", "X-Session-Id"])
def test_a_header_that_must_stay_home_is_refused(name: str) -> None:
    (violation,) = header_violations(["Accept", name, "Content-Type", "X-DashScope-AuthType"])
    assert violation.param == name.lower()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["messages", "tools", "tool_choice", "response_format", "stop", "stream_options", "role"]


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(), json_values))
def test_whatever_is_sent_is_answered_with_violations_never_with_an_exception(sent: Json) -> None:
    assert all(isinstance(fault.message, str) for fault in validate(sent))
    assert validate(body(USER, sent)) != []
    assert isinstance(validate(body(tools=[function(parameters={"type": "object"} | sent)])), list)
