"""The beginning of an upstream's stream, held back until its first event has come."""

from __future__ import annotations

from typing import Final

from mitmproxy.proxy.layers.http import ResponseHeaders

from addon.translate import Opening, OpeningCheck, UpstreamError, decoder, ends_a_line

_LONGEST_UNPACKED: Final = 32 * 1024 * 1024
"""Bytes of a first event, out of its content coding."""


class HeldAnswer:
    """The beginning of a stream whose head has not gone to the client."""

    __slots__ = ("_check", "_decode", "_if_longer", "_longest", "body", "ended_a_line", "head")

    def __init__(
        self, head: ResponseHeaders, *, longest: int, if_longer: UpstreamError | None = None
    ) -> None:
        """What is longer than ``longest`` bytes without a whole event is taken for ``if_longer``.

        That is no refusal, where none is given. Raises CodingError.
        """
        self._longest = longest
        self._if_longer = if_longer
        self.head = head
        self.body = bytearray()
        self._decode = decoder(head.response.headers.get("content-encoding", ""), _LONGEST_UNPACKED)
        self._check = OpeningCheck()
        self.ended_a_line = False
        """Whether what came last did. A byte now and then is no sign of life."""

    def feed(self, data: bytes) -> Opening | None:
        """What the first event is, once it is there."""
        self.body += data
        if len(self.body) > self._longest:
            return Opening(self._if_longer)
        decoded = self._decode(data) if self._decode else data
        self.ended_a_line = ends_a_line(decoded)
        return self._check.feed(decoded)

    def finish(self) -> Opening:
        """What the stream was, now that it has ended."""
        return self._check.finish()
