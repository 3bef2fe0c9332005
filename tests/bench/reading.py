"""The client's side of HTTP/1.1: what an answer's status is, how many events came, and its end.

Only what is counted is looked at. A chunk may hold half an event, or several, and a read
may end anywhere, so that nothing shorter than this would count right.
"""

from __future__ import annotations

from typing import Final

_HEAD_END: Final = b"\r\n\r\n"
_EVENT_END: Final = b"\n\n"
_NEWLINE: Final = ord("\n")
_SHOWN: Final = 500


class BadAnswer(Exception):
    """What came is no stream of events; the message holds its beginning."""


class AnswerReader:
    """Reads one answer after the other on one connection."""

    __slots__ = (
        "_ends_in_newline",
        "_head_is_read",
        "_left",
        "_pending",
        "events",
        "has_begun",
        "is_over",
    )

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A new answer is to come."""
        self.events = 0
        """The events that have come whole."""
        self.has_begun = False
        """Whether the first byte of the body is there."""
        self.is_over = False
        self._pending = b""
        self._head_is_read = False
        self._left = 0
        """How much of the chunk that has begun is still to come."""
        self._ends_in_newline = False
        """Whether the last byte may be the first half of an event's end."""

    def feed(self, data: bytes) -> None:
        """More has come. Raises BadAnswer."""
        if self._pending:
            data = self._pending + data
        at = 0
        if not self._head_is_read:
            at = self._read_head(data)
            if not at:
                self._pending = data
                return
        self._pending = self._read_chunks(data, at)

    def _read_head(self, data: bytes) -> int:
        """Where the body begins; 0: not there yet."""
        end = data.find(_HEAD_END)
        if end < 0:
            return 0
        head = data[:end].lower()
        if not head.startswith(b"http/1.1 200") or b"\r\ntransfer-encoding: chunked" not in head:
            raise BadAnswer(data[:_SHOWN].decode(errors="replace"))
        self._head_is_read = True
        return end + len(_HEAD_END)

    def _read_chunks(self, data: bytes, at: int) -> bytes:
        """Counts what ``data`` holds from ``at`` on; gives what must wait for its rest."""
        size, left = len(data), self._left
        while at < size:
            if left:
                end = min(at + left, size)
                left -= end - at
                self._count(data, at, end)
                at = end
                continue
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                break
            if line_end == at:  # it ends the chunk before
                at += 2
                continue
            left = int(data[at:line_end], 16)
            if not left:
                self.is_over = size >= line_end + len(_HEAD_END)
                break
            at = line_end + 2
        self._left = left
        return b"" if self.is_over else data[at:]

    def _count(self, data: bytes, at: int, end: int) -> None:
        self.has_begun = True
        if self._ends_in_newline and data[at] == _NEWLINE:
            self.events += 1
            at += 1
        self.events += data.count(_EVENT_END, at, end)
        ends_event = data.endswith(_EVENT_END, at, end)
        self._ends_in_newline = not ends_event and data.endswith(b"\n", at, end)
