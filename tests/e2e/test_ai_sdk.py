"""The Vercel AI SDK works through the proxy: agent loops, forms, reasoning, tools of every kind.

The upstream is a model in thinking mode wherever tools are called, so each loop also shows that the
reasoning has come back: under seal to a program that asks for that, else out of the proxy's memory.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import ACCOUNT_KEY, Stage
from tests.e2e.turns import (
    CUSTOM,
    EACH_OF_THE_CLIENTS_TOOLS,
    GREETING,
    PLAIN_AND_STREAMED,
    QUERY,
    READS,
    SAYS,
    WRITES,
    Use,
)
from tests.support.ai_sdk import CLIENT_KEY, AiSdk
from tests.support.chat import Usage, chunk, completion, events, text_stream
from tests.support.replies import Ending, json_reply, refusal, stream_reply
from tests.support.thinking_model import ThinkingModel, Turn, call, outputs_in, turns_in

REASONING_MODEL: Final = {"forceReasoning": True, "reasoningEffort": "low"}
"""By these options the SDK takes the model for one that reasons, and asks for sealed reasoning."""

FORM: Final = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "number"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}


@pytest.fixture
def sdk(stage: Stage, tmp_path: Path) -> AiSdk:
    """The SDK, with the reverse listener as base URL."""
    return AiSdk(tmp_path, stage.proxy.base_url)


@pytest.mark.parametrize("options", [{}, REASONING_MODEL], ids=["remembered", "sealed"])
@PLAIN_AND_STREAMED
def test_an_agents_loop(
    sdk: AiSdk, stage: Stage, streams: bool, options: dict[str, object]
) -> None:
    model = ThinkingModel(WRITES, READS, SAYS)
    stage.upstream.answers(model)

    outcome = sdk.ask(
        "Write two files.",
        streams=streams,
        system="Be brief.",
        tools=["write", "read"],
        options=options,
    )

    assert outcome.error is None, outcome
    assert outcome.files == {"a.txt": GREETING, "b.txt": '"B"'}
    assert [part["text"] for part in outcome.of_type("text")] == [WRITES.text, SAYS.text]
    assert [part["text"] for part in outcome.of_type("reasoning")] == [
        turn.reasoning for turn in (WRITES, READS, SAYS)
    ]
    assert [part["toolCallId"] for part in outcome.of_type("tool-call")] == [
        "call_a",
        "call_b",
        "call_c",
    ]
    *_, last = model.requests
    assert last.messages[0] == {"role": "system", "content": "Be brief."}
    assert turns_in(last.messages) == [WRITES, READS]
    assert outputs_in(last.messages) == {
        "call_a": "a.txt: written",
        "call_b": "b.txt: written",
        "call_c": GREETING,
    }
    assert last.token == ACCOUNT_KEY
    assert CLIENT_KEY not in str(last.headers)


@PLAIN_AND_STREAMED
def test_reasoning_travels_under_seal_to_a_program_that_asks_for_it(
    sdk: AiSdk, stage: Stage, streams: bool
) -> None:
    stage.upstream.answers(ThinkingModel(WRITES, SAYS))

    outcome = sdk.ask("Write.", streams=streams, tools=["write"], options=REASONING_MODEL)

    sealed = [
        part["providerMetadata"]["openai"]["reasoningEncryptedContent"]
        for part in outcome.of_type("reasoning")
    ]
    assert len(sealed) == 2
    assert all(sealed), "the SDK leaves out of the next turn what is not sealed"
    assert not any(turn.reasoning in text for turn in (WRITES, SAYS) for text in sealed)
    assert outcome.warnings == []


@PLAIN_AND_STREAMED
def test_calls_that_are_numbered_anew_in_every_answer(
    sdk: AiSdk, stage: Stage, streams: bool
) -> None:
    turns = [
        Turn("", f"Thought {number}.", (call("call_0", "write", path=f"{number}", content="x"),))
        for number in range(3)
    ]
    model = ThinkingModel(*turns, SAYS)
    stage.upstream.answers(model)

    outcome = sdk.ask("Write three files.", streams=streams, tools=["write"])

    assert outcome.error is None, outcome
    assert list(outcome.files) == ["0", "1", "2"]
    said = turns_in(model.requests[-1].messages)
    assert [turn.reasoning for turn in said] == [turn.reasoning for turn in turns]


def test_text_reasoning_and_arguments_reach_the_program_piece_by_piece(
    sdk: AiSdk, stage: Stage
) -> None:
    stage.upstream.answers(ThinkingModel(WRITES, SAYS))

    outcome = sdk.ask("Write.", streams=True, tools=["write"])

    for kind, whole in (
        ("text-delta", WRITES.text + SAYS.text),
        ("reasoning-delta", WRITES.reasoning + SAYS.reasoning),
        ("tool-input-delta", "".join(each.arguments for each in WRITES.calls)),
    ):
        pieces = outcome.streamed(kind)
        assert "".join(pieces) == whole
        assert len(pieces) >= 4, f"{kind} came in {len(pieces)} pieces"


@PLAIN_AND_STREAMED
def test_a_form_is_filled_in(sdk: AiSdk, stage: Stage, streams: bool) -> None:
    text = '{"city":"Köln","degrees":21.5}'
    if streams:
        stage.upstream.replies(stream_reply(events(text_stream(text[:9], text[9:]))))
    else:
        stage.upstream.replies(json_reply(completion(text)))

    outcome = sdk.ask("How warm is it?", streams=streams, form=FORM)

    assert outcome.error is None, outcome
    assert outcome.output == {"city": "Köln", "degrees": 21.5}
    asked = json.loads(json.dumps(stage.upstream.requests[0].json()["response_format"]))
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["schema"]["required"] == ["city", "degrees"]


@EACH_OF_THE_CLIENTS_TOOLS
@PLAIN_AND_STREAMED
def test_a_tool_that_is_no_function(sdk: AiSdk, stage: Stage, streams: bool, use: Use) -> None:
    model = ThinkingModel(use.turn, SAYS)
    stage.upstream.answers(model)

    outcome = sdk.ask("Use the tool.", streams=streams, tools=[use.call.name])

    assert outcome.error is None, outcome
    (made,) = outcome.of_type("tool-call")
    assert (made["toolName"], made["toolCallId"]) == (use.call.name, use.call.id)
    said = model.requests[-1].messages
    assert turns_in(said) == [use.turn]
    assert use.output in outputs_in(said)[use.call.id]


def test_the_input_of_a_custom_tool_comes_unescaped_and_piece_by_piece(
    sdk: AiSdk, stage: Stage
) -> None:
    stage.upstream.answers(ThinkingModel(CUSTOM.turn, SAYS))

    outcome = sdk.ask("Query.", streams=True, tools=["query"])

    pieces = outcome.streamed("tool-input-delta")
    assert "".join(pieces) == QUERY
    assert len(pieces) >= 2


@PLAIN_AND_STREAMED
def test_log_probabilities(sdk: AiSdk, stage: Stage, streams: bool) -> None:
    token = {"token": "Hi", "logprob": -0.25, "bytes": [72, 105], "top_logprobs": []}
    if streams:
        said = chunk({"role": "assistant", "content": "Hi"})
        said["choices"][0]["logprobs"] = {"content": [token]}  # type: ignore[index]
        stage.upstream.replies(stream_reply(events([said, chunk(finish="stop")])))
    else:
        answer = completion("Hi")
        answer["choices"][0]["logprobs"] = {"content": [token]}  # type: ignore[index]
        stage.upstream.replies(json_reply(answer))

    outcome = sdk.ask("Hi", streams=streams, options={"logprobs": 2})

    assert outcome.error is None, outcome
    sent = stage.upstream.requests[0].json()
    assert (sent["logprobs"], sent["top_logprobs"]) == (True, 2)
    assert [(each["token"], each["logprob"]) for each in outcome.logprobs] == [("Hi", -0.25)]


def test_a_program_that_relies_on_stored_items_is_told_what_to_do(sdk: AiSdk, stage: Stage) -> None:
    stage.upstream.answers(ThinkingModel(WRITES, SAYS))

    outcome = sdk.ask("Write.", tools=["write"], options={"store": True})

    assert outcome.error is not None
    assert outcome.error["status"] == 400
    assert "store" in outcome.error["message"]


@PLAIN_AND_STREAMED
def test_the_words_of_a_refusal_reach_the_program(sdk: AiSdk, stage: Stage, streams: bool) -> None:
    stage.upstream.replies(refusal(400, "content_filter", "The words were not to its liking."))

    outcome = sdk.ask("Hi", streams=streams)

    assert outcome.error is not None
    assert outcome.error["status"] == 400
    assert outcome.error["message"] == "The words were not to its liking."


def test_an_answer_that_is_cut_is_an_error_to_the_program(sdk: AiSdk, stage: Stage) -> None:
    pieces = events(text_stream("Half an ", "answer", usage=Usage()), done=False)[:3]
    stage.upstream.replies(stream_reply(pieces, ending=Ending.CUT))

    outcome = sdk.ask("Hi", streams=True)

    assert "".join(outcome.streamed("text-delta")) == "Half an answer"
    assert outcome.error is not None
