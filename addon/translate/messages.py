"""The input of a request, from items to messages.

Theory of operation. Responses keeps a conversation as a flat list of items;
Chat Completions wants messages in a stricter order (qwen-facts: one system
message, first; an assistant message that calls tools is followed at once by one
tool message a call). ``dialogue`` keeps that order, whatever that of the items is;
here it is told who says what:

* what stands side by side of an assistant's reasoning, text and calls is one message, and
  an output is told to the call that it names, wherever it stands in the list.
* every other item is one message.
* system and developer texts at the head become the one system message. A later
  one stays where it is: moving it up would change what it refers to, and would
  spoil the upstream's prompt cache. (Where a service takes no system message
  there, ``chat_body`` makes it a user message.)

What a broken history lacks is said in words: a call without output gets one
that says so, an output without its call becomes text. A turn with calls that comes
without its reasoning gets what is remembered of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

from addon.errors import unsupported_parameter
from addon.translate.content import (
    ChatPart,
    chat_parts,
    plain_or_parts,
    plain_text,
    split_text,
)
from addon.translate.dialogue import NO_OUTPUT, PARAGRAPH, ChatMessage, Dialogue
from addon.translate.fates import ITEMS, Fate, Refused
from addon.translate.past_calls import (
    CALLS,
    OUTPUTS,
    output_of_mcp_call,
    output_of_search,
)
from addon.translate.reasoning import Recollection
from addon.translate.tool_names import ToolId, ToolKind, ToolNames
from addon.translate.wire_items import (
    AnyCall,
    AnyItem,
    AnyOutput,
    LaterTools,
    McpCall,
    Reasoning,
    SearchCall,
)
from addon.translate.wire_parts import AnyPart

__all__ = ["NO_OUTPUT", "Conversation", "conversation"]


_SYSTEM: Final = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as Chat messages, in an order that every service takes.

    Reasoning is called ``reasoning_content``, and later system messages are such.
    """

    messages: list[ChatMessage]
    notes: tuple[str, ...]
    """What was left out, for people to read."""
    has_reasoning: bool
    lacks_reasoning: bool
    """Whether a turn that calls tools, or one that follows such a turn, comes without."""
    has_user: bool
    """Whether a user or a tool has spoken."""
    has_later_system: bool


