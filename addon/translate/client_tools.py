"""The functions that stand for the tools which a client runs itself, and what their arguments are.

| tool          | arguments of its function                                               |
|---------------|-------------------------------------------------------------------------|
| ``custom``    | ``{"input": "…"}``: the whole free text                                 |
| ``local_shell`` | the ``action`` of a ``local_shell_call``, without its ``type`` (``exec``) |
| ``shell``     | the ``action`` of a ``shell_call``                                      |
| ``apply_patch`` | the ``operation`` of an ``apply_patch_call``                          |
| ``tool_search`` | what the client says                                                  |

The schemas follow the types of those items in OpenAI's reference, as plainly as can be:
no keyword in them is refused anywhere. The descriptions are for the model to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from addon.translate.tool_names import ToolKind

Function: TypeAlias = dict[str, Any]
"""``description`` and ``parameters`` of a Chat function."""

INPUT: Final = "input"
"""The one argument of the function that stands for a custom tool."""


def _schema(required: list[str], **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _count(description: str) -> dict[str, Any]:
    return {"type": "integer", "description": description}


_STRINGS: Final = {"type": "array", "items": {"type": "string"}}

FUNCTIONS: Final[Mapping[ToolKind, Function]] = {
    ToolKind.LOCAL_SHELL: {
        "description": "Runs one command on the user's machine and returns what it prints.",
        "parameters": _schema(
            ["command"],
            command={**_STRINGS, "description": "The program and its arguments, one each."},
            env={
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Environment variables to set for the command.",
            },
            timeout_ms=_count("After how many milliseconds to give up."),
            user=_text("The user to run the command as."),
            working_directory=_text("The folder to run the command in."),
        ),
    },
    ToolKind.SHELL: {
        "description": (
            "Runs shell commands, in order, on the user's machine and returns what they print."
        ),
        "parameters": _schema(
            ["commands"],
            commands={**_STRINGS, "description": "The commands, each a line for the shell."},
            timeout_ms=_count("After how many milliseconds to give up."),
            max_output_length=_count("How many characters of output to return at most."),
        ),
    },
    ToolKind.APPLY_PATCH: {
        "description": (
            "Creates, changes or deletes one file in the user's workspace. The diff is in the V4A "
            "format: hunks that begin with '@@' (and, where it helps, the line of the class or "
            "function they stand in), then lines that begin with ' ' (kept), '-' (removed) or "
            "'+' (added); for a new file every line begins with '+'."
        ),
        "parameters": _schema(
            ["type", "path"],
            type={
                "type": "string",
                "enum": ["create_file", "update_file", "delete_file"],
                "description": "What to do with the file.",
            },
            path=_text("The file, relative to the workspace."),
            diff=_text("What to write or change; not for delete_file."),
        ),
    },
}

_FREEFORM: Final = _schema([INPUT], **{INPUT: _text("The whole input of the tool.")})

DESCRIPTION_OF_SEARCH: Final = "Searches for further tools; those that are found can be called."
"""Of a ``tool_search`` that has none of its own."""


def shell_function(skills: Iterable[Mapping[str, Any]]) -> Function:
    """The function for a shell on whose machine there are ``skills``.

    Each has a ``name``, a ``description`` and the ``path`` of its folder.
    """
    function = FUNCTIONS[ToolKind.SHELL]
    lines = [
        f"- {skill.get('name')} (in {skill.get('path')}): {skill.get('description')}"
        for skill in skills
    ]
    if not lines:
        return function
    told = "\n".join(("There are skills, each a folder that tells how something is done:", *lines))
    return {**function, "description": f"{function['description']}\n\n{told}"}


def freeform_function(description: str | None, grammar: Mapping[str, str] | None) -> Function:
    """The function for a custom tool.

    ``grammar``: the ``syntax`` and the ``definition`` that its input must follow, if any.
    """
    paragraphs = [description] if description else []
    paragraphs.append(
        f"Put the whole input into the argument '{INPUT}', as it is: free text, not JSON."
    )
    if grammar:
        paragraphs.append(
            f"The input must match this grammar ({grammar['syntax']}):\n{grammar['definition']}"
        )
    return {
        "description": "\n\n".join(paragraphs),
        "parameters": _FREEFORM,
    }
