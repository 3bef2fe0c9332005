"""The calls among the output items of a streamed answer: see ``items`` for what all share.

function_call       its arguments grow as they come
custom_tool_call    its input grows, read out of the arguments as they come
local_shell_call, shell_call, apply_patch_call, tool_search_call
                    what they ask for is known whole before the client is told of them
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import to_json

from addon.translate.actions import Action, arguments_of
from addon.translate.client_tools import INPUT
from addon.translate.events import DeltaRun, EventWriter
from addon.translate.freeform import InputReader
from addon.translate.items import Item, ItemStatus
from addon.translate.response import OutputItem
from addon.translate.shortcut import Follow
from addon.translate.tool_names import ToolId, ToolKind


@dataclass(frozen=True, slots=True)
class _CallKind:
    """One type of call that grows: what it, its text and the events of that are called."""

    type: str
    events: str
    member: str


_FUNCTION: Final = _CallKind("function_call", "response.function_call_arguments", "arguments")
_CUSTOM: Final = _CallKind("custom_tool_call", "response.custom_tool_call_input", "input")


class FunctionCallItem(Item):
    """A call of one of the client's functions. Its id and name are known from the start."""

    kind = _FUNCTION
    __slots__ = ("_run", "_tool", "call_id")

    def __init__(
        self, writer: EventWriter, item_id: str, output_index: int, call_id: str, tool: ToolId
    ) -> None:
        super().__init__(writer, item_id, output_index)
        self.call_id = call_id
        self._tool = tool
        self.announce(self._item("in_progress", ""))
        self._run = DeltaRun(writer, f"{self.kind.events}.delta", self.place())

    def append(self, arguments: str) -> None:
        """More of the arguments."""
        self._run.append(arguments)

    @property
    def follow(self) -> Follow:
        """Takes more arguments that hold whole characters alone, and no half is waiting."""
        return self._run.follow

    @property
    def has_arguments(self) -> bool:
        """Whether any have come."""
        return not self._run.is_empty

    def is_repeated_by(self, arguments: str) -> bool:
        """Whether these are all that came once more."""
        return self._run.is_repeated_by(arguments)

    def close(self, status: ItemStatus) -> OutputItem:
        """Closes the text and the item."""
        if self._run.is_empty and status == "completed":
            # No arguments at all is not JSON; every client parses it.
            self._run.append("{}")
        return self._close(status)

    def arguments(self) -> str:
        """The arguments as they come back in the next turn."""
        return self._run.text

    def _close(self, status: ItemStatus) -> OutputItem:
        text = self._run.close()
        self.writer.event(f"{self.kind.events}.done", {**self.place(), self.kind.member: text})
        return self.done(self._item(status, text))

    def _item(self, status: str, text: str) -> OutputItem:
        name = {"name": self._tool.name}
        if self._tool.namespace is not None:
            name["namespace"] = self._tool.namespace
        return {
            "id": self.id,
            "type": self.kind.type,
            "status": status,
            "call_id": self.call_id,
            **name,
            self.kind.member: text,
        }


class CustomToolCallItem(FunctionCallItem):
    """A call of one of the client's custom tools: its input is free text."""

    kind = _CUSTOM
    __slots__ = ("_reader",)

    def __init__(
        self, writer: EventWriter, item_id: str, output_index: int, call_id: str, tool: ToolId
    ) -> None:
        super().__init__(writer, item_id, output_index, call_id, tool)
        self._reader = InputReader()

    def append(self, arguments: str) -> None:
        """More of the arguments, in which the input stands."""
        self._run.append(self._reader.feed(arguments))

    @property
    def follow(self) -> Follow:
        """Takes more arguments, one piece at a time."""
        return self._follow

    @property
    def has_arguments(self) -> bool:
        """Whether any have come."""
        return self._reader.has_begun

    def is_repeated_by(self, arguments: str) -> bool:
        """Whether these are all that came once more."""
        reader = InputReader()
        text = reader.feed(arguments) + reader.finish()
        return self._run.is_repeated_by(text)

    def close(self, status: ItemStatus) -> OutputItem:
        """Closes the input and the item."""
        self._run.append(self._reader.finish())
        return self._close(status)

    def arguments(self) -> str:
        """The arguments as they come back in the next turn."""
        return to_json({INPUT: self._run.text}).decode()

    def _follow(self, arguments: str, _: bytes) -> bytes:
        self.append(arguments)
        return self.writer.take()


_MEMBERS: Final = {ToolKind.APPLY_PATCH: "operation", ToolKind.TOOL_SEARCH: "arguments"}
"""Where an item holds what is asked for, if it is not the ``action``."""


class ActionCallItem(Item):
    """A call of the client's shell, patch tool or search; told of when all of it is known."""

    __slots__ = ("_action", "_kind", "call_id")

    def __init__(
        self,
        writer: EventWriter,
        item_id: str,
        output_index: int,
        call_id: str,
        kind: ToolKind,
        action: Action,
    ) -> None:
        super().__init__(writer, item_id, output_index)
        self.call_id = call_id
        self._kind = kind
        self._action = action

    def tell(self) -> OutputItem:
        """Writes all of its events."""
        if self._kind is ToolKind.SHELL:
            self.announce(self._item("in_progress", {"commands": []}))
            for index, command in enumerate(self._action["commands"]):
                self._tell_command(index, command)
        elif self._kind is ToolKind.TOOL_SEARCH:
            self.announce(self._item("in_progress", {}))
        else:
            self.announce(self._item("in_progress", self._action))
        return self.done(self._item("completed", self._action))

    def arguments(self) -> str:
        """The arguments as they come back in the next turn."""
        return to_json(arguments_of(self._action, self._kind)).decode()

    def _tell_command(self, index: int, command: str) -> None:
        place = {"output_index": self.output_index, "command_index": index}
        event = "response.shell_call_command"
        self.writer.event(f"{event}.added", {**place, "command": ""})
        if command:
            self.writer.event(f"{event}.delta", {**place, "delta": command})
        self.writer.event(f"{event}.done", {**place, "command": command})

    def _item(self, status: str, action: Mapping[str, Any]) -> OutputItem:
        member = _MEMBERS.get(self._kind, "action")
        where = {"execution": "client"} if self._kind is ToolKind.TOOL_SEARCH else {}
        return {
            "id": self.id,
            "type": f"{self._kind.value}_call",
            "status": status,
            "call_id": self.call_id,
            **where,
            member: action,
        }