class _Gathering:
    """Tells a dialogue what the items say."""

    def __init__(
        self, instructions: str | None, names: ToolNames, reasoning: Recollection | None
    ) -> None:
        self._names = names
        self._function_names: dict[str, str] = {}
        self._recollection = reasoning
        self._system = [instructions] if instructions else []
        self._dialogue = Dialogue(reasoning)
        self._call_id_of: dict[str, str] = {}
        """By the item's own id, for outputs that name that."""
        self._dropped: Counter[str] = Counter()
        self._has_later_system = False

    def take(self, items: Iterable[AnyItem]) -> None:
        """Takes all items.

        Raises ApiError (400 ``unsupported_parameter``) for one that cannot be carried.
        """
        for index, item in enumerate(items):
            # the first three are by far the most
            if item["type"] == "function_call_output":
                self._output(item.get("call_id") or "", item["output"], index)
            elif item["type"] == "function_call" and not item.get("namespace"):
                name = item["name"]
                name = self._function_names.get(name) or self._function_name(name)
                self._dialogue.call(item["call_id"], name, item["arguments"])
            elif item["type"] == "message":
                self._message(item["role"], item["content"], index)
            elif item["type"] == "reasoning":
                self._reasoning(item)
            elif item["type"] in OUTPUTS:
                self._any_output(cast("AnyOutput", item), index)
            elif item["type"] in CALLS:
                self._any_call(cast("AnyCall | SearchCall | McpCall", item))
            elif item["type"] == "tool_search_output":
                self._found(item, index)
            else:
                self._other(item["type"], index)

    def _other(self, kind: str, index: int) -> None:
        fate = ITEMS[kind]
        if isinstance(fate, Refused):
            raise unsupported_parameter(fate.instead, f"input[{index}]")
        if fate is Fate.DROPPED:
            self._dropped[f"{kind} from the history"] += 1

    # --- messages

    def _message(self, role: str, content: str | list[AnyPart], index: int) -> None:
        text = plain_text(content)
        if text is None or role in _SYSTEM:
            self._parts(role, chat_parts(content, f"input[{index}].content"), index)
        elif role == "assistant":
            self._dialogue.say(text)
        else:
            self._dialogue.speak(role, text)

    def _parts(self, role: str, parts: list[ChatPart], index: int) -> None:
        if role == "assistant":
            self._dialogue.say(_joint_text(parts, f"input[{index}].content"))
        elif role == "user":
            self._dialogue.speak(role, plain_or_parts(parts))
        else:
            self._system_message(parts)

    def _system_message(self, parts: list[ChatPart]) -> None:
        texts, rest = split_text(parts)
        has_begun = self._dialogue.has_begun
        if rest and has_begun:
            self._dialogue.speak("user", parts)
        elif has_begun:
            self._has_later_system |= bool(texts)
            self._dialogue.speak("system", PARAGRAPH.join(texts))
        else:
            self._system += texts
            self._dialogue.speak("user", rest)

    def _reasoning(self, item: Reasoning) -> None:
        sealed = item.get("encrypted_content")
        if sealed and self._recollection is not None:
            unsealed = self._recollection.unseal(sealed)
            if unsealed:
                self._dialogue.think(unsealed)
                return
        parts = item.get("content") or item.get("summary") or ()
        thoughts = PARAGRAPH.join([part["text"] for part in parts if part["text"]])
        if thoughts:
            self._dialogue.think(thoughts)
        elif sealed:
            self._dropped["reasoning that was not encrypted here"] += 1

    # --- calls and their outputs

    def _any_call(self, item: AnyCall | SearchCall | McpCall) -> None:
        if item["type"] == "tool_search_call" and not _is_the_clients(item):
            self._dropped["tool_search_call from the history"] += 1
            return
        tool, arguments = CALLS[item["type"]](item)
        name = self._names.name_of(tool)
        if item["type"] == "mcp_call":
            self._dialogue.call(item["id"], name, arguments, output_of_mcp_call(item))
            return
        self._dialogue.call(item["call_id"] or "", name, arguments)
        if item["type"] == "local_shell_call" and (own_id := item.get("id")):
            self._call_id_of[own_id] = item["call_id"]

    def _function_name(self, name: str) -> str:
        named = self._names.name_of(ToolId(ToolKind.FUNCTION, name))
        self._function_names[name] = named
        return named

    def _any_output(self, item: AnyOutput, index: int) -> None:
        content = OUTPUTS[item["type"]](item)
        self._output(item.get("call_id") or self._named_by_item(item), content, index)

    def _found(self, item: LaterTools, index: int) -> None:
        """What a search found is told where the client did it: else nobody called for it."""
        call_id = item.get("call_id") or ""
        if self._dialogue.waits_for(call_id):
            self._output(call_id, output_of_search(item), index)

    def _output(self, call_id: str, content: str | list[AnyPart], index: int) -> None:
        output: str | list[ChatPart]
        if isinstance(content, str):
            output = content
        else:
            output = chat_parts(content, f"input[{index}].output")
        if not self._dialogue.answer(call_id, output):
            self._orphan(call_id, output)

    def _named_by_item(self, item: AnyOutput) -> str:
        """The call id that an output without one means; the output of a local shell may."""
        if item["type"] != "local_shell_call_output":
            return ""
        named = item.get("id") or ""
        return self._call_id_of.get(named, named)

    def _orphan(self, call_id: str, output: str | list[ChatPart]) -> None:
        named = f" ({call_id})" if call_id else ""
        note = f"[output of a tool call{named} that is not in this conversation]"
        rest = [{"type": "text", "text": output}] if isinstance(output, str) else output
        parts = [{"type": "text", "text": note}, *rest]
        self._dialogue.speak("user", [part for part in parts if part.get("text") != ""])

    # --- the end

    def conversation(self) -> Conversation:
        """What they say; no more items will come."""
        messages, has_user = self._dialogue.messages(), self._dialogue.has_user
        if self._system and not messages:
            # Nobody has spoken but the system: what it said last is what is to be answered.
            messages.append({"role": "user", "content": self._system.pop()})
            has_user = True
        has_called = has_reasoning = lacks_reasoning = False
        for turn in self._dialogue.turns:
            has_called = has_called or "tool_calls" in turn
            is_reasoned = "reasoning_content" in turn
            has_reasoning = has_reasoning or is_reasoned
            lacks_reasoning = lacks_reasoning or (has_called and not is_reasoned)
        if self._system:
            messages.insert(0, {"role": "system", "content": PARAGRAPH.join(self._system)})
        return Conversation(
            messages,
            notes=tuple(_counted(what, number) for what, number in self._dropped.items()),
            has_reasoning=has_reasoning,
            lacks_reasoning=lacks_reasoning,
            has_user=has_user or has_called,
            has_later_system=self._has_later_system,
        )


def _is_the_clients(search: SearchCall) -> bool:
    """Whether the client searched for tools, and not a server of OpenAI's."""
    return bool(search.get("call_id")) and search.get("execution") != "server"


def _joint_text(parts: list[ChatPart], where: str) -> str:
    """What the assistant said, put together."""
    texts, rest = split_text(parts)
    if rest:
        raise unsupported_parameter(
            "An assistant message can hold text only in the Chat Completions API.", where
        )
    return "".join(texts)


def _counted(what: str, number: int) -> str:
    return f"dropped {what}" + (f" ({number} times)" if number > 1 else "")


def conversation(
    content: str | list[AnyItem],
    instructions: str | None,
    names: ToolNames,
    reasoning: Recollection | None = None,
) -> Conversation:
    """``input`` and ``instructions`` as Chat messages.

    ``names`` are given to the tools that are called; ``reasoning`` is where the reasoning
    of earlier turns may be found.
    Raises ApiError (400 ``unsupported_parameter``; ``param`` names the item).
    """
    gathering = _Gathering(instructions, names, reasoning)
    if isinstance(content, str):
        content = [{"type": "message", "role": "user", "content": content}]
    gathering.take(content)
    return gathering.conversation()
