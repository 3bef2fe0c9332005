"""Chat messages in the making, in an order that every service takes.

Theory of operation. Reasoning, text and calls of the assistant's that stand side by side are
one *turn*, and one message: it stays open until somebody else speaks, or a call is answered.

    a text       begins a turn
    a call       joins the open turn, or begins one
    reasoning    joins a turn with calls; else it waits, since whose it is will show:
                 the next text would be another turn's, the next call is of the open one

Each call has its tool message from the start, behind those of its turn, and an output finds it
by the id of the call. So an order that Chat would refuse cannot be written.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from addon.translate.content import ChatPart, split_text
from addon.translate.past_calls import object_text
from addon.translate.reasoning import Recollection

ChatMessage: TypeAlias = dict[str, Any]

NO_OUTPUT: Final = "[no output: the call was interrupted]"
PARAGRAPH: Final = "\n\n"
"""What divides the pieces of one text."""

_SEE_BELOW: Final = "[the output follows in the next message]"


class Dialogue:
    """What user, assistant, tools and later system messages say, in order."""

    __slots__ = (
        "_call_ids",
        "_calls",
        "_has_parts",
        "_messages",
        "_numbers",
        "_queue",
        "_recollection",
        "_thoughts",
        "_turn",
        "_unanswered",
        "has_user",
        "turns",
    )

    def __init__(self, reasoning: Recollection | None) -> None:
        """``reasoning``: where that of a turn with calls is looked for, if it comes without."""
        self._recollection = reasoning
        self._messages: list[ChatMessage] = []
        self.turns: list[ChatMessage] = []
        """Those of the assistant; reasoning is a list of its pieces as yet, or remembered."""
        self.has_user = False
        """Whether a user has spoken."""
        self._turn: ChatMessage | None = None
        """The open one."""
        self._calls: list[dict[str, Any]] | None = None
        """Its calls, if it has any."""
        self._thoughts: list[str] = []
        """Reasoning that waits."""
        self._call_ids: set[str] = set()
        self._unanswered: dict[str, ChatMessage] = {}
        """The tool messages that wait for their output, by the id that the client gave the call."""
        self._queue: dict[str, deque[ChatMessage]] = {}
        """Those whose id is waited for already."""
        self._numbers: Counter[str] = Counter()
        self._has_parts = False
        """Whether an output holds what a tool message cannot."""

    @property
    def has_begun(self) -> bool:
        """Whether anybody has spoken."""
        return bool(self._messages)

    def speak(self, role: str, content: str | list[ChatPart]) -> None:
        """A message of the user's, or of the system's; an empty one is left out."""
        if content:
            self.has_user = self.has_user or role == "user"
            self._turn = self._calls = None
            if self._thoughts:
                self._thoughts = []
            self._messages.append({"role": role, "content": content})

    def say(self, text: str) -> None:
        """A text of the assistant's."""
        if text:
            self._begin_turn(text)

    def think(self, thoughts: str) -> None:
        """Reasoning of the assistant's."""
        if self._turn is None or self._calls is None:
            self._thoughts.append(thoughts)
        else:
            _add_thoughts(self._turn, [thoughts])

    def call(self, wanted_id: str, name: str, arguments: str, output: str | None = None) -> None:
        """A call, and its ``output`` where that comes with it."""
        turn = self._turn or self._begin_turn(None)
        calls = self._calls
        if calls is None:
            calls = self._begin_calls(turn)
        call_id = wanted_id if wanted_id not in self._call_ids else self._numbered(wanted_id)
        self._call_ids.add(call_id)
        function = {"name": name, "arguments": object_text(arguments)}
        calls.append({"id": call_id, "type": "function", "function": function})
        if self._recollection is not None and "reasoning_content" not in turn:
            recalled = self._recollection.recall(wanted_id, name, arguments)
            if recalled:
                _set_reasoning(turn, recalled)
        said = NO_OUTPUT if output is None else output
        answer = {"role": "tool", "tool_call_id": call_id, "content": said}
        self._messages.append(answer)
        if output is not None:
            return
        if wanted_id in self._unanswered:
            self._queue.setdefault(wanted_id, deque()).append(answer)
        else:
            self._unanswered[wanted_id] = answer

    def waits_for(self, call_id: str) -> bool:
        """Whether a call of that id has no output yet."""
        return call_id in self._unanswered

    def answer(self, call_id: str, output: str | list[ChatPart]) -> bool:
        """The output of a call; False: no call of that id waits for it."""
        answer = self._unanswered.pop(call_id, None)
        if answer is None:
            return False
        answer["content"] = output
        self._turn = self._calls = None
        if self._thoughts:
            self._thoughts = []
        if call_id in self._queue:
            # the next call of the same id is the one whose output comes next
            queue = self._queue[call_id]
            self._unanswered[call_id] = queue.popleft()
            if not queue:
                del self._queue[call_id]
        if not isinstance(output, str):
            self._has_parts = True
        return True

    def messages(self) -> list[ChatMessage]:
        """All that was said; nothing more will come."""
        for turn in self.turns:
            thoughts = turn.get("reasoning_content")
            if isinstance(thoughts, list):
                turn["reasoning_content"] = PARAGRAPH.join(thoughts)
        return list(_with_parts_behind(self._messages)) if self._has_parts else self._messages

    def _begin_turn(self, text: str | None) -> ChatMessage:
        turn: ChatMessage = {"role": "assistant", "content": text}
        if self._thoughts:
            turn["reasoning_content"], self._thoughts = self._thoughts, []
        self._messages.append(turn)
        self.turns.append(turn)
        self._turn = turn
        self._calls = None
        return turn

    def _begin_calls(self, turn: ChatMessage) -> list[dict[str, Any]]:
        if self._thoughts:
            # a text, reasoning and a call with nothing between: this is the text's reasoning too
            _add_thoughts(turn, self._thoughts)
            self._thoughts = []
        calls: list[dict[str, Any]] = []
        turn["tool_calls"] = self._calls = calls
        return calls

    def _numbered(self, call_id: str) -> str:
        """A reused call id is refused upstream: the second and later ones are numbered."""
        unused = call_id
        while unused in self._call_ids:
            self._numbers[call_id] += 1
            unused = f"{call_id}_{self._numbers[call_id] + 1}"
        return unused


