"""Runs the stream translator over bytes, and judges what comes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from addon.translate import (
    ResponseRenderer,
    StreamTranslator,
    parse_request,
    translate_completion,
)
from addon.translate.needs import AnswerNeeds
from addon.translate.reasoning import Recollection
from addon.translate.tool_names import ToolId, ToolNames
from tests.support.chat import DONE, Json
from tests.support.oracle import CheckedStream, check_stream

NOW = 1_700_000_005.5
SHAPE = parse_request(b'{"model": "qwen3-coder-plus", "input": "hello", "stream": true}').shape


def translator(
    *tools: ToolId,
    wants_logprobs: bool = False,
    wants_sealed_reasoning: bool = False,
    reasoning: Recollection | None = None,
    secret: str = "",
) -> StreamTranslator:
    """A translator for the answer to a request that has ``tools``, and wants this."""
    renderer = ResponseRenderer(SHAPE, "resp_1", created_at=1_700_000_000)
    needs = AnswerNeeds(ToolNames(tools), wants_logprobs, wants_sealed_reasoning)
    return StreamTranslator(renderer, "abc", secret, needs, reasoning)


def fed(machine: StreamTranslator, chunks: Iterable[bytes]) -> bytes:
    """All that ``machine`` makes of ``chunks``, and of their end."""
    parts = [machine.feed(chunk, NOW) for chunk in chunks]
    return b"".join(parts) + machine.finish(NOW + 1)


def answer_to(payloads: Iterable[Json], machine: StreamTranslator | None = None) -> CheckedStream:
    """The stream that comes of chunks with these ``payloads``, judged."""
    # Escaped, so that a payload may hold half a character.
    chunks = [f"data: {json.dumps(payload)}\n\n".encode() for payload in payloads]
    return check_stream(fed(machine or translator(), [*chunks, DONE]))


def events_of_body(body: object, machine: StreamTranslator | None = None) -> CheckedStream:
    """The stream that comes of a whole answer, judged; ``body`` is a JSON value, or bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return check_stream(translate_completion(raw, machine or translator(), NOW))


def values(raw: bytes) -> list[Json]:
    """The data of each event: what they say, however it is escaped."""
    lines = (line for line in raw.split(b"\n") if line.startswith(b"data: "))
    return [json.loads(line[6:]) for line in lines]
