"""One request, as different services are asked it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addon.sandbox.strict import UNSUPPORTED_TOOL_KEYWORDS, validate
from addon.translate import PROFILES, profile_named
from addon.translate.chat_body import CONTINUE
from addon.translate.profile import NEVER_CALLED
from tests.translate.test_messages import call, messages_of, output, said, thought, user
from tests.translate.test_request import Json, chat_of, request_of

READ: Json = {"type": "function", "name": "read", "parameters": {"type": "object"}}
ALIBABAS = ["qwen-portal", "model-studio", "coding-plan"]


def fields_of(profile: str, model: str = "m", **fields: Any) -> Json:
    """The Chat body but for model, messages and tools, without what is said of streaming."""
    chat = chat_of(model, profile, **fields)
    for name in ("model", "messages", "tools", "stream", "stream_options"):
        chat.pop(name, None)
    return chat


def notes_for(profile: str, model: str = "m", **fields: Any) -> tuple[str, ...]:
    return request_of(**fields).notes_for(profile_named(profile), model)


# --- how hard to think


EFFORTS: list[tuple[str, str, Json]] = [
    ("model-studio", "none", {"enable_thinking": False}),
    ("model-studio", "low", {"enable_thinking": True, "thinking_budget": 2048}),
    ("coding-plan", "high", {"enable_thinking": True, "thinking_budget": 16384}),
    ("qwen-portal", "max", {"enable_thinking": True}),
    ("openai-compatible", "medium", {"reasoning_effort": "medium"}),
    ("openai", "xhigh", {"reasoning_effort": "xhigh"}),
    ("openrouter", "low", {"reasoning": {"effort": "low"}}),
    ("openrouter", "max", {"reasoning": {"effort": "xhigh"}}),
    ("deepseek", "none", {"thinking": {"type": "disabled"}}),
    ("deepseek", "low", {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
    ("deepseek", "xhigh", {"thinking": {"type": "enabled"}, "reasoning_effort": "max"}),
]


@pytest.mark.parametrize(("profile", "effort", "fields"), EFFORTS)
def test_effort_is_said_as_the_service_understands_it(
    profile: str, effort: str, fields: Json
) -> None:
    assert fields_of(profile, reasoning={"effort": effort}) == fields
    assert notes_for(profile, reasoning={"effort": effort}) == ()


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("reasoning", [None, {}, {"effort": None}, {"summary": "auto"}])
def test_where_no_effort_is_asked_for_none_is_said(profile: str, reasoning: Json | None) -> None:
    assert fields_of(profile, reasoning=reasoning) == {}


@pytest.mark.parametrize("profile", PROFILES)
def test_an_effort_that_is_not_known_is_left_out_with_a_note(profile: str) -> None:
    asked: Json = {"reasoning": {"effort": "sk-secret"}}
    assert fields_of(profile, **asked) == {}
    [note] = notes_for(profile, **asked)
    assert "reasoning.effort" in note
    assert "secret" not in note


CLIENTS_OWN: list[tuple[str, Json]] = [
    ("model-studio", {"enable_thinking": False}),
    ("model-studio", {"thinking_budget": 100}),
    ("openai", {"reasoning_effort": "low"}),
    ("deepseek", {"thinking": {"type": "disabled"}}),
]


@pytest.mark.parametrize(("profile", "own"), CLIENTS_OWN)
def test_what_the_client_says_of_thinking_goes_before_effort(profile: str, own: Json) -> None:
    assert fields_of(profile, reasoning={"effort": "high"}, **own) == own


@pytest.mark.parametrize("profile", ALIBABAS)
@pytest.mark.parametrize("model", ["qwen3-coder-plus", "qwen3-30b-a3b-instruct-2507"])
def test_a_model_that_cannot_think_is_not_told_to(profile: str, model: str) -> None:
    assert fields_of(profile, model, reasoning={"effort": "high"}) == {}
    assert "does not think" in notes_for(profile, model, reasoning={"effort": "high"})[0]
    assert notes_for(profile, model, reasoning={"effort": "none"}) == ()


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
def test_where_json_and_thinking_exclude_each_other_it_is_json(kind: str) -> None:
    asked: Json = {
        "text": {"format": {"type": kind, "name": "n", "schema": {"type": "object"}}},
        "reasoning": {"effort": "low"},
    }
    assert set(fields_of("model-studio", **asked)) == {"response_format"}
    assert "JSON" in notes_for("model-studio", **asked)[0]
    assert set(fields_of("openai", **asked)) == {"response_format", "reasoning_effort"}


# --- the choice among tools


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "read"}])
@pytest.mark.parametrize(
    ("profile", "effort", "is_forced"),
    [
        ("model-studio", "low", False),
        ("model-studio", "none", True),
        ("model-studio", None, True),
        ("deepseek", None, False),
        ("deepseek", "none", True),
        ("openai", "high", True),
    ],
)
def test_a_choice_is_forced_only_where_the_service_can(
    choice: Any, profile: str, effort: str | None, is_forced: bool
) -> None:
    asked: Json = {"tools": [READ], "tool_choice": choice, "reasoning": {"effort": effort}}
    assert (fields_of(profile, **asked)["tool_choice"] != "auto") == is_forced
    assert any("tool_choice" in note for note in notes_for(profile, **asked)) != is_forced


def test_a_choice_that_is_free_stays_as_it_is() -> None:
    asked: Json = {"tools": [READ], "tool_choice": "none", "reasoning": {"effort": "high"}}
    assert fields_of("model-studio", **asked)["tool_choice"] == "none"


# --- limits, logprobs, streaming


@pytest.mark.parametrize("profile", PROFILES)
def test_the_limit_is_called_as_the_service_calls_it(profile: str) -> None:
    name = "max_completion_tokens" if profile == "openai" else "max_tokens"
    assert fields_of(profile, max_output_tokens=5) == {name: 5}


def test_a_limit_in_chats_own_words_goes_first() -> None:
    assert fields_of("openai", max_output_tokens=5, max_tokens=7) == {"max_tokens": 7}


LOGPROBS: list[tuple[str, Json, Json, bool]] = [
    ("openai", {"top_logprobs": 7}, {"logprobs": True, "top_logprobs": 7}, False),
    ("model-studio", {"top_logprobs": 7}, {"logprobs": True, "top_logprobs": 5}, True),
    ("openai", {"include": ["message.output_text.logprobs"]}, {"logprobs": True}, False),
    ("openai", {"top_logprobs": 0}, {}, False),
    ("deepseek", {"top_logprobs": 2}, {}, True),
    (
        "openai",
        {"top_logprobs": 3, "logprobs": False},
        {"logprobs": False},
        False,
    ),
]


@pytest.mark.parametrize(("profile", "asked", "fields", "is_noted"), LOGPROBS)
def test_logprobs_are_asked_for_as_far_as_the_service_has_them(
    profile: str, asked: Json, fields: Json, is_noted: bool
) -> None:
    assert fields_of(profile, **asked) == fields
    assert bool(notes_for(profile, **asked)) == is_noted


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("stream", [True, False])
def test_some_services_are_asked_for_a_stream_in_any_case(profile: str, stream: bool) -> None:
    chat = chat_of("m", profile, stream=stream)
    assert chat.get("stream", False) == (stream or profile in ALIBABAS)
    assert ("stream_options" in chat) == ("stream" in chat)
    assert request_of(stream=stream).stream == stream


# --- schemas


REFERRING: Json = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/b"}},
    "$defs": {"b": {"const": 1}},
}


@pytest.mark.parametrize("profile", PROFILES)
def test_schemas_are_cleaned_where_the_service_refuses_keywords(profile: str) -> None:
    asked: Json = {
        "tools": [{**READ, "parameters": REFERRING}],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": REFERRING}},
    }
    chat = chat_of("m", profile, **asked)
    sent = [
        chat["tools"][0]["function"]["parameters"],
        chat["response_format"]["json_schema"]["schema"],
    ]
    for schema in sent:
        is_cleaned = not any(
            f'"{word}"' in json.dumps(schema) for word in UNSUPPORTED_TOOL_KEYWORDS
        )
        assert is_cleaned == (profile in ALIBABAS)
        assert profile in ALIBABAS or schema == REFERRING


def test_what_was_cleaned_for_one_service_is_whole_for_the_next() -> None:
    request = request_of(tools=[{**READ, "parameters": REFERRING}])
    request.render("m", profile_named("model-studio"))
    chat = json.loads(request.render("m", profile_named("openai")))
    assert chat["tools"][0]["function"]["parameters"] == REFERRING


# --- stray tokens


@pytest.mark.parametrize(
    ("profile", "model", "is_seen"),
    [
        ("model-studio", "qwen3-coder-plus", True),
        ("coding-plan", "qwen3-coder-next", True),
        ("qwen-portal", "coder-model", True),
        ("model-studio", "qwen3-max", False),
        ("openrouter", "qwen/qwen3-coder", False),
        ("openai-compatible", "qwen3-coder-plus", False),
    ],
)
def test_some_models_must_see_a_tool(profile: str, model: str, is_seen: bool) -> None:
    tools = chat_of(model, profile).get("tools", [])
    assert [tool["function"]["name"] for tool in tools] == ([NEVER_CALLED] if is_seen else [])
    with_tools = chat_of(model, profile, tools=[READ])["tools"]
    assert [tool["function"]["name"] for tool in with_tools] == ["read"]


# --- messages


TURNS: list[Json] = [
    user("go"),
    thought("hm"),
    said("Reading."),
    user("go on"),
    call("a"),
    output("a"),
    said("Done."),
    user("thanks"),
]


def reasoning_in(profile: str, **fields: Any) -> list[Any]:
    messages = messages_of(TURNS, profile=profile, **fields)
    name = profile_named(profile).reasoning_field or "reasoning_content"
    return [message.get(name) for message in messages if message["role"] == "assistant"]


@pytest.mark.parametrize(
    ("profile", "reasoning"),
    [
        ("openai-compatible", ["hm", None, None]),
        ("openrouter", ["hm", None, None]),
        ("openai", [None, None, None]),
        ("model-studio", ["hm", None, None]),
        ("deepseek", ["hm", " ", " "]),
    ],
)
def test_reasoning_is_called_what_the_service_calls_it(profile: str, reasoning: list[Any]) -> None:
    assert reasoning_in(profile) == reasoning


@pytest.mark.parametrize(
    ("profile", "effort", "is_made_up"),
    [
        ("model-studio", "low", True),
        ("model-studio", "none", False),
        ("deepseek", "high", True),
        ("deepseek", "none", False),
        ("openai-compatible", "high", False),
    ],
)
def test_reasoning_that_a_thinking_service_would_miss_is_made_up(
    profile: str, effort: str, is_made_up: bool
) -> None:
    asked: Json = {"reasoning": {"effort": effort}}
    made_up = " " if is_made_up else None
    assert reasoning_in(profile, **asked) == ["hm", made_up, made_up]
    lost = [note for note in notes_for(profile, input=TURNS, **asked) if "lost" in note]
    assert bool(lost) == is_made_up


@pytest.mark.parametrize("profile", PROFILES)
def test_reasoning_that_is_not_sent_is_noted(profile: str) -> None:
    asked: Json = {"reasoning": {"effort": "none"}}
    left_out = [note for note in notes_for(profile, input=TURNS, **asked) if "left out" in note]
    assert bool(left_out) == (profile_named(profile).reasoning_field is None)
    unreasoned = notes_for(profile, input=[user("go"), call("a"), output("a")], **asked)
    assert not [note for note in unreasoned if "left out" in note]


LATER_SYSTEM: list[Json] = [
    {"role": "system", "content": "be brief"},
    user("hi"),
    {"role": "developer", "content": "mind the gap"},
    user("and now?"),
]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_later_system_message_stays_one_only_where_that_may_be(profile: str) -> None:
    roles = [message["role"] for message in messages_of(LATER_SYSTEM, profile=profile)]
    later = "system" if profile in ("deepseek", "openai") else "user"
    assert roles == ["system", "user", later, "user"]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_service_that_wants_to_hear_a_user_hears_one(profile: str) -> None:
    asked = [said("Hello, I am here.")]
    added = [user(CONTINUE)] if profile in ALIBABAS else []
    assert messages_of(asked, profile=profile)[1:] == added
    assert bool(notes_for(profile, input=asked)) == bool(added)


def test_where_only_the_system_speaks_its_last_word_is_what_is_to_be_answered() -> None:
    items = [
        {"role": "system", "content": "be brief"},
        {"role": "developer", "content": "greet me"},
    ]
    assert messages_of(items) == [{"role": "system", "content": "be brief"}, user("greet me")]
    assert messages_of([], instructions="greet me") == [user("greet me")]


def test_a_request_is_not_changed_by_being_rendered() -> None:
    request = request_of(
        input=[*LATER_SYSTEM, *TURNS], tools=[READ], tool_choice="required", top_logprobs=9
    )
    before = request.render("m")
    for profile in PROFILES.values():
        request.render("qwen3-coder-plus", profile)
    assert request.render("m") == before


@pytest.mark.parametrize("profile", [*ALIBABAS, "openai-compatible"])
def test_a_full_request_has_no_fault_for_a_strict_service(profile: str) -> None:
    chat = chat_of(
        "qwen3-max",
        profile,
        input=[*LATER_SYSTEM, *TURNS],
        instructions="one",
        tools=[{**READ, "parameters": REFERRING}] if profile in ALIBABAS else [READ],
        tool_choice="required",
        max_output_tokens=100,
        top_logprobs=5,
        stream=True,
        temperature=0.5,
        reasoning={"effort": "high"} if profile in ALIBABAS else None,
    )
    assert validate(chat) == []
