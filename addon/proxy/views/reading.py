"""Bodies as values: what kind of body it is, and its JSON as far as that can be read at once."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from pydantic_core import from_json

from addon.translate.json_edge import JsonValue, parse_json

_BOM: Final = b"\xef\xbb\xbf"
_BEGINNING: Final = 4 * 1024
_FIELD: Final = re.compile(rb"^(?:data|event|id|retry)?:", re.MULTILINE)
"""A line of an event stream (WHATWG HTML §9.2.6); one that begins with its colon is a comment."""

_MOST_VALUES: Final = 500_000
_MOST_ESCAPES: Final = 2_000_000
"""Commas and backslashes in a JSON that is parsed whole: what takes the time is making values."""
_LONGEST_PARSED: Final = 64 * 1024 * 1024
"""Bytes of one that is parsed whole."""
_PART_PARSED: Final = 4 * 1024 * 1024
"""Bytes of any other that are parsed."""


class Kind(Enum):
    """How a body is written."""

    NOTHING = auto()
    JSON = auto()
    EVENTS = auto()
    TEXT = auto()


def kind_of(body: bytes) -> Kind:
    """By what it looks like: a header may be wrong, or not be kept."""
    beginning = body[:_BEGINNING].removeprefix(_BOM).lstrip()
    if beginning.startswith((b"{", b"[")):
        return Kind.JSON
    if _FIELD.search(beginning):
        return Kind.EVENTS
    return Kind.TEXT if beginning or len(body) > _BEGINNING else Kind.NOTHING


def read_json(body: bytes, *, is_cut: bool = False) -> tuple[JsonValue, int]:
    """``body`` as a value, and how many bytes of it were not read.

    Of one that ``is_cut``, or is too large, the beginning. Raises ValueError where it is not JSON.
    """
    read = body[:_PART_PARSED] if _takes_long(body) else body
    if is_cut or len(read) < len(body):
        value: JsonValue = from_json(read, allow_partial="trailing-strings")
        return value, len(body) - len(read)
    return (from_json(body) if len(body) > _PART_PARSED else parse_json(body)), 0


def _takes_long(body: bytes) -> bool:
    return len(body) > _PART_PARSED and (
        len(body) > _LONGEST_PARSED
        or body.count(b",") > _MOST_VALUES
        or body.count(b"\\") > _MOST_ESCAPES
    )
