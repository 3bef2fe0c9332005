"""Server-sent events, read without I/O: bytes in, the data of whole events out.

Theory of operation (WHATWG HTML §9.2.6). A stream is lines; a blank line ends
an event; an event's data is what its ``data:`` lines hold, joined by newlines.
Comments, names, ids and retry hints mean nothing to Chat Completions and are
passed over. Bytes arrive split anywhere, so what follows the last blank line
waits for its rest; since only ASCII delimits, a character that is split over
two reads needs no care here.

Nearly every read is one or several whole events of one line each, ended by two
line feeds: that case is taken first and costs a split, or a slice.
"""

from __future__ import annotations

from typing import Final

_CR: Final = 13
_LF: Final = 10
"""Line ends as numbers: whether a number is among bytes is known faster than of bytes."""

_BOM: Final = b"\xef\xbb\xbf"
_JSON: Final = (b"{", b"[", _BOM)
"""What a JSON body begins with; no line of an event stream does."""
_LONGEST_BEGINNING: Final = 8192
"""Bytes."""


def ends_a_line(data: bytes) -> bool:
    """Whether a line ends in ``data``, as lines of a stream do: what dribbles ends none."""
    return _LF in data or _CR in data


class SseDecoder:
    """Cuts a byte stream into the data of its events."""

    __slots__ = ("_at_start", "_pending", "_searched", "_unread")

    def __init__(self) -> None:
        self._pending = bytearray()
        self._searched = 0
        """How much of ``_pending`` is known to hold no end of an event."""
        self._at_start = True
        self._unread: bytearray | None = bytearray()

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits for its rest."""
        return not self._pending

    @property
    def unread(self) -> bytes:
        """All that has come but comments, as long as no data was in it: it may be no stream.

        Of what cannot be JSON only the beginning.
        """
        lines = bytes(self._unread or b"").splitlines(keepends=True)
        return b"".join(line for line in lines if not line.startswith(b":"))

    def only(self, data: bytes) -> bytes | None:
        """What ``feed`` gives for an event written as most services do, if ``data`` is one.

        None where it is not; then it is still to be fed.
        """
        if (
            data.find(b"\n") != len(data) - 2
            or not (data.startswith(b"data: {") and data.endswith(b"}\n\n"))
            or self._pending
            or _CR in data
        ):
            return None
        self._at_start, self._unread = False, None
        return data[6:-2]

    def feed(self, data: bytes) -> list[bytes]:
        """The data of every event that ``data`` completes, in order."""
        only = self.only(data)
        if only is not None:
            return [only]
        if not self._pending and data.endswith(b"\n\n") and _CR not in data:
            payloads = self._whole(data)
        else:
            payloads = self._gather(data)
        if self._unread is not None:
            self._keep_unread(data, payloads)
        return payloads

    def finish(self) -> list[bytes]:
        """The data of an event that the stream's end cut off before its blank line.

        The standard drops such an event; services that leave the last blank
        line out are too common for that.
        """
        payloads = self._whole(_unix_lines(self._taken()))
        if payloads:
            self._unread = None
        return payloads

    def _keep_unread(self, data: bytes, payloads: list[bytes]) -> None:
        if payloads:
            self._unread = None
        elif self._unread is not None and (
            len(self._unread) < _LONGEST_BEGINNING
            or self._unread[:_LONGEST_BEGINNING].lstrip().startswith(_JSON)
        ):
            self._unread += data

    def _gather(self, data: bytes) -> list[bytes]:
        pending = self._pending
        if _CR not in data and not pending.endswith(b"\r"):
            if _LF not in data:
                pending += data
                self._searched = len(pending)
                return []
            if data.endswith(b"\n\n"):
                return self._whole(self._taken() + data)
        pending += data
        # A carriage return at the end may be half of a line's end: it waits.
        usable = len(pending) - 1 if pending.endswith(b"\r") else len(pending)
        if _CR in data or _CR in pending[self._searched : usable]:
            tail = pending[usable:]
            pending[self._searched :] = _unix_lines(bytes(pending[self._searched : usable]))
            usable = len(pending)
            pending += tail
        end = pending.rfind(b"\n\n", max(0, self._searched - 1), usable)
        if end < 0:
            self._searched = usable
            return []
        whole = bytes(pending[: end + 2])
        del pending[: end + 2]
        self._searched = 0
        return self._whole(whole)

    def _taken(self) -> bytes:
        """What was waiting, which waits no more."""
        pending = bytes(self._pending)
        self._pending.clear()
        self._searched = 0
        return pending

    def _whole(self, data: bytes) -> list[bytes]:
        if self._at_start and data:
            self._at_start = False
            data = data.removeprefix(_BOM)
        payloads = []
        for block in data.split(b"\n\n"):
            if block.startswith(b"data:") and _LF not in block:
                payloads.append(block[5:].strip())
            elif block:
                payload = _joined_data(block)
                if payload is not None:
                    payloads.append(payload)
        return payloads


def _unix_lines(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _joined_data(block: bytes) -> bytes | None:
    """The data of an event with comments, other fields or several data lines; None without any."""
    lines = [
        line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:")
    ]
    return b"\n".join(lines).strip() if lines else None
