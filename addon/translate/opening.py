"""Judges the first event of an upstream's stream: an answer, or a refusal in disguise.

Some services answer 200 and send an error as the first event, or instead of any. As long
as nothing has gone to the client, that can still become the refusal that it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from addon.translate.body import read_body
from addon.translate.json_edge import parse_json
from addon.translate.refusal import UpstreamError, error_in, invalid_answer, words_in
from addon.translate.sse import SseDecoder


@dataclass(frozen=True, slots=True)
class Opening:
    """What the first event turned out to be: an answer, or the ``error`` it holds."""

    error: UpstreamError | None


class OpeningCheck:
    """Reads a stream up to its first event. Comments are none."""

    __slots__ = ("_sse",)

    def __init__(self) -> None:
        self._sse = SseDecoder()

    def feed(self, data: bytes) -> Opening | None:
        """What the first event is; None while it has not come whole."""
        payloads = [payload for payload in self._sse.feed(data) if payload]
        return _judge(payloads[0]) if payloads else None

    def finish(self) -> Opening:
        """What the stream was, now that it has ended without a whole event."""
        payloads = [payload for payload in self._sse.finish() if payload]
        if payloads:
            return _judge(payloads[0])
        body = read_body(self._sse.unread)
        return Opening(body if isinstance(body, UpstreamError) else None)


def _judge(payload: bytes) -> Opening:
    if payload == b"[DONE]":
        return Opening(None)
    try:
        return Opening(error_in(parse_json(payload)))
    except ValueError:
        return Opening(
            invalid_answer(f"The upstream's first event is not JSON: {words_in(payload)}")
        )
