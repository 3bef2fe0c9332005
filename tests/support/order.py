"""The order rules of a Responses stream, which no schema can say.

A stream is ``response.created``, ``response.in_progress``, then items, then one terminal event. An
item is opened by ``output_item.added`` and closed by ``output_item.done``; in between it grows
parts (``content_part``, ``reasoning_summary_part``), each opened and closed likewise; and a part,
or the item itself where it is a call, grows one text by deltas, closed by a ``done`` that repeats
it whole. Two tables say which part grows in which item and which text in which part; the rest is
one rule for all: nothing before its ``added``, nothing after its ``done``, and what was closed is
what the end shows. Items may overlap. (OpenAI's Responses reference, "Streaming events".) The
commands of a shell call are each such a text, in an item that grows a list of them.

Payloads must have passed ``openai_types`` first: fields are taken to be there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _PartKind:
    """How parts of an item are announced."""

    index: str
    """The event field that counts them."""
    list: str
    """The item field that holds them in the end."""
    items: frozenset[str]
    """The types of item that grow them."""


@dataclass(frozen=True, slots=True)
class _TextKind:
    """How one text is streamed."""

    value: str
    """The field that holds it whole: in the ``done`` event, and in its part or item."""
    part: str | None
    """The type of part that it grows in; None: it grows in the item itself."""
    item: str | None = None
    """The type of item that it grows in, where it grows in no part."""


_CONTENT: Final = _PartKind("content_index", "content", frozenset({"message", "reasoning"}))
_SUMMARY: Final = _PartKind("summary_index", "summary", frozenset({"reasoning"}))

_PARTS: Final[Mapping[str, _PartKind]] = {
    "response.content_part": _CONTENT,
    "response.reasoning_summary_part": _SUMMARY,
}

_TEXTS: Final[Mapping[str, _TextKind]] = {
    "response.output_text": _TextKind("text", "output_text"),
    "response.refusal": _TextKind("refusal", "refusal"),
    "response.reasoning_text": _TextKind("text", "reasoning_text"),
    "response.reasoning_summary_text": _TextKind("text", "summary_text"),
    "response.function_call_arguments": _TextKind("arguments", None, "function_call"),
    "response.custom_tool_call_input": _TextKind("input", None, "custom_tool_call"),
}

_PART_KIND_OF: Final[Mapping[str, _PartKind]] = {
    "output_text": _CONTENT,
    "refusal": _CONTENT,
    "reasoning_text": _CONTENT,
    "summary_text": _SUMMARY,
}

_COMMAND: Final = "response.shell_call_command"
_SHELL: Final = "shell_call"

_CONSTANT: Final = ("id", "type", "role", "call_id", "name", "namespace", "operation")
"""Fields of an item that may not change between its ``added`` and its ``done``."""

_TERMINAL: Final[Mapping[str, str]] = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}

_CHANGING: Final = frozenset(
    {"status", "output", "usage", "error", "incomplete_details", "completed_at"}
)
"""Fields of the response that may differ from one lifecycle event to the next."""


@dataclass(slots=True)
class _Text:
    """One text while it grows."""

    value: str
    """The field that holds it whole."""
    deltas: list[str] = field(default_factory=list)
    logprobs: list[object] = field(default_factory=list)
    closed: str | None = None


@dataclass(slots=True)
class _Part:
    """One part while it grows."""

    type: str
    text: _Text
    closed: Json | None = None


@dataclass(slots=True)
class _Item:
    """One output item while it grows."""

    added: Json
    parts: dict[str, list[_Part]] = field(default_factory=lambda: {"content": [], "summary": []})
    text: _Text | None = None
    """The text that grows in the item itself."""
    commands: list[_Text] = field(default_factory=list)
    closed: Json | None = None


def order_faults(events: Sequence[Json]) -> list[str]:
    """Every rule that the stream breaks, in the order of its events."""
    reading = _Reading()
    for position, event in enumerate(events):
        reading.see(position, event)
    reading.end()
    return reading.faults


def response_faults(response: Json) -> list[str]:
    """What in a finished response contradicts its own status."""
    status = response["status"]
    faults = [
        f"{name} must {'not ' if expected else ''}be null in a {status} response"
        for name, expected in (
            ("error", status == "failed"),
            ("incomplete_details", status == "incomplete"),
            ("completed_at", status == "completed"),
        )
        if (response.get(name) is not None) != expected
    ]
    if status not in _TERMINAL.values():
        faults.append(f"status {status!r} is not that of a finished response")
    for index, item in enumerate(cast("list[Json]", response["output"])):
        faults.extend(f"output[{index}] {fault}" for fault in _status_faults(item, status))
    return [*faults, *_identity_faults(response), *_usage_faults(response)]


def _status_faults(item: Json, status: object) -> list[str]:
    # Open Responses knows no status on a reasoning item, OpenAI's types know an optional one.
    if item["type"] == "reasoning" and item.get("status") is None:
        return []
    allowed = ("completed",) if status == "completed" else ("completed", "incomplete")
    if item.get("status") in allowed:
        return []
    return [f"has status {item.get('status')!r} in a {status} response"]


def _identity_faults(response: Json) -> list[str]:
    output = cast("list[Json]", response["output"])
    faults = []
    for name in ("id", "call_id"):
        values = [item[name] for item in output if name in item]
        if len(set(values)) != len(values) or not all(values):
            faults.append(f"{name} of the output items is empty or stands twice: {values}")
    return faults


def _usage_faults(response: Json) -> list[str]:
    usage = cast("dict[str, int] | None", response["usage"])
    if usage is None:
        # OpenCode's AI SDK refuses the terminal event of a served response without usage.
        return [] if response["status"] == "failed" else ["usage is null in a served response"]
    if usage["total_tokens"] != usage["input_tokens"] + usage["output_tokens"]:
        return [f"usage does not add up: {usage}"]
    return []


class _Reading:
    """The state of a stream, read event by event."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._items: list[_Item] = []
        self._opening: Json | None = None
        self._terminal: Json | None = None
        self._where = ""

    def see(self, position: int, event: Json) -> None:
        kind = str(event["type"])
        self._where = f"event {position} ({kind})"
        if event["sequence_number"] != position:
            self._fault(f"has sequence_number {event['sequence_number']}")
        if self._terminal is not None:
            self._fault("comes after the terminal event")
        opening = ("response.created", "response.in_progress")
        if position < len(opening) and kind != opening[position]:
            self._fault(f"stands where {opening[position]} belongs")
        stem, _, phase = kind.rpartition(".")
        if "response" in event:
            self._see_lifecycle(position, kind, cast("Json", event["response"]))
        elif stem == "response.output_item":
            self._see_item(phase, event)
        elif stem == _COMMAND:
            self._see_command(phase, event)
        elif (item := self._open_item(event)) is None:
            return
        elif stem in _PARTS:
            self._see_part(item, _PARTS[stem], phase, event)
        elif stem in _TEXTS:
            self._see_text(item, _TEXTS[stem], phase, event)
        else:
            self._fault("has no place in a stream")

    def end(self) -> None:
        self._where = "the stream"
        if self._terminal is None:
            self._fault("ends without a terminal event")
            return
        done = [item.closed for item in self._items]
        if None in done:
            self._fault("ends with items that are not done")
        if self._terminal["output"] != done:
            self._fault(f"closes with output {self._terminal['output']} where done were {done}")

    def _fault(self, what: str) -> None:
        self.faults.append(f"{self._where} {what}")

    def _see_lifecycle(self, position: int, kind: str, response: Json) -> None:
        if self._opening is None:
            self._opening = response
        changed = [
            name
            for name in self._opening.keys() | response.keys()
            if name not in _CHANGING and self._opening.get(name) != response.get(name)
        ]
        if changed:
            self._fault(f"changes {', '.join(sorted(changed))} of the response")
        if kind in _TERMINAL:
            self._terminal = response
            if response["status"] != _TERMINAL[kind]:
                self._fault(f"has a response of status {response['status']!r}")
            self.faults.extend(f"{self._where}: {fault}" for fault in response_faults(response))
        elif position > 1 or kind not in ("response.created", "response.in_progress"):
            self._fault("stands in the wrong place")
        else:
            self._see_fresh(response)

    def _see_fresh(self, response: Json) -> None:
        if response["status"] != "in_progress" or response["output"]:
            self._fault("has a response that is not fresh")
        early = [n for n in sorted(_CHANGING - {"status", "output"}) if response.get(n) is not None]
        if early:
            self._fault(f"has {', '.join(early)} before the end")

    def _see_item(self, phase: str, event: Json) -> None:
        index, item = cast("int", event["output_index"]), cast("Json", event["item"])
        if phase == "added":
            self._see_item_added(index, item)
        elif index >= len(self._items):
            self._fault(f"closes item {index}, which was never added")
        elif self._items[index].closed is not None:
            self._fault(f"closes item {index} a second time")
        else:
            self._see_item_done(self._items[index], item)

    def _see_item_added(self, index: int, item: Json) -> None:
        if index != len(self._items):
            self._fault(f"has output_index {index} where {len(self._items)} is next")
        if item.get("status") not in ("in_progress", None):
            self._fault(f"adds an item of status {item.get('status')!r}")
        if not item.get("id"):
            self._fault("adds an item without id")
        if any(item.get(name) for name in ("content", "summary", "arguments", "input")):
            self._fault("adds an item that is not empty")
        if item["type"] == _SHELL and cast("Json", item["action"])["commands"]:
            self._fault("adds a shell call that has commands")
        texts = [text.value for text in _TEXTS.values() if text.item == item["type"]]
        self._items.append(_Item(item, text=_Text(texts[0]) if texts else None))

    def _see_item_done(self, item: _Item, done: Json) -> None:
        item.closed = done
        self._compare_fields(item.added, done)
        if done.get("status") not in ("completed", "incomplete", None):
            self._fault(f"closes an item of status {done.get('status')!r}")
        for name, parts in item.parts.items():
            closed = [part.closed for part in parts]
            if None in closed:
                self._fault(f"closes an item with an open part in its {name}")
            if (done.get(name) or []) != closed:
                self._fault(f"has {name} {done.get(name)} where its parts were {closed}")
        if item.text is not None:
            self._compare_text(item.text, done)
        if done["type"] == _SHELL:
            commands = [command.closed for command in item.commands]
            if cast("Json", done["action"])["commands"] != commands:
                self._fault(f"has the action {done['action']}, its commands were {commands}")

    def _compare_fields(self, added: Json, done: Json) -> None:
        for name in _CONSTANT if done["type"] == _SHELL else (*_CONSTANT, "action"):
            if added.get(name) != done.get(name):
                self._fault(f"changes {name} from {added.get(name)!r} to {done.get(name)!r}")
        if ("encrypted_content" in added) != ("encrypted_content" in done):
            self._fault("has encrypted_content in one of its two events")

    def _compare_text(self, text: _Text, whole: Json) -> None:
        if text.closed is None:
            self._fault(f"comes before its {text.value} is done")
        elif whole.get(text.value) != text.closed:
            self._fault(f"has {text.value} {whole.get(text.value)!r}, streamed was {text.closed!r}")
        if (whole.get("logprobs") or []) != text.logprobs:
            self._fault(f"has logprobs {whole.get('logprobs')}, streamed were {text.logprobs}")

    def _see_command(self, phase: str, event: Json) -> None:
        output_index, index = (
            cast("int", event["output_index"]),
            cast("int", event["command_index"]),
        )
        item = self._items[output_index] if output_index < len(self._items) else None
        if item is None or item.closed is not None or item.added["type"] != _SHELL:
            self._fault("finds no open shell call to grow in")
        elif phase == "added":
            if index != len(item.commands) or event["command"]:
                self._fault(f"adds command {index} where an empty {len(item.commands)} is next")
            item.commands.append(_Text("command"))
        elif index >= len(item.commands) or item.commands[index].closed is not None:
            self._fault(f"finds no open command {index}")
        else:
            self._grow(item.commands[index], phase, event)

    def _open_item(self, event: Json) -> _Item | None:
        """The item that ``event`` speaks of, if it is open and the very one."""
        index = event.get("output_index")
        if not isinstance(index, int):
            self._fault("has no place in a stream")
            return None
        if not 0 <= index < len(self._items):
            self._fault(f"speaks of item {index}, which was never added")
            return None
        item = self._items[index]
        if item.closed is not None:
            self._fault(f"speaks of item {index}, which is done")
        if event["item_id"] != item.added.get("id"):
            self._fault(f"names item {index} {event['item_id']!r}, it is {item.added.get('id')!r}")
        return item

    def _see_part(self, item: _Item, kind: _PartKind, phase: str, event: Json) -> None:
        if item.added["type"] not in kind.items:
            self._fault(f"in an item of type {item.added['type']}")
        parts, index = item.parts[kind.list], cast("int", event[kind.index])
        part = cast("Json", event["part"])
        if phase == "added":
            if index != len(parts):
                self._fault(f"has {kind.index} {index} where {len(parts)} is next")
            value = next(t.value for t in _TEXTS.values() if t.part == part["type"])
            if part.get(value):
                self._fault("adds a part that is not empty")
            parts.append(_Part(str(part["type"]), _Text(value)))
        elif not 0 <= index < len(parts):
            self._fault(f"closes part {index}, which was never added")
        elif parts[index].closed is not None:
            self._fault(f"closes part {index} a second time")
        else:
            if part["type"] != parts[index].type:
                self._fault(f"closes a part of type {parts[index].type} as {part['type']}")
            parts[index].closed = part
            self._compare_text(parts[index].text, part)

    def _see_text(self, item: _Item, kind: _TextKind, phase: str, event: Json) -> None:
        text = self._text(item, kind, event)
        if text is None:
            self._fault(f"finds no open {kind.part or kind.item} to grow in")
        elif text.closed is not None:
            self._fault("comes after its text was done")
        else:
            self._grow(text, phase, event)

    def _grow(self, text: _Text, phase: str, event: Json) -> None:
        logprobs = cast("list[object]", event.get("logprobs") or [])
        if phase == "delta":
            text.deltas.append(str(event["delta"]))
            text.logprobs += logprobs
            return
        text.closed = str(event[text.value])
        if "".join(text.deltas) != text.closed:
            self._fault(f"is {text.closed!r}, its deltas were {text.deltas}")
        if text.logprobs != logprobs:
            self._fault(f"has logprobs {logprobs}, its deltas had {text.logprobs}")

    def _text(self, item: _Item, kind: _TextKind, event: Json) -> _Text | None:
        if kind.part is None:
            return item.text if item.added["type"] == kind.item else None
        parts_of = _PART_KIND_OF[kind.part]
        parts, index = item.parts[parts_of.list], cast("int", event[parts_of.index])
        if not 0 <= index < len(parts) or parts[index].type != kind.part:
            return None
        return parts[index].text if parts[index].closed is None else None
