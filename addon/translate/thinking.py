"""Reasoning that comes as a ``<think>`` span at the start of the content.

Theory of operation. Four states, passed through in one direction:

    START     nothing but white space, or the beginning of ``<think>``, has come: it waits
    INSIDE    what comes is reasoning, until ``</think>``; its beginning waits, and so does
              white space until more follows: that alone is no reasoning
    BEHIND    white space is dropped
    SETTLED   everything is text; also where the content did not start with the tag

Tags may be cut anywhere. A span that is never closed is reasoning to the end. Only at
the very start is the tag one; elsewhere it is text like any other.

Pure: pieces of content go in, pieces of reasoning and of text come out.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, Literal, TypeAlias

_OPENING: Final = "<think>"
_CLOSING: Final = "</think>"

Spoken: TypeAlias = tuple[Literal["reasoning", "text"], str]


class _State(Enum):
    START = auto()
    INSIDE = auto()
    BEHIND = auto()
    SETTLED = auto()


class ThinkSpan:
    """Divides the content of one answer."""

    __slots__ = ("_has_thought", "_held", "_state")

    def __init__(self) -> None:
        self._state = _State.START
        self._held = ""
        self._has_thought = False

    @property
    def is_settled(self) -> bool:
        """Whether all that still comes is text."""
        return self._state is _State.SETTLED

    @property
    def is_text(self) -> bool:
        """Whether what waits or came last is text, as far as can be said."""
        return self._state in (_State.START, _State.SETTLED)

    @property
    def is_holding(self) -> bool:
        """Whether something waits for its rest."""
        return bool(self._held)

    def feed(self, content: str) -> list[Spoken]:
        """What ``content``, the next piece, brings; no piece of it is empty."""
        spoken: list[Spoken] = []
        text, self._held = self._held + content, ""
        if self._state is _State.START:
            text = self._start(text)
        if self._state is _State.INSIDE:
            thought, text = self._inside(text)
            if thought:
                spoken.append(("reasoning", thought))
        if self._state is _State.BEHIND:
            text = text.lstrip()
            if text:
                self._state = _State.SETTLED
        if self._state is _State.SETTLED and text:
            spoken.append(("text", text))
        return spoken

    def release(self) -> list[Spoken]:
        """What was waiting, now that something else comes: it is what it looks like."""
        held, self._held = self._held, ""
        if not held:
            return []
        if self._state is _State.INSIDE:
            return [("reasoning", held)] if self._is_thought(held) else []
        self._state = _State.SETTLED
        return [("text", held)]

    def _start(self, text: str) -> str:
        """What is left of ``text`` once it is known how the content starts."""
        visible = text.lstrip()
        if visible.startswith(_OPENING):
            self._state = _State.INSIDE
            return visible.removeprefix(_OPENING)
        if _OPENING.startswith(visible):
            self._held = text
            return ""
        self._state = _State.SETTLED
        return text

    def _inside(self, text: str) -> tuple[str, str]:
        """The reasoning in ``text``, and what follows its end."""
        thought, tag, rest = text.partition(_CLOSING)
        if tag:
            self._state = _State.BEHIND
            return thought if self._is_thought(thought) else "", rest
        thought = text[: len(text) - _beginning_at_end(text)]
        if not self._is_thought(thought):
            self._held = text
            return "", ""
        self._has_thought = True
        self._held = text[len(thought) :]
        return thought, ""

    def _is_thought(self, text: str) -> bool:
        return self._has_thought or bool(text.strip())


def divided(content: str) -> tuple[str, str]:
    """The reasoning and the text of a whole content."""
    span = ThinkSpan()
    spoken = span.feed(content) + span.release()
    return (
        "".join(piece for kind, piece in spoken if kind == "reasoning"),
        "".join(piece for kind, piece in spoken if kind == "text"),
    )


def _beginning_at_end(text: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of the closing tag."""
    for length in range(min(len(_CLOSING) - 1, len(text)), 0, -1):
        if _CLOSING.startswith(text[-length:]):
            return length
    return 0
