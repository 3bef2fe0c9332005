"""What a Chat answer cost, read while it passes: a stream of events or a body in one piece.

Nothing is changed by it, and whatever cannot be read costs nothing.
"""

from __future__ import annotations

from addon.translate.content_coding import CodingError, Decode, decoder
from addon.translate.json_edge import parse_json
from addon.translate.sse import SseDecoder
from addon.translate.usage import TokenUsage

_MARK = b'"usage"'
"""Only an event that holds it is worth parsing."""

_LONGEST_EVENT = 16 * 1024 * 1024
"""Bytes that are kept for the end of an event, or of a body in one piece."""


class CostReader:
    """Reads an answer's ``usage``."""

    __slots__ = ("_decode", "_is_lost", "_kept", "_sse", "usage")

    def __init__(self, content_encoding: str) -> None:
        self.usage: TokenUsage | None = None
        """As said last: services that say it in every chunk add it up themselves."""
        self._sse = SseDecoder()
        self._decode: Decode | None = None
        self._is_lost = False
        self._kept = 0
        """Bytes since the last event."""
        try:
            self._decode = decoder(content_encoding)
        except CodingError:
            self._is_lost = True

    def feed(self, data: bytes) -> None:
        """The next bytes of the body, as they came."""
        if self._is_lost:
            return
        try:
            data = self._decode(data) if self._decode else data
        except CodingError:
            self._lose()
            return
        payloads = self._sse.feed(data)
        self._kept = 0 if payloads else self._kept + len(data)
        if self._kept > _LONGEST_EVENT:
            self._lose()
        for payload in payloads:
            self._read(payload)

    def _lose(self) -> None:
        """It cannot be read any more, and is not to be kept either."""
        self._is_lost = True
        self._sse = SseDecoder()

    def finish(self) -> None:
        """The body has ended."""
        for payload in self._sse.finish() or [self._sse.unread]:
            self._read(payload)

    def _read(self, payload: bytes) -> None:
        if _MARK not in payload:
            return
        try:
            value = parse_json(payload)
        except ValueError:
            return
        usage = value.get("usage") if isinstance(value, dict) else None
        if isinstance(usage, dict):
            self.usage = TokenUsage.from_chat(usage)