def _add_thoughts(turn: ChatMessage, thoughts: list[str]) -> None:
    """More reasoning for ``turn``; what was only remembered gives way to it."""
    known = turn.get("reasoning_content")
    if isinstance(known, list):
        known += thoughts
    else:
        _set_reasoning(turn, thoughts)


def _set_reasoning(turn: ChatMessage, reasoning: str | list[str]) -> None:
    """It stands before the calls, whenever it comes."""
    calls = turn.pop("tool_calls", None)
    turn["reasoning_content"] = reasoning
    if calls is not None:
        turn["tool_calls"] = calls


def _with_parts_behind(messages: list[ChatMessage]) -> Iterator[ChatMessage]:
    """``messages``; what a tool message cannot hold follows its turn in a message of the user's."""
    names: dict[str, str] = {}
    parts: list[ChatPart] = []
    for message in messages:
        if message["role"] != "tool":
            if parts:
                yield {"role": "user", "content": parts}
            names = {call["id"]: call["function"]["name"] for call in message.get("tool_calls", ())}
            parts = []
        elif isinstance(message["content"], list):
            texts, rest = split_text(message["content"])
            message["content"] = "\n".join(texts) or (_SEE_BELOW if rest else "")
            if rest:
                call_id = message["tool_call_id"]
                title = f"Output of {names[call_id]} ({call_id}):"
                parts += [{"type": "text", "text": title}, *rest]
        yield message
    if parts:
        yield {"role": "user", "content": parts}
