"""Events of the Responses stream, as bytes.

Rare events are serialised from a dict. The delta events, of which there is one
for nearly every chunk that comes in, are written from a frame that is made once
for each run of deltas, so that only the delta itself is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any, Final

from pydantic_core import to_json

from addon.translate.json_edge import mend_surrogates

_quote: Final = encode_basestring
_HIGH_SURROGATES: Final = ("\ud800", "\udbff")


class EventWriter:
    """Numbers the events of one stream, and holds them until they are taken."""

    __slots__ = ("_parts", "_sequence_number")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._sequence_number = 0

    def event(self, kind: str, members: Mapping[str, Any]) -> None:
        """An event with ``members`` beside ``type`` and ``sequence_number``."""
        self.event_of_json(kind, to_json(members).decode()[1:-1])

    def event_of_json(self, kind: str, members: str) -> None:
        """The same, where the members are JSON text already (without braces)."""
        self._parts.append(
            f'event: {kind}\ndata: {{"type":"{kind}","sequence_number":{self._sequence_number},'
            f"{members}}}\n\n"
        )
        self._sequence_number += 1

    def delta(self, head: str, text: str, tail: str) -> None:
        """A delta event between ``head`` and ``tail``, which a ``DeltaRun`` made."""
        self._parts.append(f"{head}{self._sequence_number}{tail % _quote(text)}")
        self._sequence_number += 1

    def take(self) -> bytes:
        """What has been written since the last call."""
        taken = "".join(self._parts).encode()
        self._parts.clear()
        return taken


class DeltaRun:
    """Text that grows by deltas: written as it comes, kept to be repeated when it is done.

    JSON can cut a character outside the basic plane into two escapes, and an
    upstream can cut it there into two chunks: the first half waits for the second.
    """

    __slots__ = ("_half", "_head", "_tail", "_texts", "_writer")

    def __init__(
        self, writer: EventWriter, kind: str, place: Mapping[str, str | int], **more: object
    ) -> None:
        """``place`` says which item and part the delta belongs to; ``more`` follows the delta."""
        self._writer = writer
        self._head = f'event: {kind}\ndata: {{"type":"{kind}","sequence_number":'
        before = to_json(place).decode()[1:-1].replace("%", "%%")
        after = to_json(more).decode()[1:-1].replace("%", "%%")
        self._tail = f',{before},"delta":%s{"," if after else ""}{after}}}\n\n'
        self._texts: list[str] = []
        self._half = ""

    def append(self, text: str) -> None:
        """The next piece of the text."""
        if self._half or not text.isascii():
            text = self._in_whole_characters(text)
        if text:
            self._texts.append(text)
            self._writer.delta(self._head, text, self._tail)

    def close(self) -> str:
        """The whole text; a half character that is still waiting has lost its other half."""
        if self._half:
            self._half = ""
            self.append("\ufffd")
        return self.text

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._texts)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come yet."""
        return not self._texts

    def is_repeated_by(self, text: str) -> bool:
        """Whether ``text`` is all of it once more; what came in one piece may well come twice."""
        return len(self._texts) > 1 and self.text == text

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
