"""What the choice of a chunk brings, piece by piece, into the output.

| in ``delta`` (or ``message``)            | becomes                                      |
|------------------------------------------|----------------------------------------------|
| ``reasoning_content``, else ``reasoning``| reasoning                                    |
| ``content``: a ``<think>`` span at the   | reasoning                                    |
| very start                               |                                              |
| … the rest, a string or a list of parts  | text                                         |
| ``refusal``                              | refusal                                      |
| ``tool_calls``                           | calls                                        |
| ``function_call``, of older services     | a call                                       |

Some services say all once more in the last chunk, or behind it: that is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from addon.translate.logprobs import Logprobs, logprobs_in
from addon.translate.output import Output
from addon.translate.shortcut import Follow, Piece
from addon.translate.thinking import Spoken, ThinkSpan, divided


class ChoiceReader:
    """Reads the choices of one answer into its ``Output``."""

    __slots__ = ("_logprobs", "_output", "_span", "_wants_logprobs", "finish_reason")

    def __init__(self, output: Output, *, wants_logprobs: bool) -> None:
        self._output = output
        self._span: ThinkSpan | None = ThinkSpan()
        """None once it is known that all content is text."""
        self._wants_logprobs = wants_logprobs
        self._logprobs: Logprobs = []
        """Those whose text is still to come."""
        self.finish_reason: str | None = None
        """The last that was given."""

    def read(self, choice: Mapping[str, Any]) -> None:
        """Takes what one chunk brings."""
        finish_reason = choice.get("finish_reason")
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            # A whole message instead of a delta: an answer that was not streamed, or repeats it.
            delta = choice.get("message") if self._is_fresh() else None
        if isinstance(delta, dict):
            if self._wants_logprobs and not delta.get("tool_calls"):
                self._logprobs += logprobs_in(choice)
            self._read_delta(delta, bool(finish_reason or self.finish_reason))
        if finish_reason and isinstance(finish_reason, str):
            self.finish_reason = finish_reason

    def finish(self) -> None:
        """Nothing more comes: what was waiting for its rest has none."""
        if self._span is not None and self._span.is_holding:
            self._speak(self._span.release())

    def follow_by(self, piece: Piece) -> Follow | None:
        """What takes more pieces like this one, which was the last that came."""
        if piece.kind == "content" and (self._span is not None or self._wants_logprobs):
            return None
        if self.finish_reason is not None:
            return None
        return self._output.follow_by(piece)

    def _is_fresh(self) -> bool:
        return self._output.is_empty and not (self._span is not None and self._span.is_holding)

    def _read_delta(self, delta: Mapping[str, Any], is_last: bool) -> None:
        get = delta.get
        reasoning = get("reasoning_content") or get("reasoning")
        if reasoning and isinstance(reasoning, str):
            self._read_reasoning(reasoning, is_last)
        content = get("content")
        if content:
            self._read_content(content, is_last)
        refusal = get("refusal")
        if refusal and isinstance(refusal, str):
            self.finish()
            self._output.refuse(refusal)
        fragments = get("tool_calls") or _older_call(get("function_call"))
        if fragments and isinstance(fragments, list):
            self.finish()
            for fragment in fragments:
                if isinstance(fragment, dict):
                    self._output.call(fragment, is_last=is_last)

    def _read_reasoning(self, text: str, is_last: bool) -> None:
        self.finish()
        self._logprobs.clear()
        if not (is_last and self._output.repeats("reasoning", text)):
            self._output.think(text)

    def _read_content(self, content: object, is_last: bool) -> None:
        text = content if isinstance(content, str) else _joined(content)
        span = self._span
        if is_last and self._repeats(text):
            return
        if span is None:
            self._say(text)
            return
        self._speak(span.feed(text))
        if not span.is_text:
            self._logprobs.clear()
        if span.is_settled:
            self._span = None

    def _speak(self, spoken: list[Spoken]) -> None:
        for kind, text in spoken:
            if kind == "reasoning":
                self._output.think(text)
                # They were of what has turned out to be no text.
                self._logprobs.clear()
            else:
                self._say(text)

    def _say(self, text: str) -> None:
        logprobs = self._logprobs
        if logprobs and text:
            self._logprobs = []
        self._output.say(text, logprobs)

    def _repeats(self, content: str) -> bool:
        """Whether ``content`` is once more all that was said."""
        if self._output.repeats("message", content):
            return True
        reasoning, text = divided(content)
        return (
            bool(reasoning)
            and self._output.repeats("reasoning", reasoning)
            and (not text or self._output.repeats("message", text))
        )


def _older_call(function: object) -> list[dict[str, Any]]:
    """The one call of an answer that is written in the way before there were several."""
    return [{"index": 0, "function": function}] if function else []


def _joined(content: object) -> str:
    """Content that came as a list of parts; what is not text is passed over."""
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))
