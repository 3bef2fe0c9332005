"""The wire format of ``input``: a text, or a list of items; and the checking of the latter.

Nearly all of a long conversation are items of three kinds, each of a few texts. Those that can
be seen to be right are passed over: to check them would take longer, for the copies that come
of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Discriminator, Tag, TypeAdapter

from addon.translate.json_edge import JsonValue
from addon.translate.wire_items import LATER_TOOLS, AnyItem, Item, LaterTools
from addon.translate.wire_rules import LIST, TEXT, ListOf

_ROLES: Final = ("user", "assistant", "system", "developer")
_TEXTS: Final = ("input_text", "output_text")
_AT_ONCE: Final = 512
"""How many of the others are checked together: where a million are wrong, one is enough."""


def _text_or_list(value: object) -> str | None:
    if isinstance(value, str):
        return TEXT
    return LIST if isinstance(value, list) else None


Input: TypeAlias = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[ListOf[Item], Tag(LIST)],
    Discriminator(
        _text_or_list,
        custom_error_type="input_type",
        custom_error_message="Input should be a string or a list of items",
    ),
]

_CHECK: Final[Callable[[list[Any]], list[Any]]] = TypeAdapter(ListOf[Item]).validate_python


LaterToolsInPlace: TypeAlias = tuple[int, LaterTools]
"""An item that brings further tools, and its place."""


def checked_items(items: list[JsonValue]) -> tuple[list[AnyItem], list[LaterToolsInPlace]]:
    """``items`` if they are right, and those of them that bring tools; else ValidationError.

    Each of ``items`` up to the wrong one has a ``type`` then. OpenCode leaves it out of all
    messages; it may be left out of references too.
    """
    checked: list[Any] = list(items)
    later_tools: list[LaterToolsInPlace] = []
    others: list[int] = []
    for place, item in enumerate(items):
        if isinstance(item, dict):
            if item.get("type") is None:
                is_reference = "id" in item and "role" not in item
                item["type"] = "item_reference" if is_reference else "message"
            if _is_plain(item):
                continue
        others.append(place)
        if len(others) == _AT_ONCE:
            later_tools += _check(checked, others)
            others.clear()
    later_tools += _check(checked, others)
    return checked, later_tools


def _check(items: list[Any], places: list[int]) -> Iterator[LaterToolsInPlace]:
    for place, item in zip(places, _CHECK([items[each] for each in places]), strict=True):
        items[place] = item
        if item["type"] in LATER_TOOLS:
            yield place, item


def _is_plain(item: dict[str, JsonValue]) -> bool:
    """Whether ``item`` is of one of the commonest kinds, and can be seen to be right."""
    kind = item["type"]
    if kind == "function_call_output":
        return isinstance(item.get("call_id"), str) and isinstance(item.get("output"), str)
    if kind == "function_call":
        call_id, name = item.get("call_id"), item.get("name")
        return (
            isinstance(call_id, str)
            and call_id != ""
            and isinstance(name, str)
            and name != ""
            and isinstance(item.get("arguments"), str)
            and item.get("namespace") is None
        )
    if kind != "message" or item.get("role") not in _ROLES:
        return False
    content = item.get("content")
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
        return content[0].get("type") in _TEXTS and isinstance(content[0].get("text"), str)
    return isinstance(content, str)
