"""Calls of earlier turns, and what they gave: of every kind, as calls of functions.

``CALLS`` and ``OUTPUTS`` are the tables. What the arguments of the functions are that
stand for the client's own tools is told in ``client_tools``; the way back reads the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from pydantic_core import from_json, to_json

from addon.translate.actions import Action, arguments_of
from addon.translate.client_tools import INPUT
from addon.translate.tool_names import ToolId, ToolKind
from addon.translate.wire_items import (
    CallOutput,
    CustomToolCall,
    FunctionCall,
    LaterTools,
    LocalShellOutput,
    McpCall,
    PatchCall,
    PatchOutput,
    SearchCall,
    ShellCall,
    ShellOutput,
    ShellRun,
)
from addon.translate.wire_parts import AnyPart
from addon.translate.wire_tools import AnyTool

Output: TypeAlias = str | list[AnyPart]


def _function_call(item: FunctionCall) -> tuple[ToolId, str]:
    return ToolId(ToolKind.FUNCTION, item["name"], item.get("namespace")), item["arguments"]


def _custom_tool_call(item: CustomToolCall) -> tuple[ToolId, str]:
    tool = ToolId(ToolKind.CUSTOM, item["name"], item.get("namespace"))
    return tool, _json({INPUT: item["input"]})


def _local_shell_call(item: ShellCall) -> tuple[ToolId, str]:
    return _action_of(ToolKind.LOCAL_SHELL, item["action"])


def _shell_call(item: ShellCall) -> tuple[ToolId, str]:
    return _action_of(ToolKind.SHELL, item["action"])


def _apply_patch_call(item: PatchCall) -> tuple[ToolId, str]:
    return _action_of(ToolKind.APPLY_PATCH, item["operation"])


def _action_of(kind: ToolKind, action: Action) -> tuple[ToolId, str]:
    return ToolId(kind, kind.value), _json(arguments_of(action, kind))


def _tool_search_call(item: SearchCall) -> tuple[ToolId, str]:
    return ToolId(ToolKind.TOOL_SEARCH, ToolKind.TOOL_SEARCH.value), _json(item["arguments"])


def _mcp_call(item: McpCall) -> tuple[ToolId, str]:
    return ToolId(ToolKind.FUNCTION, item["name"], item["server_label"]), item["arguments"]


CALLS: Final[Mapping[str, Callable[[Any], tuple[ToolId, str]]]] = {
    "function_call": _function_call,
    "custom_tool_call": _custom_tool_call,
    "local_shell_call": _local_shell_call,
    "shell_call": _shell_call,
    "apply_patch_call": _apply_patch_call,
    "tool_search_call": _tool_search_call,
    "mcp_call": _mcp_call,
}
"""The tool that an item calls, and the arguments of its function."""


def _call_output(item: CallOutput) -> Output:
    return item["output"]


def _local_shell_output(item: LocalShellOutput) -> Output:
    return item["output"]


def _shell_output(item: ShellOutput) -> Output:
    return "\n".join(_run(run) for run in item["output"])


def _run(run: ShellRun) -> str:
    outcome = run["outcome"]
    ending = f"exit code {outcome.get('exit_code')}" if outcome["type"] == "exit" else "timed out"
    errors = f"[stderr]\n{run['stderr']}" if run["stderr"] else ""
    return "\n".join(filter(None, (run["stdout"], errors, f"[{ending}]")))


def _patch_output(item: PatchOutput) -> Output:
    return "\n".join(filter(None, (f"[{item['status']}]", item.get("output"))))


OUTPUTS: Final[Mapping[str, Callable[[Any], Output]]] = {
    "function_call_output": _call_output,
    "custom_tool_call_output": _call_output,
    "local_shell_call_output": _local_shell_output,
    "shell_call_output": _shell_output,
    "apply_patch_call_output": _patch_output,
}
"""What an item says that its call gave."""


def output_of_search(item: LaterTools) -> str:
    """What a search for tools gave: their names. The tools themselves join the others."""
    found = [_title(tool) for tool in item["tools"]]
    return f"[found, and ready to be called: {', '.join(found)}]" if found else "[found no tools]"


def _title(tool: AnyTool) -> str:
    if tool["type"] == "namespace":
        return f"{tool['name']} ({', '.join(each['name'] for each in tool['tools'])})"
    return str(tool.get("name") or tool["type"])


def output_of_mcp_call(item: McpCall) -> str | None:
    """What the call gave, which stands in the call itself; None: nothing as yet."""
    error = item.get("error")
    if error is not None:
        message = error.get("message") if isinstance(error, dict) else error
        return f"[error] {message if isinstance(message, str) else _json(error)}"
    return item.get("output")


def object_text(arguments: str) -> str:
    """``arguments``, if they are the text of a JSON object; else one that holds them.

    Services refuse a call with others, so a model that wrote them once (its answer was
    cut, say) would have spoilt the conversation for good.
    """
    try:
        if isinstance(from_json(arguments, allow_inf_nan=False), dict):
            return arguments
    except ValueError:
        pass
    return _json({"arguments": arguments}) if arguments.strip() else "{}"


def _json(value: object) -> str:
    return to_json(value, inf_nan_mode="null").decode()
