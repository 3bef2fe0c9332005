"""OpenAI's Agents SDK works through the proxy: loops, handoffs, agents and more as tools.

The upstream is a model in thinking mode wherever tools are called: it wants its reasoning back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Literal

import openai
import pytest
from agents import Agent, ModelSettings, OpenAIResponsesModel, ReasoningItem, tool_namespace
from pydantic import BaseModel

from tests.e2e.conftest import ACCOUNT_KEY, CLIENT_KEY, Stage
from tests.e2e.turns import (
    EACH_OF_THE_CLIENTS_TOOLS,
    GREETING,
    PLAIN_AND_STREAMED,
    READS,
    SAYS,
    WRITES,
    Use,
)
from tests.support.agents_sdk import Workspace, run
from tests.support.chat import MODEL
from tests.support.recorder import Recorder
from tests.support.thinking_model import ThinkingModel, Turn, call, outputs_in, turns_in

SEALED: Final = ModelSettings(store=False, response_include=["reasoning.encrypted_content"])

HANDS_OVER: Final = Turn("", "Not for me.", (call("call_h", "transfer_to_reviewer"),))


@pytest.fixture
async def model(stage: Stage, recorder: Recorder) -> AsyncIterator[OpenAIResponsesModel]:
    """The model of all agents, with the reverse listener as base URL; its answers are judged."""
    async with openai.AsyncOpenAI(
        base_url=stage.proxy.base_url,
        api_key=CLIENT_KEY,
        max_retries=0,
        http_client=recorder.async_client(),
    ) as client:
        yield OpenAIResponsesModel(MODEL, client)


@pytest.mark.parametrize("sealed", [False, True], ids=["reasoning as text", "reasoning sealed"])
@PLAIN_AND_STREAMED
async def test_an_agents_loop_that_ends_with_another_agent(
    model: OpenAIResponsesModel, stage: Stage, streams: bool, sealed: bool
) -> None:
    workspace = Workspace()
    reviewer = Agent[None]("reviewer", instructions="Review.", model=model)
    writer = Agent[None](
        "writer",
        instructions="Write.",
        model=model,
        tools=[*workspace.functions()],
        handoffs=[reviewer],
        model_settings=SEALED if sealed else ModelSettings(),
    )
    thinker = ThinkingModel(WRITES, READS, HANDS_OVER, SAYS)
    stage.upstream.answers(thinker)

    result = await run(writer, "Write two files.", streams=streams)

    assert result.final_output == SAYS.text
    assert result.last_agent.name == "reviewer"
    assert workspace.files == {"a.txt": GREETING, "b.txt": '"B"'}
    assert [request.messages[0]["content"] for request in thinker.requests] == [
        "Write.",
        "Write.",
        "Write.",
        "Review.",
    ]
    *_, last = thinker.requests
    assert turns_in(last.messages) == [WRITES, READS, HANDS_OVER]
    assert list(outputs_in(last.messages)) == ["call_a", "call_b", "call_c", "call_h"]
    assert outputs_in(last.messages)["call_c"] == GREETING
    assert {request.token for request in thinker.requests} == {ACCOUNT_KEY}
    thoughts = [item for item in result.new_items if isinstance(item, ReasoningItem)]
    assert [bool(item.raw_item.encrypted_content) for item in thoughts] == [sealed] * 3 + [False]


@PLAIN_AND_STREAMED
async def test_a_conversation_goes_on_after_the_loop(
    model: OpenAIResponsesModel, stage: Stage, streams: bool
) -> None:
    workspace = Workspace()
    writer = Agent[None]("writer", model=model, tools=[*workspace.functions()])
    thinker = ThinkingModel(WRITES, SAYS, Turn("You are welcome."))
    stage.upstream.answers(thinker)

    first = await run(writer, "Write two files.", streams=streams)
    conversation = first.to_input_list()
    conversation.append({"role": "user", "content": "Thank you."})
    second = await run(writer, conversation, streams=streams)

    assert second.final_output == "You are welcome."
    assert [message["role"] for message in thinker.requests[-1].messages] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "user",
    ]


@PLAIN_AND_STREAMED
async def test_an_agent_as_the_tool_of_another(
    model: OpenAIResponsesModel, stage: Stage, streams: bool
) -> None:
    translator = Agent[None]("translator", instructions="Translate.", model=model)
    writer = Agent[None](
        "writer",
        instructions="Write.",
        model=model,
        tools=[translator.as_tool("translate", "Translates.")],
    )
    asks = Turn("", "In German?", (call("call_t", "translate", input="Greetings"),))
    thinker = ThinkingModel(asks, Turn("Grüße", "Easy."), SAYS)
    stage.upstream.answers(thinker)

    result = await run(writer, "Greet.", streams=streams)

    assert result.final_output == SAYS.text
    _, inner, last = thinker.requests
    assert inner.messages == [
        {"role": "system", "content": "Translate."},
        {"role": "user", "content": "Greetings"},
    ]
    assert outputs_in(last.messages) == {"call_t": "Grüße"}


class Weather(BaseModel):
    city: str
    sky: Literal["clear", "cloudy"]


@PLAIN_AND_STREAMED
async def test_an_answer_of_a_given_type(
    model: OpenAIResponsesModel, stage: Stage, streams: bool
) -> None:
    agent = Agent[None]("forecaster", model=model, output_type=Weather)
    stage.upstream.answers(ThinkingModel(Turn('{"city":"Köln","sky":"clear"}')))

    result = await run(agent, "How is it?", streams=streams)

    assert result.final_output == Weather(city="Köln", sky="clear")


@EACH_OF_THE_CLIENTS_TOOLS
@PLAIN_AND_STREAMED
async def test_a_tool_that_is_no_function(
    model: OpenAIResponsesModel, stage: Stage, streams: bool, use: Use
) -> None:
    agent = Agent[None]("worker", model=model, tools=[Workspace().tool(use.call.name)])
    thinker = ThinkingModel(use.turn, SAYS)
    stage.upstream.answers(thinker)

    result = await run(agent, "Use the tool.", streams=streams)

    assert result.final_output == SAYS.text
    said = thinker.requests[-1].messages
    assert turns_in(said) == [use.turn]
    assert use.output in outputs_in(said)[use.call.id]


@PLAIN_AND_STREAMED
async def test_functions_in_a_namespace(
    model: OpenAIResponsesModel, stage: Stage, streams: bool
) -> None:
    workspace = Workspace()
    tools = tool_namespace(name="disk", description="Files.", tools=workspace.functions())
    agent = Agent[None]("worker", model=model, tools=[*tools])
    writes = Turn("", "In a group.", (call("call_n", "disk__write", path="a.txt", content="A"),))
    thinker = ThinkingModel(writes, SAYS)
    stage.upstream.answers(thinker)

    result = await run(agent, "Write.", streams=streams)

    assert result.final_output == SAYS.text
    assert workspace.files == {"a.txt": "A"}
    assert turns_in(thinker.requests[-1].messages) == [writes]
