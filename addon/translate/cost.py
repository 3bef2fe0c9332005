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


class CostReader:
    """Reads an answer's ``usage``."""

    __slots__ = ("_decode", "_is_lost", "_sse", "usage")

    def __init__(self, content_encoding: str) -> None:
        self.usage: TokenUsage | None = None
        """As said last: services that say it in every chunk add it up themselves."""
        self._sse = SseDecoder()
        self._decode: Decode | None = None
        self._is_lost = False
        try:
            self._decode = decoder(content_encoding)
        except CodingError:
            self._is_lost = True

    def feed(self, data: bytes) -> None:
        """The next bytes of the body, as they came."""
        if self._is_lost:
            return
        try:
            for payload in self._sse.feed(self._decode(data) if self._decode else data):
                self._read(payload)
        except CodingError:
            self._is_lost = True

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
