"""Tools and the choice among them, from Responses to Chat Completions.

| Responses                               | Chat Completions                              |
|-----------------------------------------|-----------------------------------------------|
| ``function`` tool, flat                 | ``function`` tool, nested                     |
| hosted tool (``web_search`` …)          | dropped: nobody upstream would run it         |
| any other tool type                     | refused                                       |
| choice ``none``, ``auto``, ``required`` | the same                                      |
| choice of a function                    | the same, nested                              |
| choice ``allowed_tools``                | the tools thinned out, and its mode           |
| choice of a hosted tool                 | refused: dropping it would not be what was    |
|                                         | asked for                                     |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from addon.errors import invalid_request, unsupported_parameter
from addon.translate.wire import FunctionTool, OtherTool, ToolChoiceObject

ChatTool: TypeAlias = dict[str, Any]
ChatToolChoice: TypeAlias = str | dict[str, Any]

HOSTED_TOOLS: Final = frozenset(
    (
        "code_interpreter",
        "computer",
        "computer_use_preview",
        "file_search",
        "image_generation",
        "mcp",
        "programmatic_tool_calling",
        "tool_search",
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    )
)
"""Tools that OpenAI's servers run: a Chat Completions service has none of them."""

_NO_PARAMETERS: Final = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class ChatTools:
    """What a request says of tools, as Chat fields; ``choice`` None: not sent."""

    tools: list[ChatTool]
    choice: ChatToolChoice | None
    dropped: tuple[str, ...]
    """The types of the tools that were left out."""


def chat_tools(
    tools: list[FunctionTool | OtherTool], choice: str | ToolChoiceObject | None
) -> ChatTools:
    """``tools`` and ``tool_choice`` of a request.

    Raises ApiError (400): ``unsupported_parameter`` for a tool that cannot be
    carried or a choice of a hosted one, ``invalid_request`` for a choice among
    tools that are not there.
    """
    carried: list[ChatTool] = []
    dropped: list[str] = []
    for index, tool in enumerate(tools):
        if tool["type"] == "function":
            carried.append(_function(cast("FunctionTool", tool)))
        elif tool["type"] in HOSTED_TOOLS:
            dropped.append(tool["type"])
        else:
            raise unsupported_parameter(
                f"Tools of type {tool['type']!r} cannot be carried over to the Chat Completions "
                "API.",
                f"tools[{index}].type",
            )
    if isinstance(choice, dict) and choice["type"] == "allowed_tools":
        carried = _allowed(carried, choice)
        choice = choice.get("mode", "auto")
    return ChatTools(carried, _choice(choice, carried), tuple(dropped))


def _function(tool: FunctionTool) -> ChatTool:
    function: dict[str, Any] = {"name": tool["name"]}
    if tool.get("description"):
        function["description"] = tool["description"]
    function["parameters"] = tool.get("parameters") or _NO_PARAMETERS
    if tool.get("strict") is not None:
        function["strict"] = tool["strict"]
    return {"type": "function", "function": function}


def _allowed(carried: list[ChatTool], choice: ToolChoiceObject) -> list[ChatTool]:
    """The tools that ``allowed_tools`` names; of hosted ones there is nothing to allow."""
    named = choice.get("tools", [])
    names = {tool.get("name") for tool in named if tool.get("type") == "function"}
    unknown = names - {tool["function"]["name"] for tool in carried}
    if unknown:
        raise invalid_request(
            f"'tool_choice' allows tools that are not in 'tools': {_listed(unknown)}.",
            "tool_choice.tools",
        )
    return [tool for tool in carried if tool["function"]["name"] in names]


def _choice(
    choice: str | ToolChoiceObject | None, carried: list[ChatTool]
) -> ChatToolChoice | None:
    if isinstance(choice, dict):
        return _named_choice(choice, carried)
    if choice == "required" and not carried:
        raise invalid_request(
            "'tool_choice' is 'required', but there is no tool that could be called.",
            "tool_choice",
        )
    # Services refuse a choice where there is nothing to choose from.
    return choice if carried else None


def _named_choice(choice: ToolChoiceObject, carried: list[ChatTool]) -> ChatToolChoice:
    if choice["type"] != "function":
        raise unsupported_parameter(
            f"The tool {choice['type']!r} cannot be used over the Chat Completions API.",
            "tool_choice",
        )
    name = choice.get("name")
    if not name:
        raise invalid_request("Missing required parameter: 'tool_choice.name'.", "tool_choice.name")
    if all(tool["function"]["name"] != name for tool in carried):
        raise invalid_request(
            f"'tool_choice' names the function {name!r}, which is not in 'tools'.", "tool_choice"
        )
    return {"type": "function", "function": {"name": name}}


def _listed(names: set[Any]) -> str:
    return ", ".join(sorted(repr(name) for name in names))
