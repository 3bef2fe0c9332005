"""The wire format of tools, and of the choice among them."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import Discriminator, Tag
from typing_extensions import TypedDict

from addon.translate.fates import HostedTool as HostedToolType
from addon.translate.wire_rules import OBJECT, WORD, JsonObject, ListOf, Name, strict


@strict
class FunctionTool(TypedDict):
    """A function that the client runs."""

    type: Literal["function"]
    name: Name
    description: NotRequired[str | None]
    parameters: NotRequired[JsonObject | None]
    strict: NotRequired[bool | None]


@strict
class InputFormat(TypedDict):
    """What the input of a custom tool is: ``text``, or what a ``grammar`` in a ``syntax`` says."""

    type: Literal["text", "grammar"]
    syntax: NotRequired[str]
    definition: NotRequired[str]


@strict
class CustomTool(TypedDict):
    """A tool that the client runs, whose input is free text."""

    type: Literal["custom"]
    name: Name
    description: NotRequired[str | None]
    format: NotRequired[InputFormat | None]


@strict
class NamespaceTool(TypedDict):
    """Functions and custom tools that belong together; their names are their own affair."""

    type: Literal["namespace"]
    name: Name
    description: NotRequired[str | None]
    tools: ListOf[Annotated[FunctionTool | CustomTool, Discriminator("type")]]


@strict
class Environment(TypedDict):
    """Where a shell runs: ``local``, or a container of OpenAI's."""

    type: str
    skills: NotRequired[ListOf[JsonObject] | None]


@strict
class ShellTool(TypedDict):
    """A shell, the client's own unless its environment says otherwise."""

    type: Literal["shell"]
    environment: NotRequired[Environment | None]


@strict
class SearchTool(TypedDict):
    """A search for further tools, by OpenAI's servers unless ``execution`` is ``client``."""

    type: Literal["tool_search"]
    execution: NotRequired[Literal["server", "client"] | None]
    description: NotRequired[str | None]
    parameters: NotRequired[JsonObject | None]


@strict
class PlainTool(TypedDict):
    """A tool that the client runs and that has nothing to set."""

    type: Literal["local_shell", "apply_patch"]


@strict
class HostedTool(TypedDict):
    """A tool that OpenAI's servers run."""

    type: HostedToolType


AnyTool: TypeAlias = (
    FunctionTool | CustomTool | NamespaceTool | ShellTool | SearchTool | PlainTool | HostedTool
)

Tool: TypeAlias = Annotated[AnyTool, Discriminator("type")]


@strict
class AllowedTool(TypedDict):
    """One of the tools that may be used; ``name`` where there may be several of its type."""

    type: Name
    name: NotRequired[Name]
    namespace: NotRequired[str | None]


@strict
class ToolChoiceObject(TypedDict):
    """One tool by name or type, or the tools that may be used."""

    type: Name
    name: NotRequired[Name | None]
    namespace: NotRequired[str | None]
    mode: NotRequired[Literal["auto", "required"]]
    tools: NotRequired[ListOf[AllowedTool]]


def _word_or_object(value: object) -> str | None:
    if isinstance(value, str):
        return WORD
    return OBJECT if isinstance(value, dict) else None


ToolChoice: TypeAlias = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag(WORD)]
    | Annotated[ToolChoiceObject, Tag(OBJECT)],
    Discriminator(
        _word_or_object,
        custom_error_type="tool_choice_type",
        custom_error_message="Input should be 'none', 'auto', 'required' or an object",
    ),
]
