"""Tools, from Responses to Chat Completions: functions, all of them.

| Responses                               | Chat Completions                              |
|-----------------------------------------|-----------------------------------------------|
| ``function`` tool, flat                 | ``function`` tool, nested                     |
| ``custom`` tool                         | a function with one argument, the free text   |
| ``namespace``                           | its functions and custom tools, one by one    |
| ``local_shell``, ``shell``, ``apply_patch`` | functions with schemas of our own         |
| ``tool_search`` that the client does    | a function                                    |
| hosted tool (``web_search`` …)          | dropped: nobody upstream would run it         |

Tools that came in the midst of the conversation stand behind those of the request. Of
several tools of one kind and name the last counts. Names: ``tool_names``. The choice
among them: ``tool_choice``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from addon.errors import invalid_request
from addon.translate.client_tools import (
    DESCRIPTION_OF_SEARCH,
    FUNCTIONS,
    Function,
    freeform_function,
    shell_function,
)
from addon.translate.tool_names import ToolId, ToolKind, ToolNames
from addon.translate.wire_rules import JsonObject
from addon.translate.wire_tools import (
    AnyTool,
    CustomTool,
    FunctionTool,
    NamespaceTool,
    PlainTool,
    SearchTool,
    ShellTool,
)

ChatTool: TypeAlias = dict[str, Any]

_NO_PARAMETERS: Final = {"type": "object", "properties": {}}
_SHORT_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class ChatTools:
    """The tools of a request as Chat functions."""

    functions: dict[str, ChatTool] = field(default_factory=dict)
    """By name."""
    names: ToolNames = field(default_factory=ToolNames)
    """Which tool a function stands for."""
    dropped: list[str] = field(default_factory=list)
    """The types of the tools that were left out."""

    def copy(self) -> ChatTools:
        """The same, to be changed."""
        return ChatTools(dict(self.functions), self.names.copy(), list(self.dropped))


def chat_tools(tools: Iterable[tuple[str, AnyTool]], before: ChatTools | None = None) -> ChatTools:
    """``tools``, each with its path in the request, behind those that came ``before``.

    Raises ApiError (400 ``invalid_request``) for a grammar that is not whole.
    """
    chat = ChatTools() if before is None else before.copy()
    for where, tool in tools:
        match tool["type"]:
            case "function" | "custom":
                _add_named(chat, tool, where)
            case "namespace":
                _add_namespace(chat, tool, where)
            case "local_shell" | "apply_patch":
                _add_plain(chat, tool, FUNCTIONS[ToolKind(tool["type"])])
            case "shell" if _is_the_clients(tool):
                _add_plain(chat, tool, shell_function(_skills(tool)))
            case "tool_search" if tool.get("execution") == "client":
                function = _function(tool, tool.get("description") or DESCRIPTION_OF_SEARCH)
                _add_plain(chat, tool, function)
            case hosted:
                chat.dropped.append(hosted)
    return chat


def _add_named(
    chat: ChatTools,
    tool: FunctionTool | CustomTool,
    where: str,
    namespace: str | None = None,
    about: str = "",
) -> None:
    description = tool.get("description") or ""
    if about:
        description = f"{about}\n\n{description}".strip()
    if tool["type"] == "function":
        _add(chat, ToolId(ToolKind.FUNCTION, tool["name"], namespace), _function(tool, description))
    else:
        function = freeform_function(description, _grammar(tool, where))
        _add(chat, ToolId(ToolKind.CUSTOM, tool["name"], namespace), function)


def _add_namespace(chat: ChatTools, namespace: NamespaceTool, where: str) -> None:
    """The tools of a namespace, each with what it is for; the first one with all of that."""
    about = (namespace.get("description") or "").strip()
    for index, tool in enumerate(namespace["tools"]):
        _add_named(chat, tool, f"{where}.tools[{index}]", namespace["name"], about)
        about = _shortened(about)


def _shortened(text: str) -> str:
    """The first paragraph of ``text``, and of a long one the beginning."""
    paragraph = text.partition("\n\n")[0]
    if len(paragraph) <= _SHORT_CHARACTERS:
        return paragraph
    return paragraph[:_SHORT_CHARACTERS].rpartition(" ")[0] + " …"


def _add_plain(
    chat: ChatTools, tool: PlainTool | ShellTool | SearchTool, function: Function
) -> None:
    kind = ToolKind(tool["type"])
    _add(chat, ToolId(kind, kind.value), function)


def _skills(shell: ShellTool) -> list[JsonObject]:
    environment = shell.get("environment")
    return (environment.get("skills") if environment else None) or []


def _is_the_clients(shell: ShellTool) -> bool:
    """Whether the client runs the shell, and not a container of OpenAI's."""
    environment = shell.get("environment")
    return environment is None or environment["type"] == "local"


def _add(chat: ChatTools, tool: ToolId, function: dict[str, Any]) -> None:
    name = chat.names.name_of(tool)
    chat.functions[name] = {"type": "function", "function": {"name": name, **function}}


def _function(tool: FunctionTool | SearchTool, description: str) -> dict[str, Any]:
    function: dict[str, Any] = {"description": description} if description else {}
    parameters = tool.get("parameters") or _NO_PARAMETERS
    # Services want to read that it is an object, which it must be in any case.
    function["parameters"] = parameters if "type" in parameters else {"type": "object"} | parameters
    if tool["type"] == "function" and tool.get("strict") is not None:
        function["strict"] = tool["strict"]
    return function


def _grammar(tool: CustomTool, where: str) -> dict[str, str] | None:
    """``syntax`` and ``definition`` of what the input must match, if that is said."""
    wanted = tool.get("format")
    if not wanted or wanted["type"] == "text":
        return None
    for name in ("syntax", "definition"):
        if name not in wanted:
            param = f"{where}.format.{name}"
            raise invalid_request(f"Missing required parameter: '{param}'.", param)
    return {"syntax": wanted["syntax"], "definition": wanted["definition"]}
