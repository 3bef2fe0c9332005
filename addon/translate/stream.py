"""One stream of Chat Completions chunks → one stream of Responses events.

Theory of operation. A read may hold any part of the stream; a chunk brings pieces of up
to four things: reasoning, text, refusal, calls; each goes to the output item that is open
for it:

    read → ``SseDecoder`` → chunk → ``ChoiceReader`` (what it brings)
         → ``Output`` (what is open, what a piece opens) → events

A chunk that differs from the one before in little more than its text goes by a ``Shortcut``.
A body that turns out to be no event stream is read as a whole (``body``).

The end is ``[DONE]`` or the end of the body. What kind of end it was decides the status:

    finish_reason or [DONE] seen    completed, or incomplete as ``_ENDINGS`` says
    neither, or nothing answered    failed: the upstream broke off, or said something else
    an error in a chunk, a cut      failed, with the error
    a call that cannot be told      failed, with what was called, and how

Every open item is closed before the last event, whatever the end. After it
nothing more is written.

Pure: bytes and the time go in, bytes come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import from_json

from addon.translate.body import read_body
from addon.translate.choice import ChoiceReader
from addon.translate.events import EventWriter
from addon.translate.json_edge import JsonValue, parse_json_keeping_halves
from addon.translate.needs import AnswerNeeds
from addon.translate.output import Close, Output
from addon.translate.reasoning import Recollection
from addon.translate.refusal import UpstreamError, error_in, invalid_answer, words_in
from addon.translate.response import ResponseRenderer, Status
from addon.translate.shortcut import Shortcut
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
        "_choice",
        "_has_begun",
        "_has_choice",
        "_now",
        "_odd",
        "_output",
        "_renderer",
        "_secret",
        "_shortcut",
        "_sse",
        "_usage",
        "_writer",
        "ending",
    )

    def __init__(
        self,
        renderer: ResponseRenderer,
        item_ids: str,
        secret: str = "",
        needs: AnswerNeeds | None = None,
        reasoning: Recollection | None = None,
    ) -> None:
        """``item_ids`` is what is random in the ids of this answer's items.

        ``secret`` is the token that the upstream was sent: no error may repeat it. ``needs``
        is what the request asks of its answer, and ``reasoning`` what keeps the reasoning of
        turns with calls.
        """
        needs = needs or AnswerNeeds()
        self._renderer = renderer
        self._secret = secret
        self._sse = SseDecoder()
        self._writer = EventWriter()
        self._shortcut = Shortcut(self._writer)
        self._output = Output(self._writer, item_ids, needs, reasoning or Recollection())
        self._choice = ChoiceReader(self._output, wants_logprobs=needs.wants_logprobs)
        self._has_choice = False
        self._odd: bytes | None = None
        """The first payload, as long as none has held a choice."""
        self._usage: Mapping[str, Any] | None = None
        self._has_begun = False
        self._now = 0.0
        self.ending: Ending | None = None
        """Set with the last event."""

    @property
    def usage(self) -> TokenUsage | None:
        """The token counts, as far as the upstream has sent them."""
        return TokenUsage.from_chat(self._usage) if self._usage else None

    @property
    def is_empty(self) -> bool:
        """Whether the answer has brought no item yet."""
        return self._output.is_empty

    def feed(self, data: bytes, now: float) -> bytes:
        """The events that ``data`` brings; ``now`` in Unix seconds."""
        shortcut = self._shortcut
        if shortcut.of_read is not None:
            events = shortcut.of_read.follow(data)
            if events is not None:
                return events
        self._now = now
        payload = self._sse.only(data)
        if payload is not None:
            events = self._take(payload)
        else:
            payloads = self._sse.feed(data)
            events = b"".join([self._take(each) for each in payloads])
            if len(payloads) == 1 and self._sse.is_idle:
                [payload] = payloads
        if shortcut.of_chunk is not None:
            shortcut.look_at_read(data, payload)
        return events

    def finish(self, now: float) -> bytes:
        """The events that the end of the upstream's body brings."""
        self._now = now
        events = b"".join([self._take(payload) for payload in self._sse.finish()])
        if self.ending is None and not self._has_begun and self._odd is None:
            self._take_body(self._sse.unread)
        if self.ending is None:
            self._end(is_done=False)
        return events + self._writer.take()

    def abort(self, message: str, now: float) -> bytes:
        """The events that end the stream where the upstream was cut off, or fell silent."""
        self._now = now
        self._fail(UpstreamError(message))
        return self._writer.take()

    # --- what has come

    def _take(self, payload: bytes) -> bytes:
        """The events of one chunk."""
        shortcut = self._shortcut
        if shortcut.of_chunk is not None:
            events = shortcut.of_chunk.follow(payload)
            if events is not None:
                return events
            shortcut.end_frame()
        try:
            chunk = from_json(payload, allow_inf_nan=False)
        except ValueError:
            self._take_odd(payload)
            return self._writer.take()
        route = shortcut.route
        text = route.text_in(chunk) if route is not None else None
        if route is None or not text or "error" in chunk:
            self._take_plainly(payload, chunk)
            return self._writer.take()
        if "usage" in chunk:
            self._note_usage(chunk)
        events = route.follow(text, encode_basestring(text).encode())
        if shortcut.rest:
            shortcut.rest -= 1
        else:
            shortcut.frame(payload, chunk, route.follow)
        return events

    def _take_plainly(self, payload: bytes, chunk: JsonValue) -> None:
        """A chunk that is not like the one before."""
        self._shortcut.route = None
        if self.ending is not None:
            return
        if isinstance(chunk, dict):
            self._take_chunk(chunk)
            if self.ending is None:
                self._shortcut.learn(payload, chunk, self._choice.follow_by)
        if not self._has_choice and self._odd is None:
            is_usual = isinstance(chunk, dict) and (chunk.get("choices") == [] or "usage" in chunk)
            self._odd = None if is_usual else payload

    def _take_odd(self, payload: bytes) -> None:
        """A chunk that the fast parser refuses: an end, half a character, or no JSON at all."""
        self._shortcut.end()
        if self.ending is not None or not payload:
            return
        if payload == _DONE:
            self._end(is_done=True)
            return
        try:
            chunk = parse_json_keeping_halves(payload)
        except ValueError:
            if self._choice.finish_reason is None:
                words = words_in(payload)
                self._fail(invalid_answer(f"The upstream sent an event that is not JSON: {words}"))
        else:
            if isinstance(chunk, dict):
                self._take_chunk(chunk)

    def _take_body(self, body: bytes) -> None:
        """A body that is no event stream."""
        completion = read_body(body)
        if isinstance(completion, UpstreamError):
            self._fail(completion)
            return
        self._take_chunk(completion)
        if self.ending is None:
            self._end(is_done=True)

    def _take_chunk(self, chunk: Mapping[str, Any]) -> None:
        choices = chunk.get("choices")
        if not choices or "error" in chunk:
            error = error_in(chunk)
            if error is not None:
                self._fail(error)
                return
        if not self._has_begun:
            self._begin()
        self._note_usage(chunk)
        if isinstance(choices, list):
            for place, choice in enumerate(choices):
                # Of several choices the first is the answer; Responses knows no others.
                if isinstance(choice, dict) and _is_first(choice, place):
                    self._has_choice = True
                    self._choice.read(choice)

    def _note_usage(self, chunk: Mapping[str, Any]) -> None:
        usage = chunk.get("usage")
        if usage and isinstance(usage, dict):
            self._usage = usage

    # --- beginning and end

    def _begin(self) -> None:
        self._has_begun = True
        members = f'"response":{self._renderer.render("in_progress")}'
        self._writer.event_of_json("response.created", members)
        self._writer.event_of_json("response.in_progress", members)

    def _end(self, *, is_done: bool) -> None:
        if not self._has_begun:
            self._begin()
        self._choice.finish()
        reason = self._choice.finish_reason
        incomplete = _ENDINGS.get(reason or "")
        how = Close.CUT_SHORT if incomplete else Close.WHOLE
        error = self._fault_at_end(reason, is_done=is_done)
        fault = None if error else self._output.tell_the_rest(how)
        if error or fault:
            self._fail(error or UpstreamError(fault or ""))
            return
        self._output.close_all(how)
        if incomplete:
            self._last_event("incomplete", incomplete_reason=incomplete)
        else:
            self._last_event("completed", completed_at=int(self._now))

    def _fault_at_end(self, reason: str | None, *, is_done: bool) -> UpstreamError | None:
        """Why this end is none."""
        if not self._has_choice and self._odd is not None:
            words = words_in(self._odd)
            return invalid_answer(f"The upstream's answer holds no choices, but says: {words}")
        if reason is None and not is_done:
            return UpstreamError(_BROKEN_OFF)
        if reason in _BREAKDOWNS:
            return UpstreamError(f"The upstream broke off with finish_reason {reason!r}.")
        return None

    def _fail(self, error: UpstreamError) -> None:
        if self.ending is not None:
            return
        if not self._has_begun:
            self._begin()
        self._choice.finish()
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
        self._shortcut.end()
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


def _is_first(choice: Mapping[str, Any], place: int) -> bool:
    """Whether this is the first choice; one without a number has the number of its place."""
    index = choice.get("index")
    return not (place if index is None else index)


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
