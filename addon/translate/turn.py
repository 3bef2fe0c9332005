"""A turn of the assistant's in the making: one message, and the tool messages behind it.

Reasoning, text and calls that stand side by side belong together. Each call has its answer
from the start, which is filled in where its output is found, so that an order which Chat
would refuse cannot be written.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from addon.translate.content import ChatPart, split_text

ChatMessage: TypeAlias = dict[str, Any]

_SEE_BELOW: Final = "[the output follows in the next message]"


class Turn:
    """One assistant message in the making, and the tool messages that answer its calls."""

    __slots__ = ("answers", "calls", "reasoning", "recalled", "said_before", "text")

    def __init__(self) -> None:
        self.reasoning = ""
        self.recalled: str | None = None
        self.text = ""
        self.calls: list[dict[str, Any]] = []
        self.answers: list[ChatMessage] = []
        self.said_before: Turn | None = None
        """A text that stands right before its reasoning, and may belong to it."""

    def think(self, thoughts: str) -> None:
        """More reasoning."""
        self.reasoning = f"{self.reasoning}\n\n{thoughts}" if self.reasoning else thoughts

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said and nothing called."""
        return not self.text and not self.calls

    def message(self) -> ChatMessage | None:
        """None where it is empty."""
        if self.is_empty:
            return None
        message: ChatMessage = {"role": "assistant", "content": self.text or None}
        reasoning = self.reasoning or self.recalled
        if reasoning:
            message["reasoning_content"] = reasoning
        if self.calls:
            message["tool_calls"] = self.calls
        return message

    def tool_messages(self) -> list[ChatMessage]:
        """The answers; what they cannot hold follows in a message of the user's."""
        others: list[ChatPart] = []
        for call, answer in zip(self.calls, self.answers, strict=True):
            if isinstance(answer["content"], list):
                texts, rest = split_text(answer["content"])
                answer["content"] = "\n".join(texts) or (_SEE_BELOW if rest else "")
                if rest:
                    title = f"Output of {call['function']['name']} ({call['id']}):"
                    others += [{"type": "text", "text": title}, *rest]
        return [*self.answers, {"role": "user", "content": others}] if others else self.answers
