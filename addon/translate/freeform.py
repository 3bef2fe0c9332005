"""Reads the input of a custom tool out of the arguments of the function that stands for it.

Theory of operation. The arguments are JSON text that comes in pieces: ``{"input": "…"}``.
What stands in the string is given on as soon as it is there, un-escaped. There is a state
for each place in the text:

    OPENING    before the brace
    NAME       before a member's name
    IN_NAME    in it
    COLON      behind it
    VALUE      before the member's value
    OTHER      in a value that is not the input: passed over, with all that is nested in it
    IN_STRING  in a string in there
    INPUT      in the string that is the input: its characters are given on
    OVER       nothing more is of interest

Where no such string was found till the end (the arguments are no JSON, or hold no text of
that name), their whole text is the input: a model that was told to write free text may
well have done so. In a string, what JSON does not allow there stands for itself: bare
line ends above all.

Pure: text in, text out. A character outside the basic plane may come out in two halves,
as JSON writes it.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from addon.translate.client_tools import INPUT


class _At(Enum):
    OPENING = auto()
    NAME = auto()
    IN_NAME = auto()
    COLON = auto()
    VALUE = auto()
    OTHER = auto()
    IN_STRING = auto()
    INPUT = auto()
    OVER = auto()


_SPACE: Final = re.compile(r"[ \t\r\n\ufeff]*+")
_PLAIN_VALUE: Final = re.compile(r'[^"{}\[\],]*+')
_STRING: Final = re.compile(r'(?:[^"\\]++|\\(?:u[0-9a-fA-F]{4}|[^u]|u(?![0-9a-fA-F]{0,3}\Z)))*+')
"""The characters of a string, but for an escape at the end whose rest may be still to come."""
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    '"': '"',
    "\\": "\\",
    "/": "/",
}


class InputReader:
    """Takes the arguments of one call."""

    __slots__ = ("_at", "_depth", "_found", "_held", "_input", "_name", "_seen")

    def __init__(self) -> None:
        self._at = _At.OPENING
        self._held = ""
        """The beginning of an escape."""
        self._name: list[str] = []
        self._depth = 0
        """How many brackets are open in a value that is passed over."""
        self._input: list[str] = []
        """What one piece brought of the input."""
        self._found = False
        self._seen: list[str] = []
        """All arguments so far, as long as no input is found in them."""

    @property
    def has_begun(self) -> bool:
        """Whether any arguments have come."""
        return self._found or bool(self._seen)

    def feed(self, arguments: str) -> str:
        """What the next piece of the arguments brings of the input."""
        is_plain = '"' not in arguments and "\\" not in arguments
        if is_plain and self._at is _At.INPUT and not self._held:
            return arguments
        if not self._found:
            self._seen.append(arguments)
        text, self._held = self._held + arguments, ""
        place = 0
        while place < len(text) and self._at is not _At.OVER:
            place = self._step(text, place)
        brought = "".join(self._input)
        self._input.clear()
        return brought

    def finish(self) -> str:
        """What the end of the arguments brings."""
        return "" if self._found else "".join(self._seen)

    def _step(self, text: str, place: int) -> int:
        """Reads on from ``place``; gives how far."""
        match self._at:
            case _At.IN_NAME | _At.IN_STRING | _At.INPUT:
                return self._read_string(text, place)
            case _At.OTHER:
                return self._pass_over(text, place)
        found = _SPACE.match(text, place)
        place = found.end() if found else place
        if place == len(text):
            return place
        match self._at, text[place]:
            case _At.OPENING, "{":
                self._at = _At.NAME
            case _At.NAME, '"':
                self._at = _At.IN_NAME
            case _At.COLON, ":":
                self._at = _At.VALUE
            case _At.VALUE, character:
                return self._begin_value(character, place)
            case _:
                self._at = _At.OVER
        return place + 1

    def _begin_value(self, character: str, place: int) -> int:
        name = "".join(self._name)
        self._name.clear()
        if name != INPUT:
            self._at = _At.OTHER
            return place
        if character != '"':
            self._at = _At.OVER
            return place
        self._at = _At.INPUT
        self._found = True
        self._seen.clear()
        return place + 1

    def _read_string(self, text: str, place: int) -> int:
        found = _STRING.match(text, place)
        end = found.end() if found else place
        if self._at is _At.INPUT:
            self._input.append(_unescaped(text[place:end]))
        elif self._at is _At.IN_NAME:
            self._name.append(_unescaped(text[place:end]))
        if end == len(text):
            return end
        if text[end] != '"':
            self._held = text[end:]
            return len(text)
        self._at = _BEHIND_STRING[self._at]
        return end + 1

    def _pass_over(self, text: str, place: int) -> int:
        found = _PLAIN_VALUE.match(text, place)
        place = found.end() if found else place
        if place == len(text):
            return place
        match text[place]:
            case '"':
                self._at = _At.IN_STRING
            case "{" | "[":
                self._depth += 1
            case "," if not self._depth:
                self._at = _At.NAME
            case "}" | "]":
                self._depth -= 1
                if self._depth < 0:
                    self._at = _At.OVER
        return place + 1


_BEHIND_STRING: Final = {
    _At.IN_NAME: _At.COLON,
    _At.IN_STRING: _At.OTHER,
    _At.INPUT: _At.OVER,
}


def _unescaped(body: str) -> str:
    return _ESCAPE.sub(_character, body) if "\\" in body else body


def _character(escape: re.Match[str]) -> str:
    code, letter = escape.groups()
    return chr(int(code, 16)) if code else _ESCAPED.get(letter, escape[0])
