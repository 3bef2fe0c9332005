"""A model's answer as Chat Completions puts it on the wire: one body, or a stream of chunks.

Both are made from the same values, so that joining the chunks gives the body. Ids and times
are passed in. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic_core import to_json

from addon.sandbox import tokens
from addon.sandbox.model import MODELS, Answer
from addon.sandbox.request import ChatRequest

JsonObject: TypeAlias = dict[str, Any]

_FRAGMENT_CHARACTERS: Final = 16
"""How much of a call's arguments goes into one chunk."""

DONE: Final = b"data: [DONE]\n\n"
"""What ends a stream."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer to one request. ``id`` is unique among all answers."""

    id: str
    created_at_seconds: int
    """Unix seconds."""
    request: ChatRequest
    answer: Answer

    def body(self) -> JsonObject:
        """The ``chat.completion`` object of an answer that is not streamed."""
        message: JsonObject = {"role": "assistant", "content": self.answer.text}
        if self.answer.reasoning:
            message["reasoning_content"] = self.answer.reasoning
        if self.answer.calls:
            message["tool_calls"] = [
                self._call(index, call.name, call.arguments)
                for index, call in enumerate(self.answer.calls)
            ]
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self.answer.finish_reason,
        }
        return self._envelope("chat.completion", [choice]) | {"usage": self.usage()}

    def chunks(self) -> Iterator[JsonObject]:
        """The ``chat.completion.chunk`` objects of a stream, usage last where it was asked for."""
        for delta in self._deltas():
            yield self._chunk(delta)
        yield self._chunk({}, self.answer.finish_reason)
        if self.request.include_usage:
            yield self._envelope("chat.completion.chunk", []) | {"usage": self.usage()}

    def usage(self) -> JsonObject:
        """How many tokens (words) went in and came out."""
        size = tokens.prompt_size(self.request)
        reasoning = len(tokens.split(self.answer.reasoning))
        said = [self.answer.text, *(call.arguments for call in self.answer.calls)]
        completion = reasoning + sum(len(tokens.split(each)) for each in said)
        return {
            "prompt_tokens": size.tokens,
            "completion_tokens": completion,
            "total_tokens": size.tokens + completion,
            "prompt_tokens_details": {"cached_tokens": size.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }

    def _deltas(self) -> Iterator[JsonObject]:
        yield {"role": "assistant", "content": ""}
        for word in tokens.split(self.answer.reasoning):
            yield {"content": None, "reasoning_content": word}
        for word in tokens.split(self.answer.text):
            yield {"content": word}
        for index, call in enumerate(self.answer.calls):
            yield {"tool_calls": [self._call(index, call.name, "")]}
            for start in range(0, len(call.arguments), _FRAGMENT_CHARACTERS):
                fragment = call.arguments[start : start + _FRAGMENT_CHARACTERS]
                yield {"tool_calls": [{"index": index, "function": {"arguments": fragment}}]}

    def _call(self, index: int, name: str, arguments: str) -> JsonObject:
        return {
            "index": index,
            "id": f"call_{self.id.removeprefix('chatcmpl-')}_{index}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }

    def _chunk(self, delta: JsonObject, finish_reason: str | None = None) -> JsonObject:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk = self._envelope("chat.completion.chunk", [choice])
        return chunk | {"usage": None} if self.request.include_usage else chunk

    def _envelope(self, kind: str, choices: list[JsonObject]) -> JsonObject:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created_at_seconds,
            "model": self.request.model,
            "system_fingerprint": None,
            "choices": choices,
        }


def event(chunk: JsonObject) -> bytes:
    """``chunk`` as a server-sent event."""
    return b"data: " + to_json(chunk) + b"\n\n"


def model_list() -> JsonObject:
    """The body of ``GET /v1/models``."""
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": 0, "owned_by": "sandbox"} for name in MODELS
        ],
    }
