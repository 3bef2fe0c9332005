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
    "encrypted_content": "sealed",
}


def token(text: str) -> Json:
    """What there is to say of a token."""
    said: Json = {"token": text, "logprob": -0.5, "bytes": list(text.encode())}
    return {**said, "top_logprobs": [said]}


TOKENS: list[Json] = [token("Grü"), token("ße!")]
MESSAGE: Json = {
    "type": "message",
    "id": "msg_1",
    "status": "completed",
    "role": "assistant",
    "content": [
        {"type": "output_text", "text": "Grüße!", "annotations": [], "logprobs": TOKENS},
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
CUSTOM: Json = {
    "type": "custom_tool_call",
    "id": "ctc_1",
    "call_id": "call_2",
    "name": "run",
    "namespace": "tools",
    "input": "ls\n",
    "status": "completed",
}
LOCAL_SHELL: Json = {
    "type": "local_shell_call",
    "id": "lsh_1",
    "call_id": "call_3",
    "action": {"type": "exec", "command": ["ls"], "env": {}},
    "status": "completed",
}
SHELL: Json = {
    "type": "shell_call",
    "id": "sh_1",
    "call_id": "call_4",
    "action": {"commands": ["cd a", "ls"], "timeout_ms": 1000},
    "status": "completed",
}
PATCH: Json = {
    "type": "apply_patch_call",
    "id": "apc_1",
    "call_id": "call_5",
    "operation": {"type": "delete_file", "path": "a"},
    "status": "completed",
}
OUTPUT: list[Json] = [REASONING, MESSAGE, CALL, CUSTOM, LOCAL_SHELL, SHELL, PATCH]


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
        "output": OUTPUT if finished else [],
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
    custom = {"item_id": "ctc_1", "output_index": 3}
    first, second = ({"output_index": 5, "command_index": index} for index in (0, 1))
    events: list[tuple[str, Json]] = [
        ("created", {"response": response("in_progress")}),
        ("in_progress", {"response": response("in_progress")}),
        ("output_item.added", _added(0, summary=[], encrypted_content=None)),
        ("reasoning_summary_part.added", {**summary, "part": {**summary_part, "text": ""}}),
        ("reasoning_summary_text.delta", {**summary, "delta": "Let me "}),
        ("reasoning_summary_text.delta", {**summary, "delta": "see."}),
        ("reasoning_summary_text.done", {**summary, "text": "Let me see."}),
        ("reasoning_summary_part.done", {**summary, "part": summary_part}),
        ("output_item.done", _done(0)),
        ("output_item.added", _added(1, content=[])),
        ("content_part.added", {**text, "part": {**text_part, "text": "", "logprobs": []}}),
        ("output_text.delta", {**text, "delta": "Grü", "logprobs": TOKENS[:1]}),
        ("output_text.delta", {**text, "delta": "ße!", "logprobs": TOKENS[1:]}),
        ("output_text.done", {**text, "text": "Grüße!", "logprobs": TOKENS}),
        ("content_part.done", {**text, "part": text_part}),
        ("content_part.added", {**refusal, "part": {**refusal_part, "refusal": ""}}),
        ("refusal.delta", {**refusal, "delta": "Not that."}),
        ("refusal.done", {**refusal, "refusal": "Not that."}),
        ("content_part.done", {**refusal, "part": refusal_part}),
        ("output_item.done", _done(1)),
        ("output_item.added", _added(2, arguments="")),
        ("function_call_arguments.delta", {**call, "delta": '{"path"'}),
        ("function_call_arguments.delta", {**call, "delta": ': "a"}'}),
        ("function_call_arguments.done", {**call, "arguments": '{"path": "a"}'}),
        ("output_item.done", _done(2)),
        ("output_item.added", _added(3, input="")),
        ("custom_tool_call_input.delta", {**custom, "delta": "l"}),
        ("custom_tool_call_input.delta", {**custom, "delta": "s\n"}),
        ("custom_tool_call_input.done", {**custom, "input": "ls\n"}),
        ("output_item.done", _done(3)),
        ("output_item.added", _added(4)),
        ("output_item.done", _done(4)),
        ("output_item.added", _added(5, action={"commands": []})),
        ("shell_call_command.added", {**first, "command": ""}),
        ("shell_call_command.delta", {**first, "delta": "cd "}),
        ("shell_call_command.delta", {**first, "delta": "a"}),
        ("shell_call_command.done", {**first, "command": "cd a"}),
        ("shell_call_command.added", {**second, "command": ""}),
        ("shell_call_command.delta", {**second, "delta": "ls"}),
        ("shell_call_command.done", {**second, "command": "ls"}),
        ("output_item.done", _done(5)),
        ("output_item.added", _added(6)),
        ("output_item.done", _done(6)),
        ("completed", {"response": response()}),
    ]
    return [
        copy.deepcopy({"type": f"response.{kind}", "sequence_number": number, **payload})
        for number, (kind, payload) in enumerate(events)
    ]


def _added(index: int, **empty: object) -> Json:
    item = {**OUTPUT[index], "status": "in_progress", **empty}
    return {"output_index": index, "item": item}


def _done(index: int) -> Json:
    return {"output_index": index, "item": OUTPUT[index]}


def wire(events: Events) -> bytes:
    """The events as they travel."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
        for event in events
    )
