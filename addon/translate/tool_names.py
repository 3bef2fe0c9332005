"""Which Chat function stands for which of the client's tools, and back.

Chat Completions knows functions alone, by names of one kind. The tools of the Responses
API come in several kinds, some inside a namespace, so each is given the name of a
function of its own:

    a function, a custom tool        its name
    one inside a namespace           ``namespace__name``
    local_shell, shell …             the name of its type

A name that Chat would refuse, or that is taken, is mended with a digest of what it
stands for: so it is the same in every turn of a conversation, and a prompt cache stays
warm. Names are also given to tools that only the history tells of.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple


class ToolKind(StrEnum):
    """The kinds of tools that the client itself runs: the ``type`` of the tool."""

    FUNCTION = "function"
    CUSTOM = "custom"
    LOCAL_SHELL = "local_shell"
    SHELL = "shell"
    APPLY_PATCH = "apply_patch"
    TOOL_SEARCH = "tool_search"


class ToolId(NamedTuple):
    """A tool as the client knows it."""

    kind: ToolKind
    name: str
    """Of a kind of which there is one tool only: the name of the kind."""
    namespace: str | None = None


_LONGEST: Final = 64
_FIT: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{_LONGEST}}}")
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]")
_DIGEST_CHARACTERS: Final = 8


class ToolNames:
    """The names of one request's tools. Those in ``tools`` come first to their names."""

    __slots__ = ("_by_id", "_by_name")

    def __init__(self, tools: Iterable[ToolId] = ()) -> None:
        self._by_id: dict[ToolId, str] = {}
        self._by_name: dict[str, ToolId] = {}
        for tool in tools:
            self.name_of(tool)

    def copy(self) -> ToolNames:
        """The same names; what is named by one of the two is unknown to the other."""
        copy = ToolNames()
        copy._by_id, copy._by_name = dict(self._by_id), dict(self._by_name)
        return copy

    def name_of(self, tool: ToolId) -> str:
        """The name of the Chat function that stands for ``tool``."""
        name = self._by_id.get(tool)
        if name is None:
            name = self._by_id[tool] = self._free_name(tool)
            self._by_name[name] = tool
        return name

    def tool_of(self, name: str) -> ToolId:
        """The tool for which the Chat function ``name`` stands; one that nobody knows is itself."""
        return self._by_name.get(name) or ToolId(ToolKind.FUNCTION, name)

    def _free_name(self, tool: ToolId) -> str:
        wanted = f"{tool.namespace}__{tool.name}" if tool.namespace else tool.name
        name = wanted if _FIT.fullmatch(wanted) else _mended(_UNFIT.sub("_", wanted), tool, 0)
        salt = 0
        while name in self._by_name:
            salt += 1
            name = _mended(_UNFIT.sub("_", wanted), tool, salt)
        return name


def _mended(name: str, tool: ToolId, salt: int) -> str:
    """``name`` cut to what Chat takes, and told apart by a digest of ``tool``."""
    whole = f"{tool.kind.value}\n{tool.namespace or ''}\n{tool.name}\n{salt}"
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{name[: _LONGEST - len(digest) - 1]}_{digest}"
