"""Chat Completions over HTTP: what clients see, OpenAI's SDK among them."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage
from pydantic import BaseModel

from addon.sandbox.server import Sandbox, running_sandbox
from tests.sandbox.bodies import Json, body, calling, output, tool
from tests.sandbox.conftest import Clock

ASK_FOR_A_CALL = {"role": "user", "content": 'use read {"filePath": "über/文件.txt"}\nuse read'}


def chunks_of(answer: httpx2.Response) -> list[Json]:
    """The chunks of a stream, which must end as streams end."""
    *events, done, nothing = answer.text.split("\n\n")
    assert (done, nothing) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk, strict=True)
    return chunks


def streamed(http: httpx2.Client, request: Json) -> list[Json]:
    answer = http.post("/chat/completions", json={**request, "stream": True})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream"
    return chunks_of(answer)


def joined(chunks: list[Json], field: str) -> str:
    """What the deltas of a text field join to."""
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return "".join(delta.get(field) or "" for delta in deltas)


def test_a_stream_joins_to_the_plain_answer(http: httpx2.Client) -> None:
    plain = http.post("/chat/completions", json=body()).json()
    ChatCompletion.model_validate(plain, strict=True)
    chunks = streamed(http, body())
    assert len(chunks) > 10
    assert joined(chunks, "content") == plain["choices"][0]["message"]["content"]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == [None, "stop"]
    assert {chunk["id"] for chunk in chunks} != {plain["id"]}
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_usage_comes_last_if_it_was_asked_for(http: httpx2.Client) -> None:
    *chunks, last = streamed(http, body(stream_options={"include_usage": True}))
    assert last["choices"] == []
    assert last["usage"] == http.post("/chat/completions", json=body()).json()["usage"]
    assert {chunk["usage"] for chunk in chunks} == {None}
    assert last["usage"]["completion_tokens"] == len(joined(chunks, "content").split())
    assert not any("usage" in chunk for chunk in streamed(http, body()))


def test_thinking_is_streamed_before_the_answer(http: httpx2.Client) -> None:
    options = {"stream_options": {"include_usage": True}}
    *chunks, last = streamed(http, body(enable_thinking=True, **options))
    kinds = [
        "reasoning" if chunk["choices"][0]["delta"].get("reasoning_content") else "text"
        for chunk in chunks[1:]
    ]
    assert kinds == sorted(kinds)
    reasoning = joined(chunks, "reasoning_content")
    counted = last["usage"]["completion_tokens_details"]["reasoning_tokens"]
    assert counted == len(reasoning.split()) > 3


def test_calls_are_streamed_in_fragments(http: httpx2.Client) -> None:
    chunks = streamed(http, body(ASK_FOR_A_CALL, tools=[tool()]))
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    calls: dict[int, Json] = {}
    for chunk in chunks:
        for part in chunk["choices"][0]["delta"].get("tool_calls", []):
            call = calls.setdefault(part["index"], {"arguments": ""})
            call.update({key: part[key] for key in ("id", "type") if key in part})
            call["arguments"] += part["function"]["arguments"]
    assert [call["arguments"] for call in calls.values()] == ['{"filePath": "über/文件.txt"}', "{}"]
    assert len({call["id"] for call in calls.values()}) == 2


def test_the_sdk_is_content_with_a_plain_answer(openai_client: OpenAI) -> None:
    answer = openai_client.chat.completions.create(
        model="qwen3-coder-plus", messages=[{"role": "user", "content": "hi"}]
    )
    assert "“hi”" in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_the_sdk_is_content_with_a_stream(openai_client: OpenAI) -> None:
    with openai_client.chat.completions.stream(
        model="qwen3-coder-plus",
        messages=[{"role": "user", "content": "hi"}],
        stream_options={"include_usage": True},
    ) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content
    assert final.usage is not None


def sent_back(message: ChatCompletionMessage) -> Json:
    """A message of the SDK's as a client puts it into its history."""
    calls = [call for call in message.tool_calls or [] if call.type == "function"]
    return calling() | {
        "content": message.content,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ],
    }


@pytest.mark.parametrize("is_streamed", [False, True])
def test_the_sdk_goes_through_an_agent_turn(openai_client: OpenAI, is_streamed: bool) -> None:
    request: dict[str, Any] = {"model": "coder-model", "tools": [tool()]}
    history: list[Any] = [ASK_FOR_A_CALL]

    def turn() -> ChatCompletionMessage:
        if not is_streamed:
            answer: ChatCompletion
            answer = openai_client.chat.completions.create(messages=history, **request)
            return answer.choices[0].message
        with openai_client.chat.completions.stream(messages=history, **request) as stream:
            return stream.get_final_completion().choices[0].message

    asked = sent_back(turn())
    first, second = asked["tool_calls"]
    assert json.loads(first["function"]["arguments"]) == {"filePath": "über/文件.txt"}
    assert json.loads(second["function"]["arguments"]) == {}
    history += [asked, output(first["id"], "文件 content"), output(second["id"], "")]
    assert turn().content == "Done ✅ read gave “文件 content”; read gave “”."


