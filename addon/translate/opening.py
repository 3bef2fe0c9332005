"""Judges the first event of an upstream's stream: an answer, or a refusal in disguise.

Some services answer 200 and send an error as the first event. As long as nothing
has gone to the client, that can still become the refusal that it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from addon.errors import Code
from addon.translate.json_edge import mend_surrogates, parse_json
from addon.translate.refusal import UpstreamError, error_in
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
        return Opening(_invalid("The upstream's stream ended before it held anything."))


def _judge(payload: bytes) -> Opening:
    if payload == b"[DONE]":
        return Opening(None)
    try:
        return Opening(error_in(parse_json(payload)))
    except ValueError:
        quote = mend_surrogates(payload[:200].decode("utf-8", "replace"))
        return Opening(_invalid(f"The upstream's first event is not JSON: {quote}"))


def _invalid(message: str) -> UpstreamError:
    return UpstreamError(message, code=Code.UPSTREAM_INVALID_RESPONSE.value)
