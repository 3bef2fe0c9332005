"""From a Responses request to a Chat Completions body, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addon.errors import ApiError
from addon.translate import (
    Recollection,
    ResponsesRequest,
    model_in,
    parse_request,
    profile_named,
)

Json = dict[str, Any]


def request_of(recollection: Recollection | None = None, **fields: Any) -> ResponsesRequest:
    """A request with ``fields``; ``model`` and ``input`` have defaults."""
    body = json.dumps({"model": "client-model", "input": "hello", **fields}).encode()
    return parse_request(body, recollection)


def chat_of(
    model: str = "upstream-model",
    profile: str = "openai-compatible",
    recollection: Recollection | None = None,
    **fields: Any,
) -> Json:
    """The Chat body for a request with ``fields``, as the service of ``profile`` is sent it."""
    request = request_of(recollection, **fields)
    chat: Json = json.loads(request.render(model, profile_named(profile)))
    return chat


def notes_of(**fields: Any) -> tuple[str, ...]:
    """What a request with ``fields`` leaves out."""
    return request_of(**fields).notes


def refusal_of(body: Json | bytes) -> ApiError:
    """The refusal that ``body`` earns."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ApiError) as caught:
        parse_request(raw)
    return caught.value


def test_the_least_request_becomes_the_least_body() -> None:
    assert chat_of() == {
        "model": "upstream-model",
        "messages": [{"role": "user", "content": "hello"}],
    }


FIELDS: list[tuple[str, Json, Json]] = [
    ("a limit on tokens", {"max_output_tokens": 100}, {"max_tokens": 100}),
    ("sampling", {"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}),
    ("the end user", {"user": "someone"}, {"user": "someone"}),
    (
        "what only Chat knows",
        {"stop": ["\n"], "seed": 7, "presence_penalty": 0.1, "frequency_penalty": 0.2},
        {"stop": ["\n"], "seed": 7, "presence_penalty": 0.1, "frequency_penalty": 0.2},
    ),
    (
        "what neither API knows",
        {"enable_thinking": True, "top_k": 20, "vendor": {"a": [1]}},
        {"enable_thinking": True, "top_k": 20, "vendor": {"a": [1]}},
    ),
    (
        "streaming",
        {"stream": True, "stream_options": {"include_obfuscation": False}},
        {"stream": True, "stream_options": {"include_usage": True}},
    ),
    ("no streaming", {"stream": False}, {}),
    ("nulls", {"temperature": None, "tools": None, "text": None, "vendor": None}, {}),
    ("plain text", {"text": {"format": {"type": "text"}, "verbosity": "low"}}, {}),
    (
        "JSON",
        {"text": {"format": {"type": "json_object"}}},
        {"response_format": {"type": "json_object"}},
    ),
    (
        "JSON by a schema",
        {
            "text": {
                "format": {
                    "type": "json_schema",
                    "name": "answer",
                    "schema": {"type": "object"},
                    "strict": True,
                }
            }
        },
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
            }
        },
    ),
    (
        "what belongs to Responses alone",
        {
            "background": False,
            "include": ["reasoning.encrypted_content"],
            "max_tool_calls": 3,
            "metadata": {"a": "b"},
            "previous_response_id": None,
            "prompt_cache_key": "session",
            "prompt_cache_retention": "24h",
            "reasoning": {"summary": "auto"},
            "safety_identifier": "hash",
            "service_tier": "auto",
            "store": False,
            "top_logprobs": 0,
            "truncation": "auto",
            "client_metadata": {"a": "b"},
        },
        {},
    ),
]


@pytest.mark.parametrize(
    ("fields", "expected"), [row[1:] for row in FIELDS], ids=[r[0] for r in FIELDS]
)
def test_fields_are_mapped(fields: Json, expected: Json) -> None:
    chat = chat_of(**fields)
    del chat["model"], chat["messages"]
    assert chat == expected


