"""The tools of a request, known again: a client sends the same ones with every request.

They are a quarter of many a request. That they are right, which Chat functions they are, and
how each kind of service is sent these is found out once, and kept for the next request.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from operator import is_
from typing import Final

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from addon.translate.schema import clean
from addon.translate.tools import ChatTool, ChatTools, chat_tools
from addon.translate.wire_rules import ListOf
from addon.translate.wire_tools import AnyTool, Tool

_MOST_KEPT: Final = 32
_LONGEST_KEPT: Final = 256 * 1024
"""Toolboxes that are kept, and the longest, in bytes of JSON, that is."""

_CHECK: Final = TypeAdapter(ListOf[Tool]).validate_python


class Functions:
    """Chat functions, in the order in which they are sent; not to be changed."""

    __slots__ = ("_written", "tools")

    def __init__(self, tools: Sequence[ChatTool]) -> None:
        self.tools = tools
        self._written: dict[frozenset[str] | None, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self.tools)

    def written(self, refused: frozenset[str] | None) -> bytes:
        """As JSON, for a service that refuses the keywords ``refused`` in their schemas."""
        if refused not in self._written:
            tools = self.tools if refused is None else [_cleaned(t, refused) for t in self.tools]
            self._written[refused] = to_json(tools, inf_nan_mode="null")
        return self._written[refused]


def _cleaned(tool: ChatTool, refused: frozenset[str]) -> ChatTool:
    function = tool["function"]
    return {
        **tool,
        "function": {**function, "parameters": clean(function["parameters"], refused)},
    }


class Toolbox:
    """The tools of one request, or of many that are the same; not to be changed."""

    def __init__(self, tools: list[AnyTool]) -> None:
        self.tools = tools

    @cached_property
    def chat(self) -> ChatTools:
        """As Chat functions. Raises ApiError (400 ``invalid_request``), as ``chat_tools`` does."""
        return chat_tools((f"tools[{index}]", tool) for index, tool in enumerate(self.tools))

    @cached_property
    def _functions(self) -> Functions:
        return Functions(list(self.chat.functions.values()))

    def functions(self, tools: Sequence[ChatTool]) -> Functions:
        """``tools``; where they are all that are in here, what is known of them already."""
        own = self._functions
        is_same = len(tools) == len(own.tools) and all(map(is_, tools, own.tools))
        return own if is_same else Functions(tools)


def toolbox_of(tools: object) -> Toolbox:
    """The toolbox for what a request has as its tools. Raises pydantic's ValidationError."""
    text = to_json(tools)
    return _known(text) if len(text) <= _LONGEST_KEPT else Toolbox(_CHECK(tools))


@lru_cache(maxsize=_MOST_KEPT)
def _known(text: bytes) -> Toolbox:
    return Toolbox(_CHECK(from_json(text)))
