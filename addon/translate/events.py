"""Events of the Responses stream, as bytes.

Rare events are serialised from a dict. The delta events, of which there is one
for nearly every chunk that comes in, are written from a frame that is made once
for each run of deltas, so that only the delta itself is escaped, or not even that
where it came escaped already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from json.encoder import encode_basestring
from typing import Any, Final

from pydantic_core import to_json

from addon.translate.json_edge import mend_surrogates

_quote: Final = encode_basestring
_HIGH_SURROGATES: Final = ("\ud800", "\udbff")


class EventWriter:
    """Numbers the events of one stream, and holds them until they are taken."""

    __slots__ = ("_parts", "sequence_number")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.sequence_number = 0
        """The next event's."""

    def event(self, kind: str, members: Mapping[str, Any]) -> None:
        """An event with ``members`` beside ``type`` and ``sequence_number``."""
        self.event_of_json(kind, to_json(members).decode()[1:-1])

    def event_of_json(self, kind: str, members: str) -> None:
        """The same, where the members are JSON text already (without braces)."""
        event = (
            f'event: {kind}\ndata: {{"type":"{kind}","sequence_number":{self.sequence_number},'
            f"{members}}}\n\n"
        )
        self._parts.append(event.encode())
        self.sequence_number += 1

    def add(self, events: bytes) -> None:
        """Events that are written and numbered already."""
        self._parts.append(events)

    def take(self) -> bytes:
        """What has been written since the last call."""
        parts = self._parts
        if len(parts) == 1:
            return parts.pop()
        taken = b"".join(parts)
        parts.clear()
        return taken


class GrowingText:
    """A text in the pieces in which it came.

    They are joined now and then: a small one weighs more than what it holds.
    """

    __slots__ = ("_joined", "_pieces")

    def __init__(self) -> None:
        self._joined: list[str] = []
        self._pieces: list[str] = []

    def append(self, piece: str) -> None:
        """One piece more; it holds something."""
        pieces = self._pieces
        pieces.append(piece)
        if len(pieces) == _MOST_PIECES:
            self._joined.append("".join(pieces))
            pieces.clear()

    def __str__(self) -> str:
        return "".join(self)

    def __iter__(self) -> Iterator[str]:
        yield from self._joined
        yield from self._pieces

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come yet."""
        return not self._pieces and not self._joined

    def is_repeated_by(self, text: str) -> bool:
        """Whether ``text`` is all of it once more.

        A short one that came in one piece may well come twice: "Ha", "Ha".
        """
        is_in_pieces = bool(self._joined) or len(self._pieces) > 1
        if not is_in_pieces and not _can_only_repeat(text):
            return False
        return sum(map(len, self)) == len(text) and str(self) == text


_MOST_PIECES: Final = 1024
_LONGEST_SAID_TWICE: Final = 16
"""Characters; no token that a model may well write twice has more."""


def _can_only_repeat(text: str) -> bool:
    """Whether ``text`` after itself says nothing more: it is long, or a whole JSON object."""
    return len(text) > _LONGEST_SAID_TWICE or (text[:1] == "{" and text[-1:] == "}")


class DeltaRun:
    """Text that grows by deltas: written as it comes, kept to be repeated when it is done.

    JSON can cut a character outside the basic plane into two escapes, and an
    upstream can cut it there into two chunks: the first half waits for the second.
    """

    __slots__ = ("_half", "_head", "_middle", "_tail", "_text", "_writer")

    def __init__(
        self, writer: EventWriter, kind: str, place: Mapping[str, str | int], **more: object
    ) -> None:
        """``place`` says which item and part the delta belongs to; ``more`` follows the delta."""
        self._writer = writer
        self._head = f'event: {kind}\ndata: {{"type":"{kind}","sequence_number":'.encode()
        self._middle = b"," + to_json(place)[1:-1] + b',"delta":'
        self._tail = _tail(more)
        self._text = GrowingText()
        self._half = ""

    def append(self, text: str) -> None:
        """The next piece of the text."""
        if self._half or not text.isascii():
            text = self._in_whole_characters(text)
        if text:
            self._writer.add(self.follow(text, _quote(text).encode()))

    def append_with(self, text: str, **more: object) -> None:
        """The next piece of the text, with ``more`` of its own after the delta."""
        usual, self._tail = self._tail, _tail(more)
        self.append(text)
        self._tail = usual

    def follow(self, text: str, quoted: bytes) -> bytes:
        """The event of the next piece, which holds whole characters alone, and no half is waiting.

        ``quoted`` is the same as a JSON string.
        """
        self._text.append(text)
        writer = self._writer
        number = writer.sequence_number
        writer.sequence_number = number + 1
        return b"%b%d%b%b%b" % (self._head, number, self._middle, quoted, self._tail)

    def close(self) -> str:
        """The whole text; a half character that is still waiting has lost its other half."""
        if self._half:
            self._half = ""
            self.append("\ufffd")
        return self.text

    @property
    def text(self) -> str:
        """The text so far."""
        return str(self._text)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come yet."""
        return self._text.is_empty

    def is_repeated_by(self, text: str) -> bool:
        """Whether ``text`` is all of it once more."""
        return self._text.is_repeated_by(text)

    def _in_whole_characters(self, text: str) -> str:
        text = self._half + text
        self._half = ""
        try:
            text.encode()
        except UnicodeEncodeError:
            low, high = _HIGH_SURROGATES
            if low <= text[-1] <= high:
                text, self._half = text[:-1], text[-1]
            return mend_surrogates(text)
        return text


def _tail(more: Mapping[str, object]) -> bytes:
    return (b"," + to_json(more)[1:-1] if more else b"") + b"}\n\n"
