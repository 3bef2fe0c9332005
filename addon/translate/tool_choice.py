"""The choice among the tools, from Responses to Chat Completions.

| Responses                               | Chat Completions                              |
|-----------------------------------------|-----------------------------------------------|
| ``none``, ``auto``, ``required``        | the same, where there are tools               |
| a tool by type and name                 | the function that stands for it               |
| ``allowed_tools``                       | the tools thinned out, and its mode           |
| a hosted tool, or ``required`` with     | refused: dropping it would not be what was    |
| nothing but hosted tools                | asked for                                     |
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from addon.errors import ApiError, invalid_request, unsupported_parameter
from addon.translate.tool_names import ToolKind
from addon.translate.tools import ChatTool, ChatTools
from addon.translate.wire_faults import type_name
from addon.translate.wire_tools import AllowedTool, ToolChoiceObject

ChatToolChoice: TypeAlias = str | dict[str, Any]

_KINDS: Final = {kind.value: kind for kind in ToolKind}
_NAMED: Final = (ToolKind.FUNCTION, ToolKind.CUSTOM)


def chosen(
    tools: ChatTools, choice: str | ToolChoiceObject | None
) -> tuple[list[ChatTool], ChatToolChoice | None]:
    """The tools to send, and the choice among them (None: not sent).

    Raises ApiError (400): ``unsupported_parameter`` for a choice of hosted tools,
    ``invalid_request`` for one among tools that are not there.
    """
    names = list(tools.functions)
    if isinstance(choice, dict):
        if choice["type"] != "allowed_tools":
            named = {"type": "function", "function": {"name": _the_one(choice, tools)}}
            return list(tools.functions.values()), named
        names = _allowed(choice.get("tools", []), _Index(tools))
        choice = choice.get("mode", "auto")
    if choice == "required" and not names:
        raise _nothing_to_call(tools)
    # Services refuse a choice where there is nothing to choose from.
    return [tools.functions[name] for name in names], choice if names else None


class _Index:
    """The names of the functions, by what a choice may say of their tools."""

    def __init__(self, tools: ChatTools) -> None:
        self.functions = list(tools.functions)
        self._of_kind: dict[ToolKind, list[str]] = {}
        self._of_name: dict[tuple[ToolKind, str], dict[str | None, list[str]]] = {}
        self._inside: dict[str | None, list[str]] = {}
        for function in self.functions:
            kind, name, namespace = tools.names.tool_of(function)
            self._of_kind.setdefault(kind, []).append(function)
            self._inside.setdefault(namespace, []).append(function)
            of_name = self._of_name.setdefault((kind, name), {})
            of_name.setdefault(namespace, []).append(function)

    def inside(self, namespace: str | None) -> list[str]:
        """Those for the tools in ``namespace``."""
        return self._inside.get(namespace, [])

    def matching(self, kind: ToolKind, name: str | None, namespace: str | None) -> list[str]:
        """Those for the tools of that kind and name, in that namespace.

        Where no namespace is said, a tool outside of any comes before those inside.
        """
        if kind not in _NAMED:
            return self._of_kind.get(kind, [])
        same = self._of_name.get((kind, name or ""), {})
        if namespace is not None or None in same:
            return same.get(namespace, [])
        return [function for functions in same.values() for function in functions]


def _nothing_to_call(tools: ChatTools) -> ApiError:
    if tools.dropped:
        return unsupported_parameter(
            "'tool_choice' is 'required', but there are only hosted tools "
            f"({', '.join(tools.dropped)}), which cannot be used over the Chat Completions API: "
            "give a function tool, or leave the choice to the model.",
            "tool_choice",
        )
    return invalid_request(
        "'tool_choice' is 'required', but there is no tool that could be called.", "tool_choice"
    )


def _the_one(choice: ToolChoiceObject, tools: ChatTools) -> str:
    """The name of the function that must be called."""
    kind = _KINDS.get(choice["type"])
    if kind is None or kind.value in tools.dropped:
        raise unsupported_parameter(
            "This tool cannot be used over the Chat Completions API: "
            f"{type_name(choice['type'])}. Choose one that the client runs, or leave the choice "
            "to the model.",
            "tool_choice",
        )
    if kind in _NAMED and not choice.get("name"):
        raise invalid_request("Missing required parameter: 'tool_choice.name'.", "tool_choice.name")
    found = _Index(tools).matching(kind, choice.get("name"), choice.get("namespace"))
    if not found:
        raise invalid_request("'tool_choice' names a tool that is not in 'tools'.", "tool_choice")
    return found[0]


def _allowed(allowed: Iterable[AllowedTool], index: _Index) -> list[str]:
    """The functions that ``allowed_tools`` names; of hosted tools there is nothing to allow."""
    found: set[str] = set()
    seen: set[tuple[str, str | None, str | None]] = set()
    for place, entry in enumerate(allowed):
        said = entry["type"], entry.get("name"), entry.get("namespace")
        if said in seen:
            continue
        seen.add(said)
        kind = _KINDS.get(entry["type"])
        if entry["type"] == "namespace":
            matching = index.inside(entry.get("name"))
        elif kind is None:
            continue
        else:
            matching = index.matching(kind, entry.get("name"), entry.get("namespace"))
        if not matching:
            raise invalid_request(
                "'tool_choice' allows a tool that is not in 'tools'.", f"tool_choice.tools[{place}]"
            )
        found.update(matching)
    return [name for name in index.functions if name in found]
