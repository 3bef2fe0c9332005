"""OpenAI's own SDK works through the proxy: plain, streamed and parsed answers, tools, images."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from typing import Final, cast

import openai
import pytest
from openai.types.responses import FunctionToolParam, ResponseInputParam
from pydantic import BaseModel

from tests.e2e.conftest import ACCOUNT_KEY, CLIENT_KEY, LABEL, Stage, sdk
from tests.support.chat import (
    MODEL,
    ToolCall,
    Usage,
    call_stream,
    chunk,
    completion,
    events,
    sse,
    text_deltas,
    text_stream,
)
from tests.support.recorder import Recorder
from tests.support.replies import Ending, json_reply, stream_reply

USAGE: Final = Usage(prompt=120, completion=34, cached=64, reasoning=5)
WRITE: Final = ToolCall("call_write", "write", '{"path":"a.txt"}')
READ: Final = ToolCall("call_read", "read", '{"path":"b.txt"}')
TOOLS: Final[list[FunctionToolParam]] = [
    {
        "type": "function",
        "name": name,
        "description": f"Can {name} a file.",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
        "strict": False,
    }
    for name in ("write", "read")
]
PIXEL: Final = "data:image/png;base64," + base64.b64encode(b"\x89PNG not really").decode()


@pytest.fixture(params=["reverse listener", "HTTPS proxy"])
def any_client(
    request: pytest.FixtureRequest, stage: Stage, recorder: Recorder
) -> Iterator[openai.OpenAI]:
    """The SDK, on either way to the proxy."""
    if request.param == "reverse listener":
        base_url, http_client = stage.proxy.base_url, recorder.client()
    else:
        base_url = "https://portal.qwen.ai/v1"
        http_client = recorder.client(proxy=stage.proxy.url("regular"), ca=stage.proxy.ca)
    with sdk(base_url, http_client) as client:
        yield client


@pytest.fixture
async def async_client(stage: Stage, recorder: Recorder) -> AsyncIterator[openai.AsyncOpenAI]:
    """The asynchronous SDK, with the reverse listener as base URL."""
    async with openai.AsyncOpenAI(
        base_url=stage.proxy.base_url,
        api_key=CLIENT_KEY,
        max_retries=0,
        http_client=recorder.async_client(),
    ) as client:
        yield client


def test_a_plain_answer(any_client: openai.OpenAI, stage: Stage) -> None:
    stage.upstream.replies(json_reply(completion("Grüße!", usage=USAGE)))

    response = any_client.responses.create(model=MODEL, input="Hi")

    assert response.output_text == "Grüße!"
    assert response.status == "completed"
    assert response.usage is not None
    assert response.usage.input_tokens == 120
    assert response.usage.input_tokens_details.cached_tokens == 64
    assert response.usage.output_tokens_details.reasoning_tokens == 5


def test_a_streamed_answer(any_client: openai.OpenAI, stage: Stage) -> None:
    stage.upstream.replies(stream_reply(events(text_stream("Grü", "ße!", usage=USAGE))))

    with any_client.responses.create(model=MODEL, input="Hi", stream=True) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]

    assert deltas == ["Grü", "ße!"]
    assert stage.upstream.requests[0].json()["stream_options"] == {"include_usage": True}


def test_the_upstream_gets_the_accounts_token_and_no_trace_of_the_client(
    any_client: openai.OpenAI, stage: Stage
) -> None:
    stage.upstream.replies(json_reply(completion("Hi")))

    any_client.responses.create(
        model=MODEL, input="Hi", extra_headers={"x-session-id": "s", "x-session-affinity": "s"}
    )

    (request,) = stage.upstream.requests
    assert request.token == ACCOUNT_KEY
    assert request.path == "/v1/chat/completions"
    sent = {name.lower() for name, _ in request.headers}
    assert not {name for name in sent if name.startswith(("x-", "openai-"))}
    assert "openai" not in str(request.header("user-agent")).lower()
    assert CLIENT_KEY not in str(request.headers)


def test_the_answer_says_which_account_served(
    client: openai.OpenAI, stage: Stage, recorder: Recorder
) -> None:
    stage.upstream.replies(json_reply(completion("Hi")))

    client.responses.create(model=MODEL, input="Hi")

    assert recorder.last.headers["x-qwen-account"] == LABEL
    assert recorder.last.headers["x-qwen-attempts"] == "1"


def test_the_streaming_helper_puts_the_answer_together(client: openai.OpenAI, stage: Stage) -> None:
    payloads = call_stream(WRITE, READ, text="Let me.", reasoning="Hm, files.", usage=USAGE)
    stage.upstream.replies(stream_reply(events(payloads)))

    with client.responses.stream(model=MODEL, input="Write.", tools=TOOLS) as stream:
        response = stream.get_final_response()

    assert [item.type for item in response.output] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    calls = [item for item in response.output if item.type == "function_call"]
    assert [(call.call_id, call.name, call.arguments) for call in calls] == [
        (call.id, call.name, call.arguments) for call in (WRITE, READ)
    ]


def test_a_delta_reaches_the_client_before_the_upstream_goes_on(
    client: openai.OpenAI, stage: Stage
) -> None:
    gate = stage.upstream.gate()
    opening, first, *rest = events(text_stream("Grü", "ße!"))
    stage.upstream.replies(stream_reply([opening, first, gate, *rest]))

    with client.responses.create(model=MODEL, input="Hi", stream=True) as stream:
        seen = next(event for event in stream if event.type == "response.output_text.delta")
        gate.open()
        last = list(stream)[-1]

    assert seen.delta == "Grü"
    assert last.type == "response.completed"


class Weather(BaseModel):
    city: str
    degrees: float


@pytest.mark.parametrize("streams", [False, True], ids=["plain", "streamed"])
def test_a_parsed_answer(client: openai.OpenAI, stage: Stage, streams: bool) -> None:
    text = '{"city":"Köln","degrees":21.5}'
    if streams:
        stage.upstream.replies(stream_reply(events(text_stream(text[:9], text[9:]))))
        with client.responses.stream(model=MODEL, input="?", text_format=Weather) as stream:
            response = stream.get_final_response()
    else:
        stage.upstream.replies(json_reply(completion(text)))
        response = client.responses.parse(model=MODEL, input="?", text_format=Weather)

    assert response.output_parsed == Weather(city="Köln", degrees=21.5)
    sent = cast("dict[str, object]", stage.upstream.requests[0].json()["response_format"])
    assert sent["type"] == "json_schema"
    schema = cast("dict[str, object]", sent["json_schema"])
    assert schema["name"] == "Weather"
    assert schema["strict"] is True


def test_a_round_of_tools(any_client: openai.OpenAI, stage: Stage) -> None:
    stage.upstream.replies(
        json_reply(completion("Let me.", calls=[WRITE, READ], reasoning="Hm.")),
        json_reply(completion("Done.")),
    )
    conversation: ResponseInputParam = [{"role": "user", "content": "Write, then read."}]

    asked = any_client.responses.create(model=MODEL, input=conversation, tools=TOOLS)
    conversation += cast("ResponseInputParam", [item.to_dict() for item in asked.output])
    for call in (WRITE, READ):
        conversation.append(
            {"type": "function_call_output", "call_id": call.id, "output": f"{call.name}: fine"}
        )
    answered = any_client.responses.create(model=MODEL, input=conversation, tools=TOOLS)

    assert answered.output_text == "Done."
    first, second = stage.upstream.requests
    assert [
        tool["function"]["name"]
        for tool in cast("list[dict[str, dict[str, object]]]", first.json()["tools"])
    ] == ["write", "read"]
    asks, says, wrote, read = second.messages
    assert asks == {"role": "user", "content": "Write, then read."}
    assert says["role"] == "assistant"
    assert says["content"] == "Let me."
    assert [call["id"] for call in cast("list[dict[str, object]]", says["tool_calls"])] == [
        WRITE.id,
        READ.id,
    ]
    assert wrote == {"role": "tool", "tool_call_id": WRITE.id, "content": "write: fine"}
    assert read == {"role": "tool", "tool_call_id": READ.id, "content": "read: fine"}


@pytest.mark.parametrize("url", ["https://host.example/a.png", PIXEL], ids=["URL", "data URL"])
def test_an_image(client: openai.OpenAI, stage: Stage, url: str) -> None:
    stage.upstream.replies(json_reply(completion("A pixel.")))

    client.responses.create(
        model="qwen3-vl-plus",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is it?"},
                    {"type": "input_image", "image_url": url, "detail": "low"},
                ],
            }
        ],
    )

    (message,) = stage.upstream.requests[0].messages
    assert message["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
    ]


def test_instructions_come_first(client: openai.OpenAI, stage: Stage) -> None:
    stage.upstream.replies(json_reply(completion("Hi")))

    response = client.responses.create(model=MODEL, input="Hi", instructions="Be kind.")

    assert stage.upstream.requests[0].messages[0] == {"role": "system", "content": "Be kind."}
    assert response.instructions == "Be kind."


def test_the_answer_echoes_the_settings(client: openai.OpenAI, stage: Stage) -> None:
    stage.upstream.replies(json_reply(completion("Hi")))

    response = client.responses.create(
        model=MODEL,
        input="Hi",
        max_output_tokens=99,
        temperature=0.5,
        top_p=0.75,
        tools=TOOLS,
        tool_choice={"type": "function", "name": "read"},
        parallel_tool_calls=False,
        metadata={"run": "7"},
    )

    body = stage.upstream.requests[0].json()
    assert (body["max_tokens"], body["temperature"], body["top_p"]) == (99, 0.5, 0.75)
    assert body["tool_choice"] == {"type": "function", "function": {"name": "read"}}
    assert body["parallel_tool_calls"] is False
    assert response.max_output_tokens == 99
    assert (response.temperature, response.top_p) == (0.5, 0.75)
    assert response.metadata == {"run": "7"}
    assert response.parallel_tool_calls is False
    assert [tool.type for tool in response.tools] == ["function", "function"]


def test_an_answer_cut_short_by_its_limit_is_incomplete(
    client: openai.OpenAI, stage: Stage
) -> None:
    stage.upstream.replies(stream_reply(events(text_stream("Grü", "ße", finish="length"))))

    with client.responses.stream(model=MODEL, input="Hi", max_output_tokens=16) as stream:
        last = list(stream)[-1]

    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.RESET], ids=lambda ending: ending.name)
def test_a_stream_that_is_cut_ends_as_failed(
    client: openai.OpenAI, stage: Stage, ending: Ending
) -> None:
    pieces = [sse(chunk({"role": "assistant"})), *events(text_deltas("Grü"), done=False)]
    stage.upstream.replies(stream_reply(pieces, ending=ending))

    with client.responses.create(model=MODEL, input="Hi", stream=True) as stream:
        seen = list(stream)

    assert seen[-1].type == "response.failed"
    assert seen[-1].response.error is not None
    assert "Grü" in [event.delta for event in seen if event.type == "response.output_text.delta"]


def test_a_client_that_leaves_ends_the_upstreams_work(client: openai.OpenAI, stage: Stage) -> None:
    pieces = events(text_stream("Grü", "ße!"))[:2]
    stage.upstream.replies(stream_reply(pieces, ending=Ending.HANG))

    with client.responses.create(model=MODEL, input="Hi", stream=True) as stream:
        next(event for event in stream if event.type == "response.output_text.delta")

    stage.upstream.wait_for_hangup()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("streams", [False, True], ids=["plain", "streamed"])
def test_a_compressed_answer_is_no_obstacle(
    client: openai.OpenAI,
    stage: Stage,
    encoding: str,
    streams: bool,
) -> None:
    if streams:
        pieces = events(text_stream("Grü", "ße!"))
        stage.upstream.replies(stream_reply(pieces, encoding=encoding))
        with client.responses.stream(model=MODEL, input="Hi") as stream:
            response = stream.get_final_response()
        assert response.output_text == "Grüße!"
    else:
        stage.upstream.replies(json_reply(completion("Grüße!"), encoding=encoding))
        assert client.responses.create(model=MODEL, input="Hi").output_text == "Grüße!"


async def test_the_asynchronous_client(async_client: openai.AsyncOpenAI, stage: Stage) -> None:
    stage.upstream.replies(
        json_reply(completion("One.")), stream_reply(events(text_stream("Two", ".")))
    )

    plain = await async_client.responses.create(model=MODEL, input="Hi")
    async with async_client.responses.stream(model=MODEL, input="Hi") as stream:
        streamed = await stream.get_final_response()

    assert (plain.output_text, streamed.output_text) == ("One.", "Two.")


async def test_many_streams_at_once_do_not_mix(
    async_client: openai.AsyncOpenAI, stage: Stage
) -> None:
    stage.upstream.answers(
        lambda request: stream_reply(
            events(text_stream(*(f"{request.messages[-1]['content']}," for _ in range(20))))
        )
    )

    async def ask(name: str) -> str:
        async with async_client.responses.stream(model=MODEL, input=name) as stream:
            return (await stream.get_final_response()).output_text

    names = [f"request {number}" for number in range(12)]
    answers = await asyncio.gather(*map(ask, names))

    assert answers == [f"{name}," * 20 for name in names]


async def test_many_streams_at_once_on_one_http2_connection(
    stage: Stage, recorder: Recorder
) -> None:
    stage.upstream.answers(
        lambda request: stream_reply(events(text_stream(str(request.messages[-1]["content"]), "!")))
    )
    http_client = recorder.async_client(
        proxy=stage.proxy.url("regular"), ca=stage.proxy.ca, http2=True
    )
    async with openai.AsyncOpenAI(
        base_url="https://portal.qwen.ai/v1",
        api_key=CLIENT_KEY,
        max_retries=0,
        http_client=http_client,
    ) as client:

        async def ask(name: str) -> str:
            async with client.responses.stream(model=MODEL, input=name) as stream:
                return (await stream.get_final_response()).output_text

        names = [f"request {number}" for number in range(8)]
        assert await asyncio.gather(*map(ask, names)) == [f"{name}!" for name in names]
