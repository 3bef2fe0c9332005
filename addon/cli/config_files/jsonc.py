"""Where things stand in a text of JSON with comments and trailing commas.

As Microsoft's jsonc-parser reads it with ``allowTrailingComma``, which is how OpenCode reads
its configuration: nothing else of JSON5. Pure. What edits such texts for Python needs Node, or
a newer Python than ours, or takes the place of the json5 that reads our own settings.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_SPACE: Final = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*[\s\S]*?\*/)*+")
"""What may stand between any two tokens."""
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"')
_SCALAR: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")


_STRING_OR_COMMENT: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|(//|/\*)')


class JsoncFault(ValueError):
    """Not JSON, even with comments allowed; the message begins with line and column."""

    def __init__(self, text: str, at: int, what: str) -> None:
        line = text.count("\n", 0, at) + 1
        column = at - text.rfind("\n", 0, at)
        super().__init__(f"{line}:{column}: is not JSON: {what}")


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and where it stands: ``text[start:end]``."""

    start: int
    end: int
    value: Json
    members: tuple[Member, ...] = ()
    """Of an object, all that are written, also those that a later one of their name hides."""

    def member(self, key: str) -> Member | None:
        """The one that counts."""
        return next((member for member in reversed(self.members) if member.key == key), None)


@dataclass(frozen=True, slots=True)
class Member:
    """One ``"key": value`` of an object; ``start`` is where its key begins."""

    key: str
    start: int
    node: Node
    comma: int | None
    """Where the comma stands that follows, if one does."""


def parse(text: str) -> Node | None:
    """The value of ``text``; None where there is nothing but space and comments.

    Raises JsoncFault.
    """
    scanner = _Scanner(text)
    scanner.skip()
    if scanner.at == len(text):
        return None
    try:
        node = scanner.node()
    except RecursionError:
        raise JsoncFault(text, scanner.at, "it nests too deep") from None
    scanner.skip()
    if scanner.at < len(text):
        raise scanner.fault("the end was expected")
    return node


def after_space(text: str, at: int) -> int:
    """Where the space and the comments that begin at ``at`` end."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def has_comments(text: str) -> bool:
    """Whether somebody has said something in ``text``, a value's."""
    return any(found[1] for found in _STRING_OR_COMMENT.finditer(text))


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip(self) -> None:
        self.at = after_space(self.text, self.at)

    def fault(self, what: str) -> JsoncFault:
        found = self.text[self.at : self.at + 1]
        shown = f", not {found}" if found.isprintable() and found not in ("", '"') else ""
        return JsoncFault(self.text, self.at, what + shown)

    def took(self, token: str) -> int | None:
        """Where ``token`` stood, if it came next after any space."""
        self.skip()
        if not self.text.startswith(token, self.at):
            return None
        self.at += len(token)
        return self.at - len(token)

    def node(self) -> Node:
        start = self.at
        if self.took("{") is not None:
            return self._object(start)
        if self.took("[") is not None:
            return self._array(start)
        value = self._literal(_SCALAR.match(self.text, start) or _STRING.match(self.text, start))
        return Node(start, self.at, value)

    def _literal(self, found: re.Match[str] | None) -> Json:
        if found is None:
            is_text = self.text.startswith('"', self.at)
            raise self.fault("this text does not end" if is_text else "a value was expected")
        try:
            value: Json = json.loads(found.group())
        except ValueError:
            raise JsoncFault(self.text, self.at, "this value cannot be read") from None
        self.at = found.end()
        return value

    def _array(self, start: int) -> Node:
        values = []
        while self.took("]") is None:
            self.skip()
            values.append(self.node().value)
            if self.took(",") is None and not self.text.startswith("]", self.at):
                raise self.fault("a comma or ] was expected")
        return Node(start, self.at, values)

    def _object(self, start: int) -> Node:
        members = []
        while self.took("}") is None:
            members.append(self._member())
            if members[-1].comma is None and not self.text.startswith("}", self.at):
                raise self.fault("a comma or } was expected")
        return Node(start, self.at, {m.key: m.node.value for m in members}, tuple(members))

    def _member(self) -> Member:
        self.skip()
        start = self.at
        key = _STRING.match(self.text, start)
        if key is None:
            raise self.fault('a key in " was expected')
        name = self._literal(key)
        if self.took(":") is None:
            raise self.fault("a colon was expected")
        self.skip()
        return Member(str(name), start, self.node(), self.took(","))
