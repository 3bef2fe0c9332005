"""The output items of a streamed answer: each announces itself, grows, and closes.

An item is made with its place in the output, writes ``response.output_item.added``
at once, and ``response.output_item.done`` when it closes; whatever belongs to
it comes between. Nothing about it changes in between but its text. ``close``
gives the finished item, as the final Response repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from addon.translate.events import DeltaRun, EventWriter
from addon.translate.response import OutputItem

ItemStatus: TypeAlias = Literal["completed", "incomplete"]


class _Item:
    """What all items share: their id, their place, the first and the last event."""

    __slots__ = ("id", "output_index", "writer")

    def __init__(self, writer: EventWriter, item_id: str, output_index: int) -> None:
        self.writer = writer
        self.id = item_id
        self.output_index = output_index

    def place(self, **more: int) -> dict[str, str | int]:
        return {"item_id": self.id, "output_index": self.output_index, **more}

    def announce(self, item: OutputItem) -> None:
        self.writer.event(
            "response.output_item.added", {"output_index": self.output_index, "item": item}
        )

    def done(self, item: OutputItem) -> OutputItem:
        self.writer.event(
            "response.output_item.done", {"output_index": self.output_index, "item": item}
        )
        return item


class ReasoningItem(_Item):
    """The model's reasoning, as a summary of one part: clients show summaries."""

    __slots__ = ("run",)

    def __init__(self, writer: EventWriter, item_id: str, output_index: int) -> None:
        super().__init__(writer, item_id, output_index)
        self.announce(self._item("in_progress", []))
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
        return self.done(self._item(status, [part]))

    def _item(self, status: str, summary: list[dict[str, str]]) -> OutputItem:
        return {"id": self.id, "type": "reasoning", "status": status, "summary": summary}


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


class MessageItem(_Item):
    """The assistant's message: parts of text, and of refusal, one open at a time."""

    __slots__ = ("_closed_parts", "_kind", "run")

    def __init__(
        self, writer: EventWriter, item_id: str, output_index: int, kind: PartKind
    ) -> None:
        super().__init__(writer, item_id, output_index)
        self._closed_parts: list[dict[str, Any]] = []
        self.announce(self._item("in_progress"))
        self._open_part(kind)

    def append(self, text: str, kind: PartKind) -> None:
        """More of the message; another ``kind`` than before begins another part."""
        if self._kind is not kind:
            self._close_part()
            self._open_part(kind)
        self.run.append(text)

    def close(self, status: ItemStatus) -> OutputItem:
        """Closes the open part and the item."""
        self._close_part()
        return self.done(self._item(status))

    def _open_part(self, kind: PartKind) -> None:
        self._kind = kind
        self.writer.event(
            "response.content_part.added", {**self._part_place(), "part": kind.part("")}
        )
        self.run = DeltaRun(
            self.writer, f"{kind.events}.delta", self._part_place(), **kind.beside_delta
        )

    def _close_part(self) -> None:
        kind, text, place = self._kind, self.run.close(), self._part_place()
        part = kind.part(text)
        self.writer.event(f"{kind.events}.done", {**place, kind.member: text, **kind.beside_delta})
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


class FunctionCallItem(_Item):
    """A call of one of the client's functions. Its id and name are known from the start."""

    __slots__ = ("_call_id", "_name", "run")

    def __init__(
        self, writer: EventWriter, item_id: str, output_index: int, *, call_id: str, name: str
    ) -> None:
        super().__init__(writer, item_id, output_index)
        self._call_id = call_id
        self._name = name
        self.announce(self._item("in_progress", ""))
        self.run = DeltaRun(writer, "response.function_call_arguments.delta", self.place())

    def close(self, status: ItemStatus) -> OutputItem:
        """Closes the arguments and the item."""
        if self.run.is_empty and status == "completed":
            # No arguments at all is not JSON; every client parses it.
            self.run.append("{}")
        arguments = self.run.close()
        self.writer.event(
            "response.function_call_arguments.done", {**self.place(), "arguments": arguments}
        )
        return self.done(self._item(status, arguments))

    def _item(self, status: str, arguments: str) -> OutputItem:
        return {
            "id": self.id,
            "type": "function_call",
            "status": status,
            "call_id": self._call_id,
            "name": self._name,
            "arguments": arguments,
        }