REFUSED: list[tuple[Json | bytes, str, str | None]] = [
    (b"", "invalid_request", None),
    (b"{", "invalid_request", None),
    (b"[]", "invalid_request", None),
    (b'{"model": "m", "input": NaN}', "invalid_request", None),
    (b"[" * 100_000, "invalid_request", None),
    ({"input": "x"}, "invalid_request", "model"),
    ({"model": "m"}, "invalid_request", "input"),
    ({"model": "", "input": "x"}, "invalid_request", "model"),
    ({"model": 5, "input": "x"}, "invalid_request", "model"),
    ({"model": "m", "input": 5}, "invalid_request", "input"),
    ({"model": "m", "input": ""}, "invalid_request", "input"),
    ({"model": "m", "input": []}, "invalid_request", "input"),
    ({"model": "m", "input": ["x"]}, "invalid_request", "input[0]"),
    (
        {"model": "m", "input": [{"role": "bot", "content": "x"}]},
        "invalid_request",
        "input[0].role",
    ),
    ({"model": "m", "input": "x", "temperature": "hot"}, "invalid_request", "temperature"),
    ({"model": "m", "input": "x", "max_output_tokens": 0}, "invalid_request", "max_output_tokens"),
    ({"model": "m", "input": "x", "stream": "yes"}, "invalid_request", "stream"),
    (
        {"model": "m", "input": "x", "text": {"format": {"type": "json_schema", "name": "n"}}},
        "invalid_request",
        "text.format.schema",
    ),
    ({"model": "m", "input": "x", "background": True}, "unsupported_parameter", "background"),
    (
        {"model": "m", "input": "x", "conversation": "conv_1"},
        "unsupported_parameter",
        "conversation",
    ),
    (
        {"model": "m", "input": "x", "previous_response_id": "resp_1"},
        "unsupported_parameter",
        "previous_response_id",
    ),
    ({"model": "m", "input": "x", "prompt": {"id": "p"}}, "unsupported_parameter", "prompt"),
    ({"model": "m", "input": "x", "messages": []}, "unsupported_parameter", "messages"),
    ({"model": "m", "input": "x", "n": 2}, "unsupported_parameter", "n"),
]


@pytest.mark.parametrize(
    ("body", "code", "param"), REFUSED, ids=[str(row[0])[:60] for row in REFUSED]
)
def test_a_request_that_cannot_be_carried_is_refused_by_name(
    body: Json | bytes, code: str, param: str | None
) -> None:
    error = refusal_of(body)
    assert (error.status, error.code, error.param) == (400, code, param)


def test_the_third_item_is_named_with_its_index() -> None:
    message = {"role": "user", "content": "x"}
    body = {"model": "m", "input": [message, message, {"role": "user", "content": 5}]}
    assert refusal_of(body).param == "input[2].content"


def test_a_part_of_an_unknown_type_is_named_with_its_path() -> None:
    content = [{"type": "input_text", "text": "x"}, {"type": "image_url"}]
    error = refusal_of({"model": "m", "input": [{"role": "user", "content": content}]})
    assert error.param == "input[0].content[1].type"
    assert "'input_image'" in error.message


def test_a_wrong_value_is_not_repeated_in_the_message() -> None:
    error = refusal_of({"model": "m", "input": "x", "temperature": "sk-secret-of-somebody"})
    assert "sk-secret" not in error.message


def test_half_a_character_in_a_request_does_not_break_it() -> None:
    request = parse_request(b'{"model": "m", "input": "a\\ud83d"}')
    assert json.loads(request.render("m"))["messages"][0]["content"] == "a\ufffd"


def test_the_session_is_the_prompt_cache_key() -> None:
    request = parse_request(b'{"model": "m", "input": "x", "prompt_cache_key": "ses_1"}')
    assert request.session == "ses_1"


def test_a_request_can_be_rendered_again_for_another_service() -> None:
    request = parse_request(b'{"model": "m", "input": "x", "top_k": 3}')
    first, second = (json.loads(request.render(name)) for name in ("one", "two"))
    assert (first.pop("model"), second.pop("model")) == ("one", "two")
    assert first == second


@pytest.mark.parametrize(
    ("body", "model"),
    [(b'{"model": "m"}', "m"), (b'{"model": 5}', None), (b"[]", None), (b"{", None)],
)
def test_the_model_of_a_chat_body_is_found_if_it_is_there(body: bytes, model: str | None) -> None:
    assert model_in(body) == model
