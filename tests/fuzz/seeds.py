"""The inputs that the fuzzers begin with: something of each kind that there is.

All are of our own making. What a fuzzer finds by itself is kept beside its corpus, not here.
"""

from __future__ import annotations

import json
from typing import Any, Final

from tests.support.odd_streams import ODD_STREAMS
from tests.support.streams import STREAMS

Json = dict[str, Any]

_SCHEMA: Final[Json] = {
    "type": "object",
    "properties": {
        "a": {"type": ["string", "null"], "minLength": 1, "pattern": "^x", "format": "uri"},
        "b": {"anyOf": [{"const": 1}, {"$ref": "#/$defs/n"}], "default": 1},
        "c": {"oneOf": [{"enum": ["x", None]}, {"type": "array", "items": {"type": "number"}}]},
    },
    "patternProperties": {"^p": {"type": "integer", "exclusiveMinimum": 0}},
    "required": ["a"],
    "additionalProperties": False,
    "$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}},
}
_TOOLS: Final[list[Json]] = [
    {"type": "function", "name": "read", "parameters": _SCHEMA, "strict": True},
    {"type": "function", "name": "a.b", "description": "d", "parameters": None},
    {"type": "custom", "name": "run", "format": {"type": "grammar", "syntax": "lark",
                                                 "definition": "start: /.+/"}},
    {"type": "namespace", "name": "mail", "description": "d",
     "tools": [{"type": "function", "name": "send"}, {"type": "custom", "name": "raw"}]},
    {"type": "local_shell"},
    {"type": "shell", "environment": {"type": "local"}},
    {"type": "apply_patch"},
    {"type": "tool_search", "execution": "client", "parameters": _SCHEMA},
    {"type": "web_search", "filters": {"allowed_domains": ["a"]}},
    {"type": "mcp", "server_label": "s", "server_url": "https://a/"},
]  # fmt: skip
_CHOICES: Final[list[Any]] = [
    "auto", "required", "none",
    {"type": "function", "name": "read"},
    {"type": "custom", "name": "run"},
    {"type": "allowed_tools", "mode": "required",
     "tools": [{"type": "function", "name": "read"}, {"type": "shell"}]},
    {"type": "web_search"},
]  # fmt: skip
_PIXEL: Final = "data:image/png;base64,iVBORw0KGgo="
_ITEMS: Final[list[Json]] = [
    {"role": "user", "content": "hi"},
    {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "hi"}]},
    {"role": "user", "content": [{"type": "input_image", "image_url": _PIXEL, "detail": "low"},
                                 {"type": "input_file", "filename": "a", "file_data": _PIXEL}]},
    {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
     "phase": "commentary",
     "content": [{"type": "output_text", "text": "so", "annotations": [], "logprobs": []},
                 {"type": "refusal", "refusal": "no"}]},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
     "content": [{"type": "reasoning_text", "text": "hm"}],
     "encrypted_content": "qwen-proxy.1.AAAA"},
    {"type": "function_call", "call_id": "a", "name": "read", "arguments": '{"a": 1}'},
    {"type": "function_call_output", "call_id": "a",
     "output": [{"type": "input_text", "text": "x"}]},
    {"type": "custom_tool_call", "call_id": "b", "name": "run", "input": "ls"},
    {"type": "custom_tool_call_output", "call_id": "b", "output": "x"},
    {"type": "local_shell_call", "id": "c", "call_id": "c", "status": "completed",
     "action": {"type": "exec", "command": ["ls"], "env": {}}},
    {"type": "local_shell_call_output", "id": "c", "output": "x"},
    {"type": "shell_call", "call_id": "d", "action": {"commands": ["ls"], "timeout_ms": 1}},
    {"type": "shell_call_output", "call_id": "d",
     "output": [{"stdout": "x", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]},
    {"type": "apply_patch_call", "call_id": "e", "status": "completed",
     "operation": {"type": "update_file", "path": "a", "diff": "+x"}},
    {"type": "apply_patch_call_output", "call_id": "e", "status": "failed", "output": "x"},
    {"type": "mcp_call", "id": "f", "server_label": "s", "name": "n", "arguments": "{}",
     "output": "x"},
    {"type": "additional_tools", "role": "developer", "tools": _TOOLS[:1]},
    {"type": "tool_search_call", "call_id": "g", "arguments": {"a": "x"}},
    {"type": "tool_search_output", "call_id": "g", "tools": _TOOLS[:1]},
    {"type": "web_search_call", "id": "h", "status": "completed"},
    {"type": "item_reference", "id": "msg_1"},
]  # fmt: skip
_FIELDS: Final[Json] = {
    "instructions": "be brief",
    "stream": True,
    "store": False,
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "reasoning": {"effort": "high", "summary": "auto"},
    "text": {"verbosity": "low",
             "format": {"type": "json_schema", "name": "n", "schema": _SCHEMA, "strict": True}},
    "metadata": {"a": "b"},
    "temperature": 0.5,
    "top_p": 1,
    "top_logprobs": 3,
    "max_output_tokens": 100,
    "max_tool_calls": 3,
    "parallel_tool_calls": False,
    "truncation": "auto",
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "service_tier": "auto",
    "user": "u",
    "background": False,
    "previous_response_id": None,
    "stream_options": {"include_obfuscation": False},
}  # fmt: skip


