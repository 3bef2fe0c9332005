"""One stream of Chat Completions chunks → one stream of Responses events.

Theory of operation. A chunk brings pieces of up to four things: reasoning, text,
refusal, calls; each goes to the output item that is open for it:

    chunk → ``Output`` (what is open, what a piece opens) → events

The end is ``[DONE]`` or the end of the body. What kind of end it was decides the status:

    finish_reason or [DONE] seen    completed, or incomplete as ``_ENDINGS`` says
    neither                         failed: the upstream broke off
    an error in a chunk, a cut      failed, with the error

Every open item is closed before the last event, whatever the end. After it
nothing more is written.

Pure: bytes and the time go in, bytes come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import from_json

from addon.translate.events import EventWriter
from addon.translate.json_edge import mend_surrogates, parse_json_keeping_halves
from addon.translate.output import Close, Output
from addon.translate.refusal import UpstreamError, error_in
from addon.translate.response import ResponseRenderer, Status
from addon.translate.sse import SseDecoder
from addon.translate.usage import TokenUsage

_DONE: Final = b"[DONE]"

IncompleteReason: TypeAlias = Literal["max_output_tokens", "content_filter"]

_ENDINGS: Final[Mapping[str, IncompleteReason]] = {
    "length": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "content_filter": "content_filter",
}
"""Reasons to finish that leave an answer incomplete; the others complete it."""

_BREAKDOWNS: Final = frozenset(("error", "abort"))
"""Reasons to finish that are none."""

_BROKEN_OFF: Final = "The upstream ended its stream before the answer was complete."


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stream ended: the status of the Response, and the error where it failed."""

    status: Status
    error: UpstreamError | None
    response: str
    """The final Response object, JSON text."""


