"""Agents of OpenAI's Agents SDK, whose tools run nothing: each says what it was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents import (
    Agent,
    ApplyPatchTool,
    CustomTool,
    FunctionTool,
    LocalShellCommandRequest,
    LocalShellTool,
    RunConfig,
    Runner,
    ShellCallOutcome,
    ShellCommandOutput,
    ShellCommandRequest,
    ShellResult,
    ShellTool,
    Tool,
    TResponseInputItem,
    function_tool,
)
from agents.editor import ApplyPatchOperation, ApplyPatchResult
from agents.result import RunResultBase
from agents.tool_context import ToolContext

CONFIG = RunConfig(tracing_disabled=True)
"""Traces would go to OpenAI."""


@dataclass(slots=True)
class Workspace:
    """Files that exist only here, and the tools that write and read them."""

    files: dict[str, str] = field(default_factory=dict)

    def functions(self) -> list[FunctionTool]:
        """``write`` and ``read``."""

        @function_tool
        def write(path: str, content: str) -> str:
            """Writes a file."""
            self.files[path] = content
            return f"{path}: written"

        @function_tool
        def read(path: str) -> str:
            """Reads a file."""
            return self.files[path]

        return [write, read]

    def tool(self, name: str) -> Tool:
        """The tool of this name that is no function."""
        match name:
            case "query":
                grammar = {"type": "grammar", "syntax": "regex", "definition": "SELECT .+"}
                return CustomTool(name, "Runs a query.", _queried, format=grammar)
            case "shell":
                return ShellTool(_ran_in_shell)
            case "local_shell":
                return LocalShellTool(_ran)
            case "apply_patch":
                return ApplyPatchTool(_Editor(self.files))
            case _:
                raise ValueError(name)


async def _queried(_: ToolContext[object], query: str) -> str:
    return f"rows of {query}"


def _ran_in_shell(request: ShellCommandRequest) -> ShellResult:
    outcome = ShellCallOutcome(type="exit", exit_code=0)
    commands = request.data.action.commands
    return ShellResult(
        [ShellCommandOutput(f"ran {command}", outcome=outcome) for command in commands]
    )


def _ran(request: LocalShellCommandRequest) -> str:
    return f"ran {' '.join(request.data.action.command)}"


@dataclass(frozen=True, slots=True)
class _Editor:
    """Keeps what it is told to write."""

    files: dict[str, str]

    def create_file(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
        self.files[operation.path] = operation.diff or ""
        return self._done(operation)

    def update_file(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
        return self.create_file(operation)

    def delete_file(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
        self.files.pop(operation.path, None)
        return self._done(operation)

    def _done(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
        return ApplyPatchResult("completed", f"{operation.type} {operation.path}")


async def run(
    agent: Agent[None], conversation: str | list[TResponseInputItem], *, streams: bool
) -> RunResultBase:
    """The agent's loop, to its end."""
    if not streams:
        return await Runner.run(agent, conversation, run_config=CONFIG)
    result = Runner.run_streamed(agent, conversation, run_config=CONFIG)
    async for _ in result.stream_events():
        pass
    return result
