"""A shortcut for chunks that are like the one before: nearly all of them are.

Theory of operation. Of a stream's chunks most differ from their predecessor in nothing
but the text of their delta. So when a chunk has been read the plain way, and brought
one piece of text and nothing else, the bytes before and after that text are kept:

    {"choices":[{"delta":{"content":" you are"},"index":0}],"object":"chat.completion.chunk"}
    |------------- head ----------|          |------------------- tail --------------------|

A chunk that begins with the same head, ends with the same tail, and has between them
what is with both quotes one whole JSON string, is the same chunk but for this text: no
byte outside the string can mean anything else than it did. The piece goes where the
last one went, and it goes there as the JSON that it came as, since the event quotes it
likewise.

Whether head and tail were cut at the right string is not guessed: the chunk is read
once more with another text put in, and that must come out in its place. What takes the
plain way ends the shortcut; where shortcuts are of no use (each chunk has a count of
its own, say) they are tried ever more rarely.

Pure: bytes in, bytes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import from_json

from addon.translate.events import EventWriter

_PROBE: Final = 'another text, \u2260 "the" first'
_LONGEST_PAUSE: Final = 63
_BEFORE: Final = (b"data: ", b"data:")
_AFTER: Final = (b"\n\n", b"\r\n\r\n")


@dataclass(frozen=True, slots=True)
class Piece:
    """The one thing that a chunk brings."""

    kind: Literal["content", "reasoning", "arguments"]
    text: str
    fragment: Mapping[str, Any] | None = None
    """Of arguments: the piece of the call that holds them."""


Follow: TypeAlias = Callable[[str, bytes], bytes]
"""Takes a piece of text, plain and as a JSON string; gives the events that it makes."""

FollowBy: TypeAlias = Callable[[Piece], Follow | None]
"""What takes the pieces that are like this one; None where each needs a look of its own."""


def only_piece(chunk: Mapping[str, Any]) -> Piece | None:
    """The piece of text that ``chunk`` brings, where it is in its only choice and ends nothing.

    None where there is none, or where anything else might come of the chunk.
    """
    match chunk.get("choices"):
        case [{"delta": {} as delta, **choice}] if not (
            choice.get("index") or choice.get("finish_reason")
        ):
            pass
        case _:
            return None
    content, calls = delta.get("content"), delta.get("tool_calls")
    reasoning = delta.get("reasoning_content") or delta.get("reasoning")
    others = delta.get("refusal"), delta.get("function_call")
    match [value for value in (content, reasoning, calls, *others) if value]:
        case [str(text)] if text is content:
            return Piece("content", text)
        case [str(text)] if text is reasoning:
            return Piece("reasoning", text)
        case [[{"function": {"arguments": str(text)}} as fragment]] if text:
            return Piece("arguments", text, fragment)
    return None


class Frame:
    """What stands around one text in a chunk, from and to its quotes."""

    __slots__ = ("_end", "_follow", "_head", "_start", "_tail")

    def __init__(self, head: bytes, tail: bytes, follow: Follow) -> None:
        self._head = head
        self._tail = tail
        self._start = len(head) - 1
        self._end = 1 - len(tail)
        self._follow = follow

    def follow(self, data: bytes) -> bytes | None:
        """The events that ``data`` makes; None where it is not like the chunk before."""
        if data.startswith(self._head) and data.endswith(self._tail):
            quoted = data[self._start : self._end]
            try:
                text = from_json(quoted)
            except ValueError:
                return None
            if text:
                return self._follow(text, quoted)
        return None

    def within(self, before: bytes, after: bytes) -> Frame:
        """The same with more around it."""
        return Frame(before + self._head, self._tail + after, self._follow)


def frame_around(piece: Piece, payload: bytes, follow: Follow) -> Frame | None:
    """The frame of the chunk in ``payload``, which brought ``piece``; None: not found."""
    for quote in (encode_basestring, encode_basestring_ascii):
        quoted = quote(piece.text).encode()
        start = payload.rfind(quoted)
        head, tail = payload[: start + 1], payload[start + len(quoted) - 1 :]
        if start >= 0 and _piece_between(head, _PROBE, tail) == (piece.kind, _PROBE):
            return Frame(head, tail, follow)
    return None


def _piece_between(head: bytes, text: str, tail: bytes) -> tuple[str, str] | None:
    """What the chunk brings that has ``text`` between ``head`` and ``tail``."""
    try:
        chunk = from_json(head[:-1] + encode_basestring(text).encode() + tail[1:])
    except ValueError:
        return None
    piece = only_piece(chunk) if isinstance(chunk, dict) else None
    return None if piece is None else (piece.kind, piece.text)


class Shortcut:
    """The frame of the last chunk, as long as it serves."""

    __slots__ = ("_learnt_at", "_pause", "_rest", "_writer", "of_chunk", "of_read")

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer
        self.of_chunk: Frame | None = None
        self.of_read: Frame | None = None
        """The same around a read that is one event and no more."""
        self._learnt_at = 0
        """The number of the event that came next when the frame was made."""
        self._pause = 0
        """How many chunks pass after a frame that was of no use, before another is made."""
        self._rest = 0
        """How many of them are still to pass."""

    def end(self) -> None:
        """A chunk takes the plain way: what comes after it may mean something else."""
        if self.of_chunk is not None:
            was_used = self._writer.sequence_number > self._learnt_at
            self.of_chunk = self.of_read = None
            self._put_off(was_used=was_used)

    def learn(self, payload: bytes, chunk: Mapping[str, Any], follow_by: FollowBy) -> None:
        """Makes a frame of a chunk that took the plain way, where it has one."""
        if self._rest:
            self._rest -= 1
            return
        piece = only_piece(chunk)
        if piece is None:
            return
        follow = follow_by(piece)
        self.of_chunk = frame_around(piece, payload, follow) if follow is not None else None
        self._learnt_at = self._writer.sequence_number
        if self.of_chunk is None:
            self._put_off(was_used=False)

    def look_at_read(self, data: bytes, payloads: list[bytes], *, is_whole: bool) -> None:
        """``data`` completed events with these ``payloads``; ``is_whole``: and left no rest.

        Where it was one event, the next read is likely to be one too.
        """
        if not is_whole or self.of_chunk is None:
            self.of_read = None
        elif self.of_read is None and len(payloads) == 1:
            before, _, after = data.partition(payloads[0])
            if before in _BEFORE and after in _AFTER:
                self.of_read = self.of_chunk.within(before, after)

    def _put_off(self, *, was_used: bool) -> None:
        self._pause = 0 if was_used else min(2 * self._pause + 1, _LONGEST_PAUSE)
        self._rest = self._pause
