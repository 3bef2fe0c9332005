"""The output of one answer while it grows: which items are open, and which piece opens which.

    piece       goes to              which closes
    reasoning   the reasoning item   an open message
    text        the message          an open reasoning item
    refusal     the message          an open reasoning item
    call        its own call item    an open message, an open reasoning item

At most one reasoning item or message is open. Calls stay open till the end,
since upstreams interleave them. Items get their places in the order in which
the client learns of them: of a call of its shell or patch tool it learns at the end, when
it is whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Literal

from addon.translate.actions import Action, action_in, has_action
from addon.translate.call_items import ActionCallItem, CustomToolCallItem, FunctionCallItem
from addon.translate.calls import CallsInProgress, PendingCall
from addon.translate.events import EventWriter
from addon.translate.items import (
    REFUSAL,
    TEXT,
    ItemStatus,
    MessageItem,
    PartKind,
    ReasoningItem,
)
from addon.translate.logprobs import Logprobs
from addon.translate.needs import AnswerNeeds
from addon.translate.profile import NEVER_CALLED
from addon.translate.reasoning import Recollection
from addon.translate.refusal import shortened
from addon.translate.response import OutputItem
from addon.translate.shortcut import Follow, Piece
from addon.translate.tool_names import ToolKind


class Close(Enum):
    """How an answer ended, for the items that are open."""

    WHOLE = auto()
    """All of them are completed."""
    CUT_SHORT = auto()
    """A limit was reached: the newest is incomplete."""
    BROKEN = auto()
    """It failed: all of them are incomplete."""


class Output:
    """The items of one answer. Takes pieces; ``close_all`` ends it."""

    __slots__ = (
        "_actions",
        "_blank",
        "_call_ids",
        "_calls",
        "_item_ids",
        "_message",
        "_needs",
        "_places",
        "_reasoning",
        "_recollection",
        "_writer",
    )

    def __init__(
        self, writer: EventWriter, item_ids: str, needs: AnswerNeeds, recollection: Recollection
    ) -> None:
        """``item_ids`` is what is random in the ids of this answer's items."""
        self._writer = writer
        self._item_ids = item_ids
        self._needs = needs
        self._recollection = recollection
        self._places: list[OutputItem | None] = []
        """One for each item, filled when the item closes."""
        self._reasoning: ReasoningItem | None = None
        self._message: MessageItem | None = None
        self._calls = CallsInProgress()
        self._actions: list[tuple[PendingCall, ActionCallItem]] = []
        """The calls of the shell or patch tool that the client knows of."""
        self._call_ids: set[str] = set()
        """Those that the client knows of."""
        self._blank = ""
        """White space that came after calls: it counts once text follows."""

    @property
    def is_empty(self) -> bool:
        """Whether the client knows of no item yet."""
        return not self._places

    def items(self) -> list[OutputItem]:
        """The items that are closed, in order."""
        return [item for item in self._places if item is not None]

    # --- pieces

    def think(self, text: str) -> None:
        """More reasoning."""
        item = self._reasoning
        if item is None:
            self._close_message("completed")
            index = self._new_place()
            seal = self._recollection.seal if self._needs.wants_sealed_reasoning else None
            item = ReasoningItem(self._writer, self._id("rs", index), index, seal)
            self._reasoning = item
        item.run.append(text)

    def say(self, text: str, logprobs: Logprobs | None = None) -> None:
        """More text, and what there is to say of its tokens."""
        message = self._message
        if message is None:
            if not text:
                return
            if self._call_ids:
                if text.isspace():
                    self._blank += text
                    return
                text, self._blank = self._blank + text, ""
            message = self._open_message(TEXT)
        if logprobs:
            message.append_with(text, logprobs)
        else:
            message.run_of(TEXT).append(text)

    def refuse(self, text: str) -> None:
        """More of a refusal."""
        message = self._message or self._open_message(REFUSAL)
        message.run_of(REFUSAL).append(text)

    def call(self, fragment: Mapping[str, Any], *, is_last: bool) -> None:
        """A piece of a tool call, as it stands in a delta's ``tool_calls``."""
        call = self._calls.receive(fragment, is_last=is_last)
        if call is not None and call.item is None and self._can_be_announced(call):
            self._announce(call)

    def follow_by(self, piece: Piece) -> Follow | None:
        """What takes more pieces like this one, which was the last that came."""
        if piece.kind == "content":
            return self._message.run_of(TEXT).follow if self._message else None
        if piece.kind == "reasoning":
            return self._reasoning.run.follow if self._reasoning else None
        item = self._calls.goes_to(piece.fragment) if piece.fragment else None
        return item.follow if item else None

    def repeats(self, kind: Literal["reasoning", "message"], text: str) -> bool:
        """Whether ``text`` is once more all that was said: some services end so.

        A short text that is still open and came in one piece may be said twice in earnest.
        """
        if kind == "message" and self._message is not None:
            return self._message.is_repeated_by(text)
        if kind == "reasoning" and self._reasoning is not None:
            return self._reasoning.run.is_repeated_by(text)
        closed = (item for item in self._places if item is not None and item["type"] == kind)
        return any(_said(item) == text for item in closed)

    # --- the end

    def tell_the_rest(self, how: Close) -> str | None:
        """Tells of the calls that the client does not know of; the answer did not break off.

        Gives the fault of one that cannot be told. Where the answer was cut short, so was that.
        """
        held_back = self._calls.unannounced()
        for call in held_back:
            fault = self._tell(call)
            if fault and how is Close.WHOLE:
                return fault
        if held_back and self.is_empty and how is Close.WHOLE:
            # Nothing but calls that are nobody's: clients expect an item.
            self._open_message(TEXT)
        return None

    def close_all(self, how: Close) -> None:
        """Closes what is open."""
        last: ItemStatus = "completed" if how is Close.WHOLE else "incomplete"
        calls = self._calls.announced()
        newest = None if self._message or self._reasoning or not calls else calls[-1]
        self._close_reasoning(last)
        self._close_message(last)
        for call in calls:
            is_whole = how is not Close.BROKEN and call is not newest
            _, item = call
            self._places[item.output_index] = item.close("completed" if is_whole else last)
        if how is not Close.BROKEN:
            self._remember([*calls, *self._actions])

    def _remember(self, calls: list[tuple[PendingCall, FunctionCallItem | ActionCallItem]]) -> None:
        """Keeps the reasoning that led to ``calls``, unless all of it travels with the client."""
        thoughts = [item for item in self.items() if item["type"] == "reasoning"]
        if calls and not all(item.get("encrypted_content") for item in thoughts):
            keys = [(item.call_id, call.name, item.arguments()) for call, item in calls]
            self._recollection.remember(keys, "".join(map(_said, thoughts)))

    # --- calls

    def _can_be_announced(self, call: PendingCall) -> bool:
        """Whether all is known that the client must be told, and the rest may come in pieces."""
        return (
            call.can_be_announced
            and call.name != NEVER_CALLED
            and not has_action(self._needs.tools.tool_of(call.name).kind)
        )

    def _tell(self, call: PendingCall) -> str | None:
        """Tells of a call of which no more will come; gives the fault of one that is none."""
        if call.name == NEVER_CALLED:
            return None
        if not call.name:
            return "The upstream sent a tool call without a name."
        tool = self._needs.tools.tool_of(call.name)
        if not has_action(tool.kind):
            self._announce(call)
            return None
        arguments = call.waiting
        action = action_in(arguments, tool.kind)
        if action is None:
            return (
                f"The model called the tool {tool.name!r} with arguments that do not fit it: "
                f"{shortened(arguments)}"
            )
        self._tell_of_action(call, tool.kind, action)
        return None

    def _announce(self, call: PendingCall) -> None:
        tool = self._needs.tools.tool_of(call.name)
        is_custom = tool.kind is ToolKind.CUSTOM
        index, call_id = self._place_for(call)
        item_id = self._id("ctc" if is_custom else "fc", index)
        kind = CustomToolCallItem if is_custom else FunctionCallItem
        call.announce(kind(self._writer, item_id, index, call_id, tool))

    def _tell_of_action(self, call: PendingCall, kind: ToolKind, action: Action) -> None:
        index, call_id = self._place_for(call)
        item = ActionCallItem(self._writer, self._id("sh", index), index, call_id, kind, action)
        self._places[index] = item.tell()
        self._actions.append((call, item))

    def _place_for(self, call: PendingCall) -> tuple[int, str]:
        """The place of a call, and the id by which the client is to know it."""
        self._close_reasoning("completed")
        self._close_message("completed")
        index = self._new_place()
        call_id = call.call_id
        if call_id is None or call_id in self._call_ids:
            call_id = self._id("call", index)
        self._call_ids.add(call_id)
        return index, call_id

    # --- items

    def _open_message(self, kind: PartKind) -> MessageItem:
        self._close_reasoning("completed")
        index = self._new_place()
        message = MessageItem(self._writer, self._id("msg", index), index, kind)
        self._message = message
        return message

    def _close_reasoning(self, status: ItemStatus) -> None:
        item, self._reasoning = self._reasoning, None
        if item is not None:
            self._places[item.output_index] = item.close(status)

    def _close_message(self, status: ItemStatus) -> None:
        item, self._message = self._message, None
        if item is not None:
            self._places[item.output_index] = item.close(status)

    def _new_place(self) -> int:
        self._places.append(None)
        return len(self._places) - 1

    def _id(self, prefix: str, index: int) -> str:
        return f"{prefix}_{self._item_ids}{index:04x}"


def _said(item: OutputItem) -> str:
    """The text of a closed item."""
    parts = item["summary"] if item["type"] == "reasoning" else item["content"]
    return "".join(part.get("text", "") for part in parts)
