"""What a call of the client's shell, patch tool or search asks for, read out of its arguments.

``client_tools`` says what the arguments are; here they become the ``action``, the ``operation``
or the ``arguments`` that the item of such a call holds in the Responses API. They are checked,
since a client acts on them: a call that does not fit its tool is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NotRequired, TypeAlias

from pydantic import ConfigDict, Discriminator, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from addon.translate.tool_names import ToolKind

Action: TypeAlias = dict[str, Any]

_checked: Final = with_config(ConfigDict(strict=True, extra="ignore"))
"""OpenAI's types know no other members."""


@_checked
class _LocalShell(TypedDict):
    command: list[str]
    env: NotRequired[dict[str, str] | None]
    timeout_ms: NotRequired[int | None]
    user: NotRequired[str | None]
    working_directory: NotRequired[str | None]


@_checked
class _Shell(TypedDict):
    commands: list[str]
    timeout_ms: NotRequired[int | None]
    max_output_length: NotRequired[int | None]


@_checked
class _Write(TypedDict):
    type: Literal["create_file", "update_file"]
    path: str
    diff: str


@_checked
class _Delete(TypedDict):
    type: Literal["delete_file"]
    path: str


_Patch: TypeAlias = Annotated[_Write | _Delete, Discriminator("type")]

_ARGUMENTS: Final[Mapping[ToolKind, TypeAdapter[Any]]] = {
    ToolKind.LOCAL_SHELL: TypeAdapter(_LocalShell),
    ToolKind.SHELL: TypeAdapter(_Shell),
    ToolKind.APPLY_PATCH: TypeAdapter(_Patch),
    ToolKind.TOOL_SEARCH: TypeAdapter(dict[str, Any]),
}
"""By the kinds of tools whose calls hold an action."""


def has_action(kind: ToolKind) -> bool:
    """Whether a call of such a tool holds an action, instead of a text."""
    return kind in _ARGUMENTS


def action_in(arguments: str, kind: ToolKind) -> Action | None:
    """What a call with these ``arguments`` asks for; None where they are not whole, or not fit."""
    try:
        given = _ARGUMENTS[kind].validate_json(arguments.encode("utf-8", "replace"))
    except ValidationError:
        return None
    if kind is ToolKind.TOOL_SEARCH:
        return dict(given)
    action: Action = {name: value for name, value in given.items() if value is not None}
    if kind is ToolKind.LOCAL_SHELL:
        return {"type": "exec", "env": {}, **action}
    return action


def arguments_of(action: Action, kind: ToolKind) -> Action:
    """The arguments that ``action`` comes to, when the client sends it back."""
    if kind is ToolKind.LOCAL_SHELL:
        return {name: value for name, value in action.items() if name != "type"}
    return action