def _requests() -> list[Json]:
    hello: Json = {"model": "qwen3-coder-plus", "input": "hi"}
    alone = [{**hello, name: value} for name, value in _FIELDS.items()]
    items = [{**hello, "input": [_ITEMS[0], item]} for item in _ITEMS]
    tools = [{**hello, "tools": [tool]} for tool in _TOOLS]
    choices = [{**hello, "tools": _TOOLS[:8], "tool_choice": choice} for choice in _CHOICES]
    all_of_it = {**hello, **_FIELDS, "input": _ITEMS[:-1], "tools": _TOOLS}
    return [hello, *alone, *items, *tools, *choices, all_of_it]


REQUESTS: Final = [json.dumps(request).encode() for request in _requests()]
"""Bodies of ``POST /v1/responses``: each field, item and tool by itself, and all of it."""

STREAMED: Final = [stream.raw for stream in (*STREAMS, *ODD_STREAMS)]
"""Bodies of streamed answers: all that upstreams are known to send."""

ERRORS: Final = [
    json.dumps(body).encode()
    for body in (
        {"error": {"message": "m", "type": "t", "param": None, "code": "c"}},
        {"code": "Throttling", "message": "m", "request_id": "r"},
        {"error": "m"},
        {"errors": {"message": "m"}, "status": 400},
        {"detail": [{"loc": ["body"], "msg": "m"}]},
        {"error": {"message": {"a": 1}, "code": 429, "metadata": {"raw": "{}"}}},
    )
] + [b"<html><title>502</title><body><p>Bad &amp; gateway</p></body></html>", b"", b"no", b"[]"]
"""Bodies of refusals."""


def _whole() -> list[bytes]:
    said: Json = {"role": "assistant", "content": "hi", "reasoning_content": "hm"}
    call: Json = {"id": "a", "type": "function", "function": {"name": "run", "arguments": "{}"}}
    usage: Json = {
        "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }  # fmt: skip
    logprobs: Json = {"content": [{"token": "hi", "logprob": -0.1, "bytes": [104], "top_logprobs": [
        {"token": "ho", "logprob": -3, "bytes": None}]}]}  # fmt: skip
    answers = [
        {"message": said, "finish_reason": "stop", "logprobs": logprobs},
        {"message": {**said, "tool_calls": [call]}, "finish_reason": "tool_calls"},
        {"message": {"refusal": "no", "content": None}, "finish_reason": "content_filter"},
        {"message": {"content": "<think>hm</think>hi"}, "finish_reason": "length"},
    ]
    return [
        json.dumps(
            {"id": "c", "object": "chat.completion", "choices": [a], "usage": usage}
        ).encode()
        for a in answers
    ]


WHOLE: Final = _whole()
"""Bodies of answers in one piece."""
