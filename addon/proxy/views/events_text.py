"""An event stream as it came, for people: its events, a long one with its JSON on lines.

Of a long stream the first events are shown, and the last, which tell how it ended.
"""

from __future__ import annotations

import re
from typing import Final

from addon.proxy.views.bounds import ROOM, shortened
from addon.proxy.views.json_text import pretty_json

_HEAD: Final = 2 * 1024 * 1024
"""Bytes at the beginning of a stream that are looked at."""
_TAIL: Final = 512 * 1024
"""Bytes at its end."""

_ROOM_OF_TAIL: Final = ROOM // 4
_LONGEST_LINE: Final = 300
"""Characters of an event's data that stand on one line."""
_LONGEST_EVENT: Final = 20_000
_LONGEST_OTHER: Final = 2_000
"""Characters of a line that is not JSON."""

_DATA: Final = re.compile(r"data: ?")


def pretty_events(data: bytes) -> str:
    """The events of ``data``, in about ``ROOM`` characters."""
    if len(data) <= _HEAD + _TAIL:
        blocks = _blocks(data)
        first, count = _shown(blocks, ROOM - _ROOM_OF_TAIL)
        rest = blocks[count:]
        passed_over = 0
    else:
        blocks = _blocks(data[:_HEAD])[:-1] or _blocks(data[:_HEAD])
        first, count = _shown(blocks, ROOM - _ROOM_OF_TAIL)
        rest = _blocks(data[-_TAIL:])[1:]
        middle = len(blocks) - count
        passed_over = middle + _ends(data, _HEAD, len(data) - _TAIL)
    last, count = _shown(rest[::-1], _ROOM_OF_TAIL)
    left_out = passed_over + len(rest) - count
    if left_out:
        first.append(f"… {left_out:,} events left out …")
    return "\n\n".join((*first, *last[::-1]))


def _blocks(data: bytes) -> list[str]:
    """Events, comments and whatever else stands between blank lines."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return [block.strip("\n") for block in text.split("\n\n") if block.strip("\n")]


def _ends(data: bytes, start: int, end: int) -> int:
    """About how many events end there."""
    end_of_event = b"\r\n\r\n" if b"\r\n\r\n" in data[:start] else b"\n\n"
    return data.count(end_of_event, start, end)


def _shown(blocks: list[str], room: int) -> tuple[list[str], int]:
    """The first of ``blocks`` that there is room for, and how many they are."""
    shown: list[str] = []
    for block in blocks:
        if room <= 0:
            break
        shown.append("\n".join(map(_line, block.split("\n"))))
        room -= len(shown[-1]) + 2
    return shown, len(shown)


def _line(line: str) -> str:
    label = _DATA.match(line)
    if label is None or len(line) <= _LONGEST_LINE:
        return shortened(line, _LONGEST_OTHER)
    payload = line[label.end() :]
    if not payload.startswith(("{", "[")):
        return shortened(line, _LONGEST_OTHER)
    text, left_out = pretty_json(payload.encode("utf-8", "replace"), _LONGEST_EVENT)
    more = f"\n… {left_out:,} bytes left out" if left_out else ""
    return f"data: {text}{more}"
