"""A model in thinking mode for the scripted upstream: it plays its turns, and wants its thoughts.

Such models (DeepSeek's first, others follow) refuse a conversation in which a call of theirs has
lost the reasoning that led to it. Some clients send it back, some send it sealed, some do not send
it at all: here none gets through a turn with tools unless the proxy brings it back.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from addon.sandbox.conversation import THINKING_LACKS_REASONING
from tests.support.chat import Json, ToolCall, call_stream, chunk, completion, events
from tests.support.replies import Reply, json_reply, refusal, stream_reply
from tests.support.upstream import Request


def call(call_id: str, name: str, **arguments: object) -> ToolCall:
    """A call of the model's with these arguments, always written alike."""
    return ToolCall(call_id, name, json.dumps(arguments, ensure_ascii=False, sort_keys=True))


@dataclass(frozen=True, slots=True)
class Turn:
    """What the model says when it is asked once."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()

    def reply(self, *, streams: bool) -> Reply:
        """The turn as the upstream sends it."""
        if not streams:
            return json_reply(completion(self.text, calls=self.calls, reasoning=self.reasoning))
        *said, _, usage = call_stream(*self.calls, text=self.text, reasoning=self.reasoning)
        finish = chunk(finish="tool_calls" if self.calls else "stop")
        return stream_reply(events([*said, finish, usage]))


Scripted: TypeAlias = Turn | Callable[[list[Json]], Turn]
"""A turn, or what makes it of the messages so far."""


class ThinkingModel:
    """An ``Answer`` for the upstream: the turns in order, to whoever brings the reasoning back."""

    def __init__(self, *turns: Scripted) -> None:
        self._turns = deque(turns)
        self.requests: list[Request] = []
        """What it was asked, also in vain."""

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        messages = request.messages
        if any("tool_calls" in each and not each.get("reasoning_content") for each in messages):
            return refusal(400, "invalid_request_error", THINKING_LACKS_REASONING)
        turn = self._turns.popleft()
        played = turn if isinstance(turn, Turn) else turn(messages)
        return played.reply(streams=request.json().get("stream") is True)


def turns_in(messages: Iterable[Json]) -> list[Turn]:
    """What the model has said in a conversation, by the messages that it gets."""
    return [_turn(cast("dict[str, Any]", each)) for each in messages if each["role"] == "assistant"]


def outputs_in(messages: Iterable[Json]) -> dict[str, str]:
    """What the tools have answered in a conversation, by the id of the call."""
    return {
        str(each["tool_call_id"]): str(each["content"])
        for each in messages
        if each["role"] == "tool"
    }


def _turn(message: dict[str, Any]) -> Turn:
    functions = [(each["id"], each["function"]) for each in message.get("tool_calls", ())]
    return Turn(
        text=message["content"] or "",
        reasoning=message.get("reasoning_content", ""),
        calls=tuple(
            # Clients read arguments and write them again: what they say counts, not how.
            call(call_id, function["name"], **json.loads(function["arguments"]))
            for call_id, function in functions
        ),
    )
