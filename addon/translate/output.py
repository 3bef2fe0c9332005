"""The output of one answer while it grows: which items are open, and which piece opens which.

    piece       goes to              which closes
    reasoning   the reasoning item   an open message
    text        the message          an open reasoning item
    refusal     the message          an open reasoning item
    call        its own call item    an open message, an open reasoning item

At most one reasoning item or message is open. Calls stay open till the end,
since upstreams interleave them. Items get their places in the order in which
the client learns of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Literal

from addon.translate.calls import CallsInProgress, PendingCall
from addon.translate.events import EventWriter
from addon.translate.items import (
    REFUSAL,
    TEXT,
    FunctionCallItem,
    ItemStatus,
    MessageItem,
    PartKind,
    ReasoningItem,
)
from addon.translate.response import OutputItem


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
        "_blank",
        "_call_ids",
        "_calls",
        "_item_ids",
        "_message",
        "_places",
        "_reasoning",
        "_writer",
    )

    def __init__(self, writer: EventWriter, item_ids: str) -> None:
        """``item_ids`` is what is random in the ids of this answer's items."""
        self._writer = writer
        self._item_ids = item_ids
        self._places: list[OutputItem | None] = []
        """One for each item, filled when the item closes."""
        self._reasoning: ReasoningItem | None = None
        self._message: MessageItem | None = None
        self._calls = CallsInProgress()
        self._call_ids: set[str] = set()
        self._blank = ""
        """White space that came after calls: it counts once text follows."""

    @property
    def is_empty(self) -> bool:
        """Whether the client knows of no item yet."""
        return not self._places

    def items(self) -> list[OutputItem]:
        """The items that are closed, in order."""
        return [item for item in self._places if item is not None]

    def think(self, text: str) -> None:
        """More reasoning."""
        item = self._reasoning
        if item is None:
            self._close_message("completed")
            index = self._new_place()
            item = self._reasoning = ReasoningItem(self._writer, self._id("rs", index), index)
        item.run.append(text)

    def say(self, text: str) -> None:
        """More text."""
        if self._message is not None:
            self._message.append(text, TEXT)
            return
        if self._calls.any_announced:
            if text.isspace():
                self._blank += text
                return
            text, self._blank = self._blank + text, ""
        self._open_message(TEXT).append(text, TEXT)

    def refuse(self, text: str) -> None:
        """More of a refusal."""
        message = self._message or self._open_message(REFUSAL)
        message.append(text, REFUSAL)

    def call(self, fragment: Mapping[str, Any], *, is_last: bool) -> None:
        """A piece of a tool call, as it stands in a delta's ``tool_calls``."""
        call = self._calls.receive(fragment, is_last=is_last)
        if call is None:
            return
        if call.item is not None:
            call.hand_over()
        elif call.can_be_announced:
            self._announce(call)

    def repeats(self, kind: Literal["reasoning", "message"], text: str) -> bool:
        """Whether ``text`` is once more all that was said: some services end so.

        A text that is still open and came in one piece may be said twice in earnest.
        """
        open_item = self._message if kind == "message" else self._reasoning
        if open_item is not None:
            return open_item.run.is_repeated_by(text)
        closed = (item for item in self._places if item is not None and item["type"] == kind)
        return any(_said(item) == text for item in closed)

    def announce_calls(self) -> bool:
        """Announces what lacked an id till the end; False where a call has no name."""
        for call in self._calls.unannounced():
            if not call.name:
                return False
            self._announce(call)
        return True

    def close_all(self, how: Close) -> None:
        """Closes what is open."""
        last: ItemStatus = "completed" if how is Close.WHOLE else "incomplete"
        calls = self._calls.announced()
        newest = None if self._message or self._reasoning or not calls else calls[-1]
        self._close_reasoning(last)
        self._close_message(last)
        for item in calls:
            is_whole = how is not Close.BROKEN and item is not newest
            self._places[item.output_index] = item.close("completed" if is_whole else last)

    def _open_message(self, kind: PartKind) -> MessageItem:
        self._close_reasoning("completed")
        index = self._new_place()
        message = MessageItem(self._writer, self._id("msg", index), index, kind)
        self._message = message
        return message

    def _announce(self, call: PendingCall) -> None:
        self._close_reasoning("completed")
        self._close_message("completed")
        index = self._new_place()
        call_id = call.call_id
        if call_id is None or call_id in self._call_ids:
            call_id = self._id("call", index)
        self._call_ids.add(call_id)
        item = FunctionCallItem(
            self._writer, self._id("fc", index), index, call_id=call_id, name=call.name
        )
        call.announce(item)

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
