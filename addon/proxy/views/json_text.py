"""JSON on lines, for people, from bytes of any size: whole, cut short, or not quite JSON.

It is not parsed but read from one token to the next, and no further than there is room for what
is shown. So a body of any size costs the same, one that was cut is shown as far as it goes, and
nothing can nest too deep. Texts stand as they were sent, with their escapes.
"""

from __future__ import annotations

import re
from typing import Final

from addon.proxy.views.bounds import human_size

_LONGEST_STRING: Final = 10_000
"""Bytes of one text that are shown."""
_LONGEST_DATA_URL: Final = 80
"""Of one that holds a file: nobody reads base64."""

_DEEPEST: Final = 40
"""Levels that are still moved to the right."""

_SPACE: Final = re.compile(rb"[ \t\r\n]++")
_SCALAR: Final = re.compile(rb'[^ \t\r\n,:"\[\]{}]++')
_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL)
_LONGEST_SEARCHED: Final = 4 * 1024 * 1024
"""Bytes in which the end of a text with escapes is looked for, and of such texts in all."""

_EMPTY: Final = {b"{": b"}", b"[": b"]"}


def pretty_json(data: bytes, room: int) -> tuple[str, int]:
    """``data`` on lines, in about ``room`` characters, and how many bytes of its end are left."""
    printer = _Printer(data)
    while printer.at < len(data) and printer.size < room:
        printer.step()
    return "".join(printer.pieces).strip(), len(data) - printer.at


class _Printer:
    """Where the reading is, and what it has come to."""

    def __init__(self, data: bytes) -> None:
        self.pieces: list[str] = []
        self.size = 0
        """Characters in ``pieces``."""
        self.at = 0
        self._data = data
        self._depth = 0
        self._searched = 0

    def step(self) -> None:
        """Shows the next token."""
        data, at = self._data, self.at
        sign = data[at : at + 1]
        if space := _SPACE.match(data, at):
            self.at = space.end()
        elif sign in _EMPTY:
            self._open(sign)
        elif sign in (b"}", b"]"):
            self._depth = max(0, self._depth - 1)
            self._put(self._new_line() + sign.decode(), 1)
        elif sign == b",":
            self._put("," + self._new_line(), 1)
        elif sign == b":":
            self._put(": ", 1)
        elif sign == b'"':
            self._string()
        elif scalar := _SCALAR.match(data, at):
            self._put(_shown(scalar.group()), len(scalar.group()))

    def _put(self, text: str, taken: int) -> None:
        self.pieces.append(text)
        self.size += len(text)
        self.at += taken

    def _new_line(self) -> str:
        return "\n" + "  " * min(self._depth, _DEEPEST)

    def _open(self, sign: bytes) -> None:
        inside = _SPACE.match(self._data, self.at + 1)
        end = inside.end() if inside else self.at + 1
        closing = _EMPTY[sign]
        if self._data.startswith(closing, end):
            self._put((sign + closing).decode(), end + 1 - self.at)
        else:
            self._depth += 1
            self._put(sign.decode() + self._new_line(), 1)

    def _string(self) -> None:
        end = self._end_of_string(self.at + 1)
        self._put(_shown(self._data[self.at : end]), end - self.at)

    def _end_of_string(self, start: int) -> int:
        """Behind its closing quote; what is too long to be searched goes to the end of all."""
        data = self._data
        quote = data.find(b'"', start)
        if quote < 0:
            return len(data)
        if quote == start or data[quote - 1] != ord("\\"):
            return quote + 1
        reach = start + _LONGEST_SEARCHED - self._searched
        found = _STRING.match(data, start, max(start, reach))
        if found is None:
            return len(data)
        self._searched += found.end() - start
        return found.end()


def _shown(token: bytes) -> str:
    """``token``, or its beginning; its quotes are among it."""
    longest = _LONGEST_DATA_URL if token.startswith(b'"data:') else _LONGEST_STRING
    left_out = len(token) - longest
    if left_out <= 0:
        return token.decode("utf-8", "replace")
    quote = '"' if token.endswith(b'"') else ""
    return f"{token[:longest].decode('utf-8', 'ignore')} … {human_size(left_out)} left out{quote}"
