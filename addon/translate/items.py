"""The output items of a streamed answer: each announces itself, grows, and closes.

An item is made with its place in the output, writes ``response.output_item.added``
at once, and ``response.output_item.done`` when it closes; whatever belongs to
it comes between. Nothing about it changes in between but its text. ``close``
gives the finished item, as the final Response repeats it. The calls are in
``call_items``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from addon.translate.events import DeltaRun, EventWriter
from addon.translate.logprobs import Logprobs
from addon.translate.response import OutputItem

ItemStatus: TypeAlias = Literal["completed", "incomplete"]
Seal: TypeAlias = Callable[[str], str | None]
"""Makes a text fit to travel with the client; None where it cannot be done."""


class Item:
    """What all items share: their id, their place, the first and the last event."""

    __slots__ = ("id", "output_index", "writer")

    def __init__(self, writer: EventWriter, item_id: str, output_index: int) -> None:
        self.writer = writer
        self.id = item_id
        self.output_index = output_index

    def place(self, **more: int) -> dict[str, str | int]:
        """What says in an event which item it is about."""
        return {"item_id": self.id, "output_index": self.output_index, **more}

    def announce(self, item: OutputItem) -> None:
        """The first event."""
        self.writer.event(
            "response.output_item.added", {"output_index": self.output_index, "item": item}
        )

    def done(self, item: OutputItem) -> OutputItem:
        """The last event."""
        self.writer.event(
            "response.output_item.done", {"output_index": self.output_index, "item": item}
        )
        return item


class ReasoningItem(Item):
    """The model's reasoning, as a summary of one part: clients show summaries."""

    __slots__ = ("_seal", "run")

    def __init__(
        self, writer: EventWriter, item_id: str, output_index: int, seal: Seal | None
    ) -> None:
        """``seal``: where the client wants ``encrypted_content``."""
        super().__init__(writer, item_id, output_index)
        self._seal = seal
        self.announce(self._item("in_progress", [], None))
        place = self.place(summary_index=0)
        part = {"type": "summary_text", "text": ""}
        writer.event("response.reasoning_summary_part.added", {**place, "part": part})
        self.run = DeltaRun(writer, "response.reasoning_summary_text.delta", place)

    def close(self, status: ItemStatus) -> OutputItem:
        """Closes the summary and the item."""
        text = self.run.close()
        place = self.place(summary_index=0)
        part = {"type": "summary_text", "text": text}
        self.writer.event("response.reasoning_summary_text.done", {**place, "text": text})
        self.writer.event("response.reasoning_summary_part.done", {**place, "part": part})
        sealed = self._seal(text) if self._seal is not None else None
        return self.done(self._item(status, [part], sealed))

    def _item(self, status: str, summary: list[dict[str, str]], sealed: str | None) -> OutputItem:
        item: OutputItem = {
            "id": self.id,
            "type": "reasoning",
            "status": status,
            "summary": summary,
        }
        if self._seal is not None:
            item["encrypted_content"] = sealed
        return item


@dataclass(frozen=True, slots=True)
class PartKind:
    """One type of part in a message: what its events and members are called."""

    type: str
    events: str
    member: str
    beside_text: Mapping[str, Any]
    """What the part has beside its text."""
    beside_delta: Mapping[str, Any]
    """What its delta and done events have beside the text."""

    def part(self, text: str) -> dict[str, Any]:
        """The part, with ``text`` in it."""
        return {"type": self.type, self.member: text, **self.beside_text}


TEXT: Final = PartKind(
    type="output_text",
    events="response.output_text",
    member="text",
    beside_text={"annotations": [], "logprobs": []},
    beside_delta={"logprobs": []},
)
REFUSAL: Final = PartKind(
    type="refusal", events="response.refusal", member="refusal", beside_text={}, beside_delta={}
)


class MessageItem(Item):
    """The assistant's message: parts of text, and of refusal, one open at a time."""

    __slots__ = ("_closed_parts", "_kind", "_logprobs", "_run", "_unsent")

    def __init__(
        self, writer: EventWriter, item_id: str, output_index: int, kind: PartKind
    ) -> None:
        super().__init__(writer, item_id, output_index)
        self._closed_parts: list[dict[str, Any]] = []
        self._logprobs: Logprobs = []
        """Of the open part."""
        self._unsent: Logprobs = []
        """Those of half a character: they go with the other half."""
        self.announce(self._item("in_progress"))
        self._open_part(kind)

    def run_of(self, kind: PartKind) -> DeltaRun:
        """What takes more text of ``kind``; another than before begins another part."""
        if self._kind is not kind:
            self._close_part()
            self._open_part(kind)
        return self._run

    def append_with(self, text: str, logprobs: Logprobs) -> None:
        """More text, with what there is to say of its tokens."""
        number = self.writer.sequence_number
        self._unsent += logprobs
        self._logprobs += logprobs
        self.run_of(TEXT).append_with(text, logprobs=self._unsent)
        if self.writer.sequence_number > number:
            self._unsent = []

    def is_repeated_by(self, text: str) -> bool:
        """Whether ``text`` is all of the open part once more."""
        return self._run.is_repeated_by(text)

    def close(self, status: ItemStatus) -> OutputItem:
        """Closes the open part and the item."""
        self._close_part()
        return self.done(self._item(status))

    def _open_part(self, kind: PartKind) -> None:
        self._kind = kind
        self.writer.event(
            "response.content_part.added", {**self._part_place(), "part": kind.part("")}
        )
        self._run = DeltaRun(
            self.writer, f"{kind.events}.delta", self._part_place(), **kind.beside_delta
        )

    def _close_part(self) -> None:
        kind, text, place = self._kind, self._run.close(), self._part_place()
        part, beside = kind.part(text), kind.beside_delta
        if self._logprobs:
            logprobs, self._logprobs = {"logprobs": self._logprobs}, []
            part, beside = {**part, **logprobs}, logprobs
        self.writer.event(f"{kind.events}.done", {**place, kind.member: text, **beside})
        self.writer.event("response.content_part.done", {**place, "part": part})
        self._closed_parts.append(part)

    def _part_place(self) -> dict[str, str | int]:
        return self.place(content_index=len(self._closed_parts))

    def _item(self, status: str) -> OutputItem:
        return {
            "id": self.id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": list(self._closed_parts),
        }
