"""Chat Completions bodies from which tests start, and the pieces they are made of."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

USER: Final[Json] = {"role": "user", "content": "hello"}
SYSTEM: Final[Json] = {"role": "system", "content": "be kind"}

PIXEL: Final = "data:image/png;base64,iVBORw0KGgo="
"""As much of an image as a request has to look like."""


def body(*messages: Json, **fields: object) -> Json:
    """A request with these messages (a greeting where there are none) and fields."""
    return {"model": "qwen3-coder-plus", "messages": list(messages) or [USER], **fields}


def tool(name: str = "read", **parameters: object) -> Json:
    """A tool that takes these properties."""
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": f"It can {name}.",
            "parameters": {"type": "object", "properties": parameters},
        },
    }


def calling(*ids: str, name: str = "read", **fields: object) -> Json:
    """An assistant message that makes a call for each id."""
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": each, "type": "function", "function": {"name": name, "arguments": "{}"}}
            for each in ids
        ],
        **fields,
    }


def output(call_id: str, content: object = "some output") -> Json:
    """The tool message that answers a call."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def user(*parts: Json) -> Json:
    """A user message of parts."""
    return {"role": "user", "content": list(parts)}


def image(url: str = PIXEL, **fields: object) -> Json:
    """An image part."""
    return {"type": "image_url", "image_url": {"url": url, **fields}}


def text(words: str) -> Json:
    """A text part."""
    return {"type": "text", "text": words}
