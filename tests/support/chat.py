"""Chat Completions as an upstream writes it: builders for chunks, streams and plain answers.

Payloads are plain dictionaries, so that a test can bend one before it is sent. Nothing here knows
the Responses API; what a payload must become is ``streams.py``'s affair.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Json = dict[str, object]

CHAT_ID: Final = "chatcmpl-1"
CREATED: Final = 1_760_000_000
"""Unix seconds."""
MODEL: Final = "qwen3-coder-plus"
DONE: Final = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Usage:
    """What one request cost, in tokens."""

    prompt: int = 11
    completion: int = 7
    cached: int = 0
    reasoning: int = 0

    def payload(self) -> Json:
        """The ``usage`` object of a chunk or of a plain answer."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One function call of the model's."""

    id: str
    name: str
    arguments: str
    """JSON text, as the model wrote it."""


def chunk(
    delta: Mapping[str, object] | None = None,
    *,
    finish: str | None = None,
    usage: Usage | None = None,
) -> Json:
    """One ``chat.completion.chunk`` with one choice."""
    choice: Json = {"index": 0, "delta": dict(delta or {}), "finish_reason": finish}
    payload = _envelope([choice])
    if usage is not None:
        payload["usage"] = usage.payload()
    return payload


def usage_chunk(usage: Usage) -> Json:
    """The last chunk of ``stream_options.include_usage``: usage, and no choice."""
    payload = _envelope([])
    payload["usage"] = usage.payload()
    return payload


def _envelope(choices: list[Json]) -> Json:
    return {
        "id": CHAT_ID,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": MODEL,
        "choices": choices,
    }


def text_deltas(*pieces: str) -> list[Json]:
    """A chunk for each piece of text."""
    return [chunk({"content": piece}) for piece in pieces]


def reasoning_deltas(*pieces: str, field: str = "reasoning_content") -> list[Json]:
    """A chunk for each piece of thinking."""
    return [chunk({field: piece}) for piece in pieces]


def call_deltas(call: ToolCall, *, index: int = 0, pieces: int = 2) -> list[Json]:
    """A call as OpenAI streams it: id and name first, the arguments in ``pieces`` parts after."""
    opening: Json = {
        "index": index,
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": ""},
    }
    parts: list[Json] = [
        {"index": index, "function": {"arguments": piece}} for piece in cut(call.arguments, pieces)
    ]
    return [chunk({"tool_calls": [part]}) for part in (opening, *parts)]


def cut(text: str, pieces: int) -> list[str]:
    """``text`` in at most ``pieces`` parts of nearly equal length, none of them empty."""
    size = max(1, -(-len(text) // max(1, pieces)))
    return [text[start : start + size] for start in range(0, len(text), size)]


def text_stream(*pieces: str, usage: Usage | None = None, finish: str = "stop") -> list[Json]:
    """The payloads of a whole answer that is only text."""
    return [
        chunk({"role": "assistant", "content": ""}),
        *text_deltas(*pieces),
        chunk(finish=finish),
        usage_chunk(usage or Usage()),
    ]


def call_stream(
    *calls: ToolCall, text: str = "", reasoning: str = "", usage: Usage | None = None
) -> list[Json]:
    """The payloads of a whole answer that ends in tool calls, one after the other."""
    return [
        chunk({"role": "assistant", "content": None}),
        *reasoning_deltas(*cut(reasoning, 2)),
        *text_deltas(*cut(text, 2)),
        *(delta for index, call in enumerate(calls) for delta in call_deltas(call, index=index)),
        chunk(finish="tool_calls"),
        usage_chunk(usage or Usage()),
    ]


def sse(payload: Mapping[str, object]) -> bytes:
    """One payload as a server-sent event."""
    return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\n\n"


def events(payloads: Iterable[Mapping[str, object]], *, done: bool = True) -> list[bytes]:
    """Each payload as an event of its own, ``[DONE]`` last."""
    return [*(sse(payload) for payload in payloads), *([DONE] if done else [])]


def completion(
    text: str | None = None,
    *,
    calls: Sequence[ToolCall] = (),
    reasoning: str | None = None,
    finish: str | None = None,
    usage: Usage | None = None,
) -> Json:
    """A plain ``chat.completion``."""
    message: Json = {"role": "assistant", "content": text}
    if reasoning is not None:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in calls
        ]
    reason = finish or ("tool_calls" if calls else "stop")
    return {
        "id": CHAT_ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": (usage or Usage()).payload(),
    }
