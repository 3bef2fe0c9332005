"""The input of a request, from items to messages.

Theory of operation. Responses keeps a conversation as a flat list of items;
Chat Completions wants messages in a stricter order (qwen-facts: one system
message, first; an assistant message that calls tools is followed at once by one
tool message a call). So the items are gathered into blocks, and only then
written down:

* an *assistant turn* holds reasoning, text and calls that stand side by side,
  and each call has a slot for its output, which finds its call by id wherever
  it stands in the list. An order that Chat would refuse cannot be written.
* a *user block* is one user message.
* system and developer texts at the head become the one system message. A later
  one stays where it is as a user message: moving it up would change what it
  refers to, and would spoil the upstream's prompt cache.

What a broken history lacks is said in words: a call without output gets one
that says so, an output without its call becomes text.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from addon.errors import unsupported_parameter
from addon.translate.content import ChatPart, chat_parts, plain_or_parts, split_text
from addon.translate.wire import (
    FunctionCall,
    FunctionCallOutput,
    ItemReference,
    Message,
    OtherItem,
    Reasoning,
)

ChatMessage: TypeAlias = dict[str, Any]
AnyItem: TypeAlias = (
    Message | FunctionCall | FunctionCallOutput | Reasoning | ItemReference | OtherItem
)

NO_OUTPUT: Final = "[no output: the call was interrupted]"
_SEE_BELOW: Final = "[the output follows in the next message]"
_PARAGRAPH: Final = "\n\n"


@dataclass(slots=True)
class _Call:
    """A call and the slot for its output (None: it never came)."""

    id: str
    name: str
    arguments: str
    output: list[ChatPart] | None = None

    def as_tool_call(self) -> ChatMessage:
        return {
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": self.arguments},
        }


@dataclass(slots=True)
class _AssistantTurn:
    reasoning: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)

    def write(self) -> Iterator[ChatMessage]:
        if not self.texts and not self.calls:
            return
        message: ChatMessage = {"role": "assistant", "content": "".join(self.texts) or None}
        if self.reasoning:
            message["reasoning_content"] = _PARAGRAPH.join(self.reasoning)
        if self.calls:
            message["tool_calls"] = [call.as_tool_call() for call in self.calls]
        yield message
        yield from self._write_outputs()

    def _write_outputs(self) -> Iterator[ChatMessage]:
        """A tool message may hold text alone: images and files follow in a user message."""
        others: list[ChatPart] = []
        for call in self.calls:
            texts, rest = split_text(call.output) if call.output is not None else ([NO_OUTPUT], [])
            text = "\n".join(texts) or (_SEE_BELOW if rest else "")
            yield {"role": "tool", "tool_call_id": call.id, "content": text}
            if rest:
                others += [{"type": "text", "text": f"Output of {call.name} ({call.id}):"}, *rest]
        if others:
            yield {"role": "user", "content": others}


@dataclass(slots=True)
class _UserBlock:
    parts: list[ChatPart]

    def write(self) -> Iterator[ChatMessage]:
        if self.parts:
            yield {"role": "user", "content": plain_or_parts(self.parts)}


class _Conversation:
    """Gathers items into blocks. One method for each type of item."""

    def __init__(self, instructions: str | None) -> None:
        self._system = [instructions] if instructions else []
        self._blocks: list[_AssistantTurn | _UserBlock] = []
        self._open_turn: _AssistantTurn | None = None
        self._unanswered: defaultdict[str, deque[_Call]] = defaultdict(deque)
        self._call_ids: set[str] = set()
        self._uses: defaultdict[str, int] = defaultdict(lambda: 1)

    def add(self, item: AnyItem, where: str) -> None:
        """Takes the next item; ``where`` is its path in the request.

        Raises ApiError (400 ``unsupported_parameter``) for one that cannot be carried.
        """
        match item.get("type") or ("message" if "role" in item else "item_reference"):
            case "message":
                self._message(cast("Message", item), where)
            case "function_call":
                self._function_call(cast("FunctionCall", item))
            case "function_call_output":
                self._function_call_output(cast("FunctionCallOutput", item), where)
            case "reasoning":
                self._reasoning(cast("Reasoning", item))
            case "item_reference":
                raise unsupported_parameter(
                    "Items are not stored here, so they cannot be referred to: send the item "
                    "itself (with the AI SDK: store: false).",
                    where,
                )
            case kind:
                raise unsupported_parameter(
                    f"Items of type {kind!r} cannot be carried over to the Chat Completions API.",
                    where,
                )

    def write(self) -> list[ChatMessage]:
        """The messages, in an order that every service takes."""
        messages: list[ChatMessage] = []
        if self._system:
            messages.append({"role": "system", "content": _PARAGRAPH.join(self._system)})
        for block in self._blocks:
            messages.extend(block.write())
        return messages

    def _message(self, item: Message, where: str) -> None:
        parts = chat_parts(cast("Any", item["content"]), f"{where}.content")
        match item["role"]:
            case "assistant":
                self._assistant_text(parts, where)
            case "user":
                self._other(_UserBlock(parts))
            case _ if self._blocks:
                self._other(_UserBlock(parts))
            case _:
                texts, rest = split_text(parts)
                self._system += texts
                if rest:
                    self._other(_UserBlock(rest))

    def _assistant_text(self, parts: list[ChatPart], where: str) -> None:
        texts, rest = split_text(parts)
        if rest:
            raise unsupported_parameter(
                "An assistant message can hold text only in the Chat Completions API.",
                f"{where}.content",
            )
        turn = self._open_turn
        if turn is None or turn.texts or turn.calls:
            turn = self._new_turn()
        turn.texts += texts

    def _function_call(self, item: FunctionCall) -> None:
        turn = self._open_turn or self._new_turn()
        call = _Call(self._unused_id(item["call_id"]), item["name"], item["arguments"])
        turn.calls.append(call)
        self._unanswered[item["call_id"]].append(call)

    def _function_call_output(self, item: FunctionCallOutput, where: str) -> None:
        parts = chat_parts(cast("Any", item["output"]), f"{where}.output")
        waiting = self._unanswered[item["call_id"]]
        if waiting:
            waiting.popleft().output = parts
            self._open_turn = None
        else:
            note = f"[output of a tool call ({item['call_id']}) that is not in this conversation]"
            self._other(_UserBlock([{"type": "text", "text": note}, *parts]))

    def _reasoning(self, item: Reasoning) -> None:
        texts = [part["text"] for part in item.get("content") or item.get("summary") or ()]
        turn = self._open_turn
        if turn is None or (turn.reasoning and (turn.texts or turn.calls)):
            turn = self._new_turn()
        turn.reasoning += [text for text in texts if text]

    def _new_turn(self) -> _AssistantTurn:
        turn = self._open_turn = _AssistantTurn()
        self._blocks.append(turn)
        return turn

    def _other(self, block: _UserBlock) -> None:
        self._open_turn = None
        self._blocks.append(block)

    def _unused_id(self, wanted: str) -> str:
        """A reused call id is refused upstream: the second and later ones are numbered."""
        unused = wanted
        while unused in self._call_ids:
            self._uses[wanted] += 1
            unused = f"{wanted}_{self._uses[wanted]}"
        self._call_ids.add(unused)
        return unused


def chat_messages(
    conversation: str | list[AnyItem], instructions: str | None = None
) -> list[ChatMessage]:
    """``input`` and ``instructions`` as Chat messages.

    Raises ApiError (400 ``unsupported_parameter``; ``param`` names the item).
    """
    gathered = _Conversation(instructions)
    if isinstance(conversation, str):
        conversation = [Message(role="user", content=conversation)]
    for index, item in enumerate(conversation):
        gathered.add(item, f"input[{index}]")
    return gathered.write()