class StreamTranslator:
    """Translates the body of one upstream answer. Feed it, finish it, or abort it."""

    __slots__ = (
        "_finish_reason",
        "_has_begun",
        "_now",
        "_output",
        "_renderer",
        "_secret",
        "_sse",
        "_usage",
        "_writer",
        "ending",
    )

    def __init__(self, renderer: ResponseRenderer, item_ids: str, secret: str = "") -> None:
        """``item_ids`` is what is random in the ids of this answer's items.

        ``secret`` is the token that the upstream was sent: no error may repeat it.
        """
        self._renderer = renderer
        self._secret = secret
        self._sse = SseDecoder()
        self._writer = EventWriter()
        self._output = Output(self._writer, item_ids)
        self._finish_reason: str | None = None
        self._usage: Mapping[str, Any] | None = None
        self._has_begun = False
        self._now = 0.0
        self.ending: Ending | None = None
        """Set with the last event."""

    @property
    def usage(self) -> TokenUsage | None:
        """The token counts, as far as the upstream has sent them."""
        return TokenUsage.from_chat(self._usage) if self._usage else None

    def feed(self, data: bytes, now: float) -> bytes:
        """The events that ``data`` brings; ``now`` in Unix seconds."""
        self._now = now
        for payload in self._sse.feed(data):
            self._take(payload)
        return self._writer.take()

    def finish(self, now: float) -> bytes:
        """The events that the end of the upstream's body brings."""
        self._now = now
        for payload in self._sse.finish():
            self._take(payload)
        if self.ending is None:
            self._end(is_done=False)
        return self._writer.take()

    def abort(self, message: str, now: float) -> bytes:
        """The events that end the stream where the upstream was cut off, or fell silent."""
        self._now = now
        self._fail(UpstreamError(message))
        return self._writer.take()

    def feed_completion(self, completion: Mapping[str, Any], now: float) -> bytes:
        """The events of a whole chat completion, as if it had come in one chunk."""
        self._now = now
        self._take_chunk(completion)
        if self.ending is None:
            self._end(is_done=True)
        return self._writer.take()

    # --- a chunk, piece by piece

    def _take(self, payload: bytes) -> None:
        if self.ending is not None or not payload:
            return
        try:
            chunk = from_json(payload, allow_inf_nan=False)
        except ValueError:
            if payload == _DONE:
                self._end(is_done=True)
                return
            chunk = self._read_slowly(payload)
        if isinstance(chunk, dict):
            self._take_chunk(chunk)

    def _read_slowly(self, payload: bytes) -> object:
        """A chunk that the fast parser refuses: half a character, or no JSON at all."""
        try:
            return parse_json_keeping_halves(payload)
        except ValueError:
            if self._finish_reason is None:
                quote = mend_surrogates(payload[:200].decode("utf-8", "replace"))
                self._fail(UpstreamError(f"The upstream sent an event that is not JSON: {quote}"))
            return None

    def _take_chunk(self, chunk: Mapping[str, Any]) -> None:
        choices = chunk.get("choices")
        if not choices or "error" in chunk:
            error = error_in(chunk)
            if error is not None:
                self._fail(error)
                return
        if not self._has_begun:
            self._begin()
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self._usage = usage
        if isinstance(choices, list):
            for choice in choices:
                # Of several choices the first is the answer; Responses knows no others.
                if isinstance(choice, dict) and not choice.get("index"):
                    self._take_choice(choice)

    def _take_choice(self, choice: Mapping[str, Any]) -> None:
        finish_reason = choice.get("finish_reason")
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            # A whole message instead of a delta: an answer that was not streamed, or repeats it.
            delta = choice.get("message") if self._output.is_empty else None
        if isinstance(delta, dict):
            self._take_delta(delta, is_last=bool(finish_reason))
        if finish_reason and isinstance(finish_reason, str):
            self._finish_reason = finish_reason

    def _take_delta(self, delta: Mapping[str, Any], *, is_last: bool) -> None:
        output = self._output
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if (
            reasoning
            and isinstance(reasoning, str)
            and not (is_last and output.repeats("reasoning", reasoning))
        ):
            output.think(reasoning)
        content = delta.get("content")
        if content:
            text = content if isinstance(content, str) else _joined(content)
            if text and not (is_last and output.repeats("message", text)):
                output.say(text)
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            output.refuse(refusal)
        fragments = delta.get("tool_calls")
        if isinstance(fragments, list):
            for fragment in fragments:
                if isinstance(fragment, dict):
                    output.call(fragment, is_last=is_last)

    # --- beginning and end

    def _begin(self) -> None:
        self._has_begun = True
        members = f'"response":{self._renderer.render("in_progress")}'
        self._writer.event_of_json("response.created", members)
        self._writer.event_of_json("response.in_progress", members)

    def _end(self, *, is_done: bool) -> None:
        if not self._has_begun:
            self._begin()
        reason = self._finish_reason
        if reason is None and not is_done:
            self._fail(UpstreamError(_BROKEN_OFF))
            return
        if reason in _BREAKDOWNS:
            self._fail(UpstreamError(f"The upstream broke off with finish_reason {reason!r}."))
            return
        if not self._output.announce_calls():
            self._fail(UpstreamError("The upstream sent a tool call without a name."))
            return
        incomplete = _ENDINGS.get(reason or "")
        self._output.close_all(Close.CUT_SHORT if incomplete else Close.WHOLE)
        if incomplete:
            self._last_event("incomplete", incomplete_reason=incomplete)
        else:
            self._last_event("completed", completed_at=int(self._now))

    def _fail(self, error: UpstreamError) -> None:
        if self.ending is not None:
            return
        if not self._has_begun:
            self._begin()
        self._output.close_all(Close.BROKEN)
        self._last_event("failed", error=error.without(self._secret))

    def _last_event(
        self,
        status: Status,
        *,
        error: UpstreamError | None = None,
        incomplete_reason: IncompleteReason | None = None,
        completed_at: int | None = None,
    ) -> None:
        usage = self.usage
        if usage is None and error is None:
            # Clients count on token counts in an answer; an upstream that sends none counts 0.
            usage = TokenUsage()
        response = self._renderer.render(
            status,
            self._output.items(),
            usage=usage.to_responses() if usage else None,
            error=_response_error(error) if error else None,
            incomplete_reason=incomplete_reason,
            completed_at=completed_at,
        )
        self.ending = Ending(status, error, response)
        self._writer.event_of_json(f"response.{status}", f'"response":{response}')


def _joined(content: object) -> str:
    """Content that came as a list of parts; what is not text is passed over."""
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


_RATE_LIMITED: Final = 429
_BAD_REQUEST: Final = 400


def _response_error(error: UpstreamError) -> dict[str, Any]:
    """``error`` in a Response; its ``code`` is one of a closed list, so the type keeps ours."""
    status = error.implied_status()
    code = "server_error"
    if status == _RATE_LIMITED:
        code = "rate_limit_exceeded"
    elif status == _BAD_REQUEST:
        code = "invalid_prompt"
    return {"code": code, "message": error.message}
