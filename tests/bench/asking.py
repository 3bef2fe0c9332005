"""What is asked: short requests and long ones, in the words of either API.

The Chat form of a request is what our own translation makes of it, so that all contenders
carry the same content.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import Final

from addon.translate import parse_request
from tests.bench.answers import Script
from tests.support.chat import Json

_TOOLS: Final = (
    "bash",
    "edit",
    "glob",
    "grep",
    "list",
    "read",
    "task",
    "todowrite",
    "webfetch",
    "write",
)
"""Those of a coding agent."""

_LINE: Final = '    def method(self, argument: str) -> None:  # what it does, and why "so"\n'


class Api(Enum):
    """How a contender is asked, and where."""

    CHAT = "/v1/chat/completions"
    RESPONSES = "/v1/responses"


def body(api: Api, script: Script, *, size: int = 0) -> str:
    """A request of at least ``size`` bytes for the answer of ``script``; 0: a short one."""
    return (_long if size else _short)(api, script, size)


@lru_cache(maxsize=16)
def _short(api: Api, script: Script, _size: int) -> str:
    request = {"model": script.model, "input": "Say hello.", "stream": True}
    return _in_words_of(api, request)


@lru_cache(maxsize=16)
def _long(api: Api, script: Script, size: int) -> str:
    request: Json = {
        "model": script.model,
        "instructions": "You are a coding agent. " * 40,
        "tools": [_tool(name) for name in _TOOLS],
        "tool_choice": "auto",
        "store": False,
        "prompt_cache_key": "ses_bench",
        "stream": True,
    }
    items: list[Json] = []
    left = size - len(json.dumps(request))
    for turn in _turns():
        items += turn
        left -= len(json.dumps(turn))
        if left <= 0:
            break
    return _in_words_of(api, {**request, "input": items})


def _tool(name: str) -> Json:
    words = {"type": "string", "description": "What it is about, in a sentence or two. " * 3}
    return {
        "type": "function",
        "name": name,
        "description": f"The tool {name}. " + "What it is for, and what not. " * 20,
        "strict": False,
        "parameters": {
            "type": "object",
            "properties": {"path": words, "text": words, "line": {"type": "integer"}},
            "required": ["path"],
            "additionalProperties": False,
        },
    }


def _turns() -> Iterator[list[Json]]:
    """A conversation that never ends: a question, calls, what they gave, an answer."""
    number = 0
    while True:
        number += 1
        calls = [(f"call_{number}_{part}", f"src/module_{number}_{part}.py") for part in (1, 2)]
        yield [
            {"role": "user", "content": [{"type": "input_text", "text": f"Now part {number}."}]},
            *[_call(call_id, path) for call_id, path in calls],
            *[_output(call_id) for call_id, _ in calls],
            {"role": "assistant", "content": [{"type": "output_text", "text": "Done. " * 20}]},
        ]


def _call(call_id: str, path: str) -> Json:
    arguments = json.dumps({"path": path})
    return {"type": "function_call", "call_id": call_id, "name": "read", "arguments": arguments}


def _output(call_id: str) -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": _LINE * 25}


def _in_words_of(api: Api, request: Json) -> str:
    said = json.dumps(request)
    if api is Api.RESPONSES:
        return said
    understood = parse_request(said.encode())
    return understood.render(understood.model).decode()
