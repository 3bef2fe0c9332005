"""The input of a request, from items to messages.

Theory of operation. Responses keeps a conversation as a flat list of items;
Chat Completions wants messages in a stricter order (qwen-facts: one system
message, first; an assistant message that calls tools is followed at once by one
tool message a call). So the items are gathered into blocks, and only then
written down:

* an *assistant turn* holds reasoning, text and calls that stand side by side,
  and each call has its tool message, which an output finds by the id of the call
  wherever it stands in the list. An order that Chat would refuse cannot be written.
* every other block is one message.
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
from addon.translate.fates import ITEMS, Fate, Refused
from addon.translate.past_calls import (
    CALLS,
    OUTPUTS,
    object_text,
    output_of_mcp_call,
    output_of_search,
)
from addon.translate.reasoning import Recollection
from addon.translate.tool_names import ToolId, ToolKind, ToolNames
from addon.translate.turn import ChatMessage, Turn
from addon.translate.wire_items import (
    AnyCall,
    AnyItem,
    AnyOutput,
    LaterTools,
    McpCall,
    Message,
    Reasoning,
    SearchCall,
)
from addon.translate.wire_parts import AnyPart

NO_OUTPUT: Final = "[no output: the call was interrupted]"
_PARAGRAPH: Final = "\n\n"


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
    """Gathers items into blocks."""

    def __init__(
        self, instructions: str | None, names: ToolNames, reasoning: Recollection | None
    ) -> None:
        self._names = names
        self._function_names: dict[str, str] = {}
        self._recollection = reasoning
        self._system = [instructions] if instructions else []
        self._blocks: list[Turn | ChatMessage] = []
        self._open_turn: Turn | None = None
        self._call_ids: set[str] = set()
        self._unanswered: dict[str, ChatMessage] = {}
        """The tool messages that wait for their output, by the id that the client gave the call."""
        self._queue: dict[str, list[ChatMessage]] = {}
        """Those whose id is waited for already."""
        self._call_id_of: dict[str, str] = {}
        """By the item's own id, for outputs that name that."""
        self._numbers: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._has_parts = False
        """Whether an output holds what a tool message cannot."""
        self._has_later_system = False

    def add(self, item: AnyItem, index: int) -> None:
        """Takes the next item.

        Raises ApiError (400 ``unsupported_parameter``) for one that cannot be carried.
        """
        if item["type"] == "function_call" and not item.get("namespace"):
            # this and the next one are by far the most, so they go a way of their own
            name = self._function_names.get(item["name"]) or self._function_name(item["name"])
            self._call(item["call_id"], name, item["arguments"])
        elif item["type"] == "function_call_output":
            self._output(item.get("call_id") or "", item["output"], index)
        elif item["type"] == "message":
            self._message(item, index)
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

    def _message(self, item: Message, index: int) -> None:
        content, role = item["content"], item["role"]
        text = plain_text(content)
        where = f"input[{index}].content"
        if role == "assistant":
            self._say(_joint_text(content, where) if text is None else text)
        elif role == "user":
            self._block(
                "user", plain_or_parts(chat_parts(content, where)) if text is None else text
            )
        else:
            self._system_message(chat_parts(content, where))

    def _say(self, text: str) -> None:
        if not text:
            return
        turn = self._open_turn
        if turn is None or turn.text or turn.calls:
            turn = self._new_turn()
        turn.text = text

    def _system_message(self, parts: list[ChatPart]) -> None:
        texts, rest = split_text(parts)
        has_begun = any(isinstance(block, dict) or not block.is_empty for block in self._blocks)
        if rest and has_begun:
            self._block("user", parts)
        elif has_begun:
            self._has_later_system |= bool(texts)
            self._block("system", _PARAGRAPH.join(texts))
        else:
            self._system += texts
            self._block("user", rest)

    def _block(self, role: str, content: str | list[ChatPart]) -> None:
        if content:
            self._open_turn = None
            self._blocks.append({"role": role, "content": content})

    # --- reasoning

    def _reasoning(self, item: Reasoning) -> None:
        thoughts = self._thoughts(item)
        if not thoughts:
            return
        turn = self._open_turn
        if turn is None or (turn.text and not turn.calls):
            # whose reasoning it is will show: the next text would be another turn's
            said, turn = turn, self._new_turn()
            turn.said_before = said
        turn.think(thoughts)

    def _thoughts(self, item: Reasoning) -> str:
        sealed = item.get("encrypted_content")
        if sealed and self._recollection is not None:
            unsealed = self._recollection.unseal(sealed)
            if unsealed:
                return unsealed
        parts = item.get("content") or item.get("summary")
        thoughts = _PARAGRAPH.join(part["text"] for part in parts if part["text"]) if parts else ""
        if sealed and not thoughts:
            self._dropped["reasoning that was not encrypted here"] += 1
        return thoughts

    # --- calls and their outputs

    def _any_call(self, item: AnyCall | SearchCall | McpCall) -> None:
        if item["type"] == "tool_search_call" and not _is_the_clients(item):
            self._dropped["tool_search_call from the history"] += 1
            return
        tool, arguments = CALLS[item["type"]](item)
        name = self._names.name_of(tool)
        if item["type"] == "mcp_call":
            self._call(item["id"], name, arguments, output_of_mcp_call(item))
            return
        self._call(item["call_id"] or "", name, arguments)
        if item["type"] == "local_shell_call" and (own_id := item.get("id")):
            self._call_id_of[own_id] = item["call_id"]

    def _call(self, wanted_id: str, name: str, arguments: str, output: str | None = None) -> None:
        turn = self._turn_that_calls()
        call_id = wanted_id if wanted_id not in self._call_ids else self._numbered(wanted_id)
        self._call_ids.add(call_id)
        if self._recollection is not None and not turn.reasoning and turn.recalled is None:
            turn.recalled = self._recollection.recall(wanted_id, name, arguments)
        function = {"name": name, "arguments": object_text(arguments)}
        turn.calls.append({"id": call_id, "type": "function", "function": function})
        said = NO_OUTPUT if output is None else output
        answer = {"role": "tool", "tool_call_id": call_id, "content": said}
        turn.answers.append(answer)
        if output is not None:
            return
        if wanted_id in self._unanswered:
            self._queue.setdefault(wanted_id, []).append(answer)
        else:
            self._unanswered[wanted_id] = answer

    def _turn_that_calls(self) -> Turn:
        turn = self._open_turn
        if turn is None:
            return self._new_turn()
        said = turn.said_before
        if said is None or not turn.is_empty:
            return turn
        # a text, reasoning and a call with nothing between: one turn, and this its reasoning
        self._blocks.pop()
        said.think(turn.reasoning)
        self._open_turn = said
        return said

    def _function_name(self, name: str) -> str:
        named = self._names.name_of(ToolId(ToolKind.FUNCTION, name))
        self._function_names[name] = named
        return named

    def _numbered(self, call_id: str) -> str:
        """A reused call id is refused upstream: the second and later ones are numbered."""
        unused = call_id
        while unused in self._call_ids:
            self._numbers[call_id] += 1
            unused = f"{call_id}_{self._numbers[call_id] + 1}"
        return unused

    def _any_output(self, item: AnyOutput, index: int) -> None:
        content = OUTPUTS[item["type"]](item)
        self._output(item.get("call_id") or self._named_by_item(item), content, index)

    def _found(self, item: LaterTools, index: int) -> None:
        """What a search found is told where the client did it: else nobody called for it."""
        call_id = item.get("call_id") or ""
        if call_id in self._unanswered:
            self._output(call_id, output_of_search(item), index)

    def _output(self, call_id: str, content: str | list[AnyPart], index: int) -> None:
        output: str | list[ChatPart]
        if isinstance(content, str):
            output = content
        else:
            output = chat_parts(content, f"input[{index}].output")
            self._has_parts = True
        answer = self._unanswered.pop(call_id, None)
        if answer is None:
            self._orphan(call_id, output)
            return
        answer["content"] = output
        self._open_turn = None
        if call_id in self._queue:
            self._next_in_queue(call_id)

    def _next_in_queue(self, call_id: str) -> None:
        """The next call of the same id is the one whose output comes next."""
        queue = self._queue[call_id]
        self._unanswered[call_id] = queue.pop(0)
        if not queue:
            del self._queue[call_id]

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
        self._block("user", [part for part in parts if part.get("text") != ""])

    def _new_turn(self) -> Turn:
        turn = self._open_turn = Turn()
        self._blocks.append(turn)
        return turn

    # --- writing it down

    def write(self) -> Conversation:
        """The messages."""
        messages: list[ChatMessage] = []
        has_called = has_reasoning = lacks_reasoning = has_user = False
        for block in self._blocks:
            if isinstance(block, dict):
                messages.append(block)
                has_user = has_user or block["role"] == "user"
            elif (message := block.message()) is not None:
                messages.append(message)
                messages += block.tool_messages() if self._has_parts else block.answers
                has_called = has_called or bool(block.calls)
                is_reasoned = "reasoning_content" in message
                has_reasoning = has_reasoning or is_reasoned
                lacks_reasoning = lacks_reasoning or (has_called and not is_reasoned)
        if self._system and not messages:
            # Nobody has spoken but the system: what it said last is what is to be answered.
            messages.append({"role": "user", "content": self._system.pop()})
            has_user = True
        if self._system:
            messages.insert(0, {"role": "system", "content": _PARAGRAPH.join(self._system)})
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


def _joint_text(content: str | list[AnyPart], where: str) -> str:
    """What the assistant said, put together."""
    texts, rest = split_text(chat_parts(content, where))
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
    for index, item in enumerate(content):
        gathering.add(item, index)
    return gathering.write()
