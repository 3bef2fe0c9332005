"""Shortcuts for chunks that are like the one before: nearly all of them are.

Theory of operation. When a chunk has been read the plain way, and brought one piece of
text and nothing else, two things are kept: where the piece went, its *route*, and what
stands around its text, the *frame*. For most chunks of a stream differ from their
predecessor in nothing but the text of their delta:

    {"choices":[{"delta":{"content":" you are"},"index":0}],"object":"chat.completion.chunk"}
    |------------- head ----------|          |------------------- tail --------------------|

A chunk that begins with the same head, ends with the same tail, and has between them
what is with both quotes one whole JSON string, is the same chunk but for this text: no
byte outside the string can mean anything else than it did. The piece goes where the
last one went, and it goes there as the JSON that it came as, since the event quotes it
likewise.

Whether head and tail were cut at the right string is not guessed: the chunk is read
once more with another text put in, and that must come out in its place. Where frames are
of no use (each chunk has a count of its own, say) they are tried ever more rarely: then a
chunk is read, but if it brings a piece like the last one, by the same label, and nothing
else, that takes the same route. What takes the plain way ends both.

Pure: bytes in, bytes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from pydantic_core import from_json

from addon.translate.events import EventWriter

_PROBE: Final = 'another text, \u2260 "the" first'
_LONGEST_PAUSE: Final = 127
_BEFORE: Final = (b"data: ", b"data:")
_AFTER: Final = (b"\n\n", b"\r\n\r\n")


class Piece(NamedTuple):
    """The one thing that a chunk brings."""

    kind: Literal["content", "reasoning", "arguments"]
    name: str
    """Of the member of the delta that holds it."""
    text: str
    fragment: Mapping[str, Any] | None = None
    """Of arguments: the piece of the call that holds them."""


Follow: TypeAlias = Callable[[str, bytes], bytes]
"""Takes a piece of text, plain and as a JSON string; gives the events that it makes."""

FollowBy: TypeAlias = Callable[[Piece], Follow | None]
"""What takes the pieces that are like this one; None where each needs a look of its own."""


_BRINGING: Final = frozenset(
    ("content", "reasoning_content", "reasoning", "tool_calls", "refusal", "function_call")
)
"""The members of a delta of which something may come."""


def _only_delta(chunk: Mapping[str, Any]) -> dict[str, Any] | None:
    """The delta of the only choice in ``chunk``, if that ends nothing."""
    choices = chunk.get("choices")
    if not isinstance(choices, list) or len(choices) != 1:
        return None
    choice = choices[0]
    if not isinstance(choice, dict) or choice.get("index") or choice.get("finish_reason"):
        return None
    delta = choice.get("delta")
    return delta if isinstance(delta, dict) else None


def _only_fragment(calls: object) -> dict[str, Any] | None:
    """The only piece of a call in ``calls``, if it has text that is its arguments."""
    if not isinstance(calls, list) or len(calls) != 1 or not isinstance(calls[0], dict):
        return None
    function = calls[0].get("function")
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
        return None
    return calls[0]


def only_piece(chunk: Mapping[str, Any]) -> Piece | None:
    """The piece of text that ``chunk`` brings, where it is in its only choice and ends nothing.

    None where there is none, or where anything else might come of the chunk.
    """
    delta = _only_delta(chunk)
    brought = [name for name in delta if name in _BRINGING and delta[name]] if delta else []
    if delta is None or len(brought) != 1:
        return None
    [name] = brought
    if name == "tool_calls":
        fragment = _only_fragment(delta[name])
        text = fragment["function"]["arguments"] if fragment is not None else None
        return Piece("arguments", name, text, fragment) if text else None
    text = delta[name]
    if name == "refusal" or not isinstance(text, str):
        return None
    return Piece("content" if name == "content" else "reasoning", name, text)


class Route:
    """The way of the last piece, and of all that are like it."""

    __slots__ = ("_label", "_name", "follow")

    def __init__(self, piece: Piece, follow: Follow) -> None:
        self._name = piece.name
        self._label = _label(piece.fragment) if piece.fragment is not None else None
        self.follow = follow

    def text_in(self, chunk: Mapping[str, Any]) -> str | None:
        """The text in ``chunk``, where it brings such a piece and nothing else."""
        try:
            [choice] = chunk["choices"]
            if choice.get("index") or choice.get("finish_reason"):
                return None
            delta = choice["delta"]
            text = delta[self._name]
            if len(delta) > 1:
                for name in delta:
                    if delta[name] and name != self._name and name in _BRINGING:
                        return None
            if self._label is not None:
                [fragment] = text
                text = fragment["function"]["arguments"]
                if _label(fragment) != self._label:
                    return None
        except (AttributeError, KeyError, TypeError, ValueError):
            return None  # it has another form
        return text if isinstance(text, str) else None


def _label(fragment: Mapping[str, Any]) -> tuple[object, ...]:
    """What says of which call a fragment is."""
    index = fragment.get("index")
    return type(index), index, fragment.get("id"), fragment["function"].get("name")


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
    """The frame of the last chunk, as long as it serves; and the route of its piece."""

    __slots__ = (
        "_learnt_at",
        "_pause",
        "_was_in_vain",
        "_writer",
        "of_chunk",
        "of_read",
        "rest",
        "route",
    )

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer
        self.of_chunk: Frame | None = None
        self.of_read: Frame | None = None
        """The same around a read that is one event and no more."""
        self.route: Route | None = None
        """The route of the last piece, if more like it may go there."""
        self._learnt_at = 0
        """The number of the event that came next when the frame was made."""
        self._pause = 0
        """How many chunks pass after a frame that was of no use, before another is made."""
        self.rest = 0
        """How many of them are still to pass."""
        self._was_in_vain = False
        """Whether the last piece had no route."""

    def end_frame(self) -> None:
        """A chunk had to be read: what comes after it may be framed otherwise."""
        if self.of_chunk is not None:
            was_used = self._writer.sequence_number > self._learnt_at
            self.of_chunk = self.of_read = None
            self._put_off(was_used=was_used)

    def end(self) -> None:
        """A chunk takes the plain way: what comes after it may mean something else."""
        self.end_frame()
        self.route = None

    def learn(self, payload: bytes, chunk: Mapping[str, Any], follow_by: FollowBy) -> None:
        """Makes a route and a frame of a chunk that took the plain way, where it has one."""
        if self.rest and self._was_in_vain:
            self.rest -= 1
            return
        piece = only_piece(chunk)
        if piece is None:
            return
        follow = follow_by(piece)
        self._was_in_vain = follow is None
        if follow is None:
            self._put_off(was_used=False)
            return
        self.route = Route(piece, follow)
        if self.rest:
            self.rest -= 1
        else:
            self.frame(payload, chunk, follow)

    def frame(self, payload: bytes, chunk: Mapping[str, Any], follow: Follow) -> None:
        """Makes a frame of a chunk, if it has one; not to be tried while there is ``rest``."""
        piece = only_piece(chunk)
        self.of_chunk = frame_around(piece, payload, follow) if piece is not None else None
        self._learnt_at = self._writer.sequence_number
        if self.of_chunk is None:
            self._put_off(was_used=False)

    def look_at_read(self, data: bytes, payload: bytes | None) -> None:
        """``data`` was one event with this ``payload`` and no more; None: it was not.

        Where it was, the next read is likely to be one too.
        """
        if payload is None or self.of_chunk is None:
            self.of_read = None
        elif self.of_read is None:
            before, _, after = data.partition(payload)
            if before in _BEFORE and after in _AFTER:
                self.of_read = self.of_chunk.within(before, after)

    def _put_off(self, *, was_used: bool) -> None:
        self._pause = 0 if was_used else min(2 * self._pause + 1, _LONGEST_PAUSE)
        self.rest = self._pause
