"""What a token is in the sandbox: a word with the white space after it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pydantic_core import to_json

from addon.sandbox.request import ChatRequest, Message

_TOKEN: Final = re.compile(r"\S+\s*|\s+")
_TOKENS_PER_IMAGE: Final = 256


@dataclass(frozen=True, slots=True)
class PromptSize:
    """How long a request's prompt is, and how much of it the service had read before."""

    tokens: int
    cached_tokens: int


def split(text: str) -> list[str]:
    """``text`` in tokens; joined again they are ``text``."""
    return _TOKEN.findall(text)


def first(text: str, limit: int | None) -> str:
    """The first ``limit`` tokens of ``text``, all of them where ``limit`` is None."""
    return text if limit is None else "".join(split(text)[:limit])


def prompt_size(request: ChatRequest) -> PromptSize:
    """Counts tools and messages; what went before the last answer was sent with an earlier turn."""
    tools = sum(
        len(split(f"{tool.name} {tool.description}"))
        + len(split(to_json(tool.parameters).decode()))
        for tool in request.tools
    )
    sizes = [_message_tokens(message) for message in request.messages]
    roles = [message.role for message in request.messages]
    answered = len(roles) - 1 - roles[::-1].index("assistant") if "assistant" in roles else 0
    return PromptSize(
        tokens=tools + sum(sizes),
        cached_tokens=tools + sum(sizes[:answered]) if answered else 0,
    )


def _message_tokens(message: Message) -> int:
    """The words of one message, and one token for its role."""
    texts = [message.text, message.reasoning_content]
    for call in message.tool_calls:
        texts += [call.name, call.arguments]
    return 1 + message.images * _TOKENS_PER_IMAGE + sum(len(split(each)) for each in texts)
