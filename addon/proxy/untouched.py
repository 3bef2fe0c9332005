"""An answer that is handed on as it comes, while it is seen what it costs."""

from __future__ import annotations

import time

from addon.proxy.masking import MaskedStream
from addon.proxy.views.kept import Kept
from addon.translate import CostReader, TokenUsage


class UntouchedAnswer:
    """What mitmproxy calls for every chunk of such an answer: the same, without the token."""

    __slots__ = ("_cost", "_kept", "_mask", "first_event_at", "heard_at", "last_data_at")

    def __init__(
        self, token: str, content_encoding: str, *, is_stream: bool, kept: Kept | None = None
    ) -> None:
        """To be made when the answer begins: that of a stream was held back for its first event.

        ``kept`` takes along what passes.
        """
        self._kept = kept
        self._mask = None if content_encoding else MaskedStream(token)
        self._cost = CostReader(content_encoding)
        self.heard_at = time.monotonic()
        self.last_data_at = time.time()
        """When the upstream last sent anything (Unix seconds)."""
        self.first_event_at = self.last_data_at if is_stream else None

    def __call__(self, data: bytes) -> bytes | tuple[()]:
        """``data``, or what of it may be shown yet. Empty ``data`` is mitmproxy's sign for the end.

        Nothing is an empty tuple: an empty chunk would end an HTTP/1.1 body.
        """
        self.heard_at = time.monotonic()
        self.last_data_at = time.time()
        self._cost.feed(data)
        shown = self._mask(data) if self._mask else data or ()
        if shown and self._kept is not None:
            self._kept.add(b"", shown)
        return shown

    def finish(self) -> TokenUsage | None:
        """The answer has ended: what it cost, where it said so."""
        self._cost.finish()
        return self._cost.usage
