"""A conversation in one shape, whichever API's words it was in: what ``conversation`` writes down.

Readers take whatever a client or an upstream may have sent, of any type in any place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, TypeAlias

from pydantic_core import to_json

from addon.proxy.views.bounds import human_size, shortened

JsonObject: TypeAlias = Mapping[str, Any]

_LONGEST_NAME: Final = 200
"""Characters of what ought to be a name, a URL or a number."""
_LONGEST_VALUE: Final = 400


class Said(Enum):
    """What kind of thing somebody said."""

    TEXT = auto()
    REASONING = auto()
    CALL = auto()
    NOTE = auto()
    """In our words: what stands in the place of something that is no text."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that somebody said."""

    said: Said
    text: str
    """Of a call its arguments, JSON or not."""
    name: str = ""
    """Of a call: what was called, and its id."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody said, in parts."""

    role: str
    parts: Sequence[Part]
    of: str = ""
    """Which call a tool answers."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said, and what there is to know beside it."""

    facts: Sequence[str]
    """Lines that come first."""
    items: Sequence[object]
    """What ``read`` makes turns of: only those that there is room for are read."""
    read: Callable[[object], Turn]
    ending: Sequence[str] = ()
    """Lines that come last."""
    unread: int = 0
    """Bytes at the end of its body that were not read, since it is too large."""


def text_of(value: object) -> str:
    """``value`` as a text: what it is, or JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else compact(value, _LONGEST_VALUE)


def name_of(value: object) -> str:
    """``value`` as a short text on one line."""
    return shortened(" ".join(text_of(value).split()), _LONGEST_NAME)


def compact(value: object, longest: int) -> str:
    """``value`` as JSON on one line, in about ``longest`` characters."""
    return shortened(to_json(value, inf_nan_mode="constants").decode("utf-8", "replace"), longest)


def object_of(value: object) -> JsonObject:
    """``value`` if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def list_of(value: object) -> Sequence[Any]:
    """``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def model_line(api: str, body: JsonObject) -> str:
    """Which API ``body`` is written for, and which model it names."""
    model = name_of(body.get("model"))
    return f"{api}, model {model}" if model else api


def settings_line(body: JsonObject, but: frozenset[str]) -> list[str]:
    """The fields of a request that are no part of the conversation, and not ``but`` either."""
    told = [
        f"{name_of(key)} {compact(value, _LONGEST_VALUE)}"
        for key, value in body.items()
        if key not in but and value is not None
    ]
    return [f"Settings: {', '.join(told)}"] if told else []


def tools_line(names: Sequence[str]) -> list[str]:
    """The names of the tools."""
    shown = shortened(", ".join(names), 10 * _LONGEST_VALUE)
    return [f"Tools ({len(names)}): {shown}"] if names else []


def placeholder(what: str, source: object, name: object = None) -> Part:
    """``[what …]`` for something that is no text: by its URL, or its size and type."""
    told = [what, *([name_of(name)] if name else [])]
    url = source if isinstance(source, str) else ""
    kind, comma, data = url.partition(",")
    if url.startswith("data:") and comma:
        told.append(kind.removeprefix("data:").partition(";")[0])
        told.append(human_size(_unpacked_size(data)))
    elif "://" in url[:_LONGEST_NAME] or len(url) <= _LONGEST_NAME:
        told.append(name_of(url))
    else:
        told.append(human_size(_unpacked_size(url)))
    return Part(Said.NOTE, f"[{', '.join(word for word in told if word)}]")


def _unpacked_size(data: str) -> int:
    """How many bytes ``data`` stands for in base64."""
    return len(data) * 3 // 4 - data[-2:].count("=")


def usage_line(usage: object) -> str:
    """What an answer cost, in the words of either API; empty where that is not known."""
    given = object_of(usage)
    tokens_in = given.get("prompt_tokens", given.get("input_tokens"))
    tokens_out = given.get("completion_tokens", given.get("output_tokens"))
    if not isinstance(tokens_in, int) and not isinstance(tokens_out, int):
        return ""
    cached = _detail(given, "cached_tokens", "prompt_tokens_details", "input_tokens_details")
    thought = _detail(
        given, "reasoning_tokens", "completion_tokens_details", "output_tokens_details"
    )
    return (
        f"{name_of(tokens_in)} tokens in ({name_of(cached)} cached), "
        f"{name_of(tokens_out)} out ({name_of(thought)} reasoning)"
    )


def _detail(usage: JsonObject, name: str, *places: str) -> object:
    """``name`` in whichever of ``places`` has it, or in ``usage`` itself."""
    for place in places:
        if name in (details := object_of(usage.get(place))):
            return details[name]
    return usage.get(name, 0)