def test_a_plain_answer_can_be_sent_back_as_it_came(openai_client: OpenAI) -> None:
    history: list[Any] = [ASK_FOR_A_CALL]
    request: dict[str, Any] = {"model": "coder-model", "tools": [tool()]}
    answer = openai_client.chat.completions.create(messages=history, **request)
    message = answer.choices[0].message
    history += [message, *(output(call.id) for call in message.tool_calls or [])]
    after = openai_client.chat.completions.create(messages=history, **request)
    assert (after.choices[0].message.content or "").startswith("Done")


def test_the_sdk_parses_a_form_that_was_filled_in(openai_client: OpenAI) -> None:
    class Step(BaseModel):
        explanation: str
        cost: float

    class Plan(BaseModel):
        title: str
        steps: list[Step]
        first: Step | None

    answer = openai_client.chat.completions.parse(
        model="qwen3-coder-plus",
        messages=[{"role": "user", "content": "plan"}],
        response_format=Plan,
    )
    parsed = answer.choices[0].message.parsed
    assert parsed == Plan(title="", steps=[], first=Step(explanation="", cost=0))


def test_the_sdk_lists_the_models(openai_client: OpenAI) -> None:
    assert [model.id for model in openai_client.models.list()] == [
        "qwen3-coder-plus",
        "qwen3-vl-plus",
        "coder-model",
        "vision-model",
    ]


def test_an_unknown_model_is_not_found(openai_client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        openai_client.chat.completions.create(
            model="gpt-9", messages=[{"role": "user", "content": "hi"}]
        )
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_a_refusal_has_the_shape_that_the_sdk_parses(openai_client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.chat.completions.create(
            model="qwen3-coder-plus", messages=[{"role": "developer", "content": "be kind"}]
        )
    assert caught.value.param == "messages[0].role"
    assert caught.value.type == "invalid_request_error"
    assert caught.value.code == "invalid_parameter_error"
    assert "developer is not a role here" in caught.value.message


def test_a_broken_history_is_refused_with_its_reason(http: httpx2.Client) -> None:
    refused = http.post(
        "/chat/completions", json=body(calling("1"), {"role": "user", "content": "x"})
    )
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["param"] == "messages[0].tool_calls"
    assert "must be followed by tool messages" in error["message"]


@pytest.mark.parametrize("header", ["OpenAI-Beta", "x-session-affinity", "x-session-id"])
def test_headers_of_the_client_s_own_are_refused(http: httpx2.Client, header: str) -> None:
    refused = http.post("/chat/completions", json=body(), headers={header: "1"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, header.lower())


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"model": NaN}', b'{"a": "\\ud800"}'])
def test_a_body_that_is_not_json_is_refused(http: httpx2.Client, content: bytes) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    refused = http.post("/chat/completions", content=content, headers=headers)
    assert refused.status_code == 400
    assert "not valid JSON" in refused.json()["error"]["message"]


def test_a_body_of_another_type_is_refused(http: httpx2.Client) -> None:
    refused = http.post("/chat/completions", data={"model": "qwen3-coder-plus"})
    assert refused.json()["error"]["param"] == "content-type"


def test_a_prompt_beyond_the_context_is_refused(http: httpx2.Client) -> None:
    long = {"role": "user", "content": "word " * 262_145}
    request = body(long) | {"model": "vision-model"}
    refused = http.post("/chat/completions", json=request)
    assert refused.status_code == 400
    assert "Range of input length should be [1, 262144]" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "authorization", [None, "Bearer", "Bearer wrong", "Basic {token}", "{token}"]
)
@pytest.mark.parametrize("path", ["/models", "/chat/completions"])
def test_nobody_gets_in_without_a_token(
    sandbox: Sandbox, authorization: str | None, path: str
) -> None:
    token = sandbox.access_tokens[0]
    headers = {} if authorization is None else {"authorization": authorization.format(token=token)}
    method = "GET" if path == "/models" else "POST"
    refused = httpx2.request(method, f"{sandbox.base_url}{path}", headers=headers, trust_env=False)
    assert refused.status_code == 401
    assert refused.json()["error"]["message"] == "invalid access token or token expired"
    assert token not in refused.text


def test_what_is_not_there_is_not_found(http: httpx2.Client) -> None:
    missing = http.post("/responses", json={})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    assert http.get("/chat/completions").status_code == 405


def test_an_account_over_its_limit_is_told_how_long_to_wait(clock: Clock) -> None:
    with running_sandbox(requests_per_minute=2, delta_interval_seconds=0, clock=clock) as sandbox:

        def ask(account: int) -> httpx2.Response:
            return httpx2.post(
                f"{sandbox.base_url}/chat/completions",
                json=body(),
                headers={"authorization": f"Bearer {sandbox.access_tokens[account]}"},
                trust_env=False,
            )

        assert ask(0).status_code == 200
        clock.advance(20.5)
        assert ask(0).status_code == 200
        refused = ask(0)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "40"
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert ask(1).status_code == 200
        clock.advance(39.5)
        assert ask(0).status_code == 200
