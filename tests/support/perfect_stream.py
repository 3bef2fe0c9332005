"""A perfect stream of the Responses API, written out by hand: the measure of the oracle itself."""

from __future__ import annotations

import copy
import json
from typing import cast

from openai.types.responses import Response

from tests.support.chat import Json

Events = list[Json]

TOOL: Json = {
    "type": "function",
    "name": "write",
    "description": "Writes a file.",
    "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    "strict": False,
}
USAGE: Json = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 18,
}
SCHEMA_FORMAT: Json = {
    "type": "json_schema",
    "name": "answer",
    "description": None,
    "schema": {"type": "object"},
    "strict": True,
}
REASONING: Json = {
    "type": "reasoning",
    "id": "rs_1",
    "status": "completed",
    "summary": [{"type": "summary_text", "text": "Let me see."}],
}
MESSAGE: Json = {
    "type": "message",
    "id": "msg_1",
    "status": "completed",
    "role": "assistant",
    "content": [
        {"type": "output_text", "text": "Grüße!", "annotations": [], "logprobs": []},
        {"type": "refusal", "refusal": "Not that."},
    ],
}
CALL: Json = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "write",
    "arguments": '{"path": "a"}',
    "status": "completed",
}


def response(status: str = "completed", **fields: object) -> Json:
    """A response object with every field of OpenAI's, and those that Open Responses adds."""
    finished = status == "completed"
    return {
        **dict.fromkeys(Response.model_fields),
        "id": "resp_1",
        "object": "response",
        "created_at": 1_760_000_000,
        "completed_at": 1_760_000_002 if finished else None,
        "status": status,
        "model": "qwen3-coder-plus",
        "output": [REASONING, MESSAGE, CALL] if finished else [],
        "usage": USAGE if finished else None,
        "metadata": {},
        "tools": [TOOL],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "text": {"format": SCHEMA_FORMAT},
        "reasoning": {"effort": None, "summary": None},
        "truncation": "disabled",
        "service_tier": "default",
        "background": False,
        "temperature": 1.0,
        "top_p": 1,
        "top_logprobs": 0,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "store": False,
        **fields,
    }


def perfect_stream() -> Events:
    """A stream with an item of each kind, written out by hand."""
    text = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    refusal = {"item_id": "msg_1", "output_index": 1, "content_index": 1}
    summary = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
    call = {"item_id": "fc_1", "output_index": 2}
    text_part, refusal_part = cast("list[Json]", MESSAGE["content"])
    (summary_part,) = cast("list[Json]", REASONING["summary"])
    opened = {"status": "in_progress"}
    events: list[tuple[str, Json]] = [
        ("created", {"response": response("in_progress")}),
        ("in_progress", {"response": response("in_progress")}),
        ("output_item.added", {"output_index": 0, "item": {**REASONING, **opened, "summary": []}}),
        ("reasoning_summary_part.added", {**summary, "part": {**summary_part, "text": ""}}),
        ("reasoning_summary_text.delta", {**summary, "delta": "Let me "}),
        ("reasoning_summary_text.delta", {**summary, "delta": "see."}),
        ("reasoning_summary_text.done", {**summary, "text": "Let me see."}),
        ("reasoning_summary_part.done", {**summary, "part": summary_part}),
        ("output_item.done", {"output_index": 0, "item": REASONING}),
        ("output_item.added", {"output_index": 1, "item": {**MESSAGE, **opened, "content": []}}),
        ("content_part.added", {**text, "part": {**text_part, "text": ""}}),
        ("output_text.delta", {**text, "delta": "Grü", "logprobs": []}),
        ("output_text.delta", {**text, "delta": "ße!", "logprobs": []}),
        ("output_text.done", {**text, "text": "Grüße!", "logprobs": []}),
        ("content_part.done", {**text, "part": text_part}),
        ("content_part.added", {**refusal, "part": {**refusal_part, "refusal": ""}}),
        ("refusal.delta", {**refusal, "delta": "Not that."}),
        ("refusal.done", {**refusal, "refusal": "Not that."}),
        ("content_part.done", {**refusal, "part": refusal_part}),
        ("output_item.done", {"output_index": 1, "item": MESSAGE}),
        ("output_item.added", {"output_index": 2, "item": {**CALL, **opened, "arguments": ""}}),
        ("function_call_arguments.delta", {**call, "delta": '{"path"'}),
        ("function_call_arguments.delta", {**call, "delta": ': "a"}'}),
        ("function_call_arguments.done", {**call, "arguments": '{"path": "a"}'}),
        ("output_item.done", {"output_index": 2, "item": CALL}),
        ("completed", {"response": response()}),
    ]
    return copy.deepcopy(
        [
            {"type": f"response.{kind}", "sequence_number": number, **payload}
            for number, (kind, payload) in enumerate(events)
        ]
    )


def wire(events: Events) -> bytes:
    """The events as they travel."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
        for event in events
    )
