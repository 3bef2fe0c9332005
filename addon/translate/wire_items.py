"""The wire format of the items of ``input``. Which types there are, and their fate: ``fates``."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NotRequired, TypeAlias, get_args

from pydantic import Discriminator
from typing_extensions import TypedDict

from addon.translate.fates import DroppedItem as DroppedItemType
from addon.translate.fates import RefusedItem as RefusedItemType
from addon.translate.wire_parts import Content, TextPart
from addon.translate.wire_rules import JsonObject, ListOf, Name, lean
from addon.translate.wire_tools import Tool


@lean
class Message(TypedDict):
    """A message of any role."""

    type: Literal["message"]
    role: Literal["user", "assistant", "system", "developer"]
    content: Content


@lean
class Reasoning(TypedDict):
    """The model's reasoning in an earlier turn."""

    type: Literal["reasoning"]
    summary: NotRequired[ListOf[TextPart] | None]
    content: NotRequired[ListOf[TextPart] | None]
    encrypted_content: NotRequired[str | None]


# --- calls that the model made in an earlier turn, and what they gave


@lean
class FunctionCall(TypedDict):
    """A call of a function."""

    type: Literal["function_call"]
    call_id: Name
    name: Name
    namespace: NotRequired[str | None]
    arguments: str


@lean
class CustomToolCall(TypedDict):
    """A call of a custom tool."""

    type: Literal["custom_tool_call"]
    call_id: Name
    name: Name
    namespace: NotRequired[str | None]
    input: str


@lean
class CallOutput(TypedDict):
    """What a call of a function or a custom tool gave."""

    type: Literal["function_call_output", "custom_tool_call_output"]
    call_id: NotRequired[str | None]
    output: Content


@lean
class ShellCall(TypedDict):
    """A command for the client's shell, of one tool or the other."""

    type: Literal["local_shell_call", "shell_call"]
    call_id: Name
    id: NotRequired[str | None]
    action: JsonObject


@lean
class LocalShellOutput(TypedDict):
    """What the command printed. In OpenAI's types ``id`` is the id of the call."""

    type: Literal["local_shell_call_output"]
    call_id: NotRequired[str | None]
    id: NotRequired[str | None]
    output: str


@lean
class Outcome(TypedDict):
    """How a command ended."""

    type: str
    exit_code: NotRequired[int | None]


@lean
class ShellRun(TypedDict):
    """What one command printed."""

    stdout: str
    stderr: str
    outcome: Outcome


@lean
class ShellOutput(TypedDict):
    """What the commands of one call printed."""

    type: Literal["shell_call_output"]
    call_id: Name
    output: ListOf[ShellRun]


@lean
class PatchCall(TypedDict):
    """A change to one file."""

    type: Literal["apply_patch_call"]
    call_id: Name
    operation: JsonObject


@lean
class PatchOutput(TypedDict):
    """What became of it."""

    type: Literal["apply_patch_call_output"]
    call_id: Name
    status: str
    output: NotRequired[str | None]


@lean
class SearchCall(TypedDict):
    """A search for further tools. Only one that the client did has a ``call_id``."""

    type: Literal["tool_search_call"]
    call_id: NotRequired[str | None]
    execution: NotRequired[str | None]
    arguments: Any


@lean
class McpCall(TypedDict):
    """A call of a tool on an MCP server, and what it gave."""

    type: Literal["mcp_call"]
    id: Name
    server_label: Name
    name: Name
    arguments: str
    output: NotRequired[str | None]
    error: NotRequired[Any]


# --- other items


LaterToolsType: TypeAlias = Literal["additional_tools", "tool_search_output"]
LATER_TOOLS: Final = frozenset[str](get_args(LaterToolsType))


@lean
class LaterTools(TypedDict):
    """Tools that came in the midst of the conversation; a search found them, if it is named."""

    type: LaterToolsType
    call_id: NotRequired[str | None]
    tools: ListOf[Tool]


@lean
class ItemReference(TypedDict):
    """A pointer to an item that a server keeps."""

    type: Literal["item_reference"]
    id: str


@lean
class RefusedItem(TypedDict):
    """An item that holds what only OpenAI can read or do."""

    type: RefusedItemType


@lean
class DroppedItem(TypedDict):
    """An item that tells of a tool which OpenAI's servers ran."""

    type: DroppedItemType


AnyCall: TypeAlias = FunctionCall | CustomToolCall | ShellCall | PatchCall
AnyOutput: TypeAlias = CallOutput | LocalShellOutput | ShellOutput | PatchOutput
AnyItem: TypeAlias = (
    Message
    | Reasoning
    | AnyCall
    | AnyOutput
    | SearchCall
    | McpCall
    | LaterTools
    | ItemReference
    | RefusedItem
    | DroppedItem
)

Item: TypeAlias = Annotated[AnyItem, Discriminator("type")]
