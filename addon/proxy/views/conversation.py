"""A conversation written down: who said what, calls with their arguments on lines, and the end.

Of a long one the beginning is shown, and the end, which is what a person mostly looks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from addon.proxy.views.bounds import LONGEST_TEXT, ROOM, shortened
from addon.proxy.views.json_text import pretty_json
from addon.proxy.views.turns import Conversation, Part, Said, Turn

_ROOM_OF_BEGINNING: Final = ROOM // 2
_INDENT: Final = "  "


def written(conversation: Conversation) -> str:
    """``conversation`` as a text, in about ``ROOM`` characters."""
    items = conversation.items
    first = [*_turns(conversation, range(len(items)), _ROOM_OF_BEGINNING)]
    rest = range(len(items) - 1, len(first) - 1, -1)
    last = [*_turns(conversation, rest, ROOM - _ROOM_OF_BEGINNING)][::-1]
    left_out = len(items) - len(first) - len(last)
    lines = [*conversation.facts, *_with_headings(first)]
    if left_out:
        lines += ["", f"… {left_out:,} left out …"]
    lines += [*_with_headings(last, before=first[-1:] if not left_out else ())]
    if conversation.ending:
        lines += ["", *(f"── {line} ──" for line in conversation.ending)]
    return "\n".join(lines)


def _turns(
    conversation: Conversation, places: Iterable[int], room: int
) -> Iterator[tuple[str, list[str]]]:
    """The turns at ``places`` that there is room for: what stands above each, and its lines."""
    for place in places:
        if room <= 0:
            return
        turn = conversation.read(conversation.items[place])
        lines = [*_lines(turn)]
        room -= sum(map(len, lines)) + len(lines) + len(turn.role)
        yield _heading(turn), lines


def _heading(turn: Turn) -> str:
    return f"── {turn.role} · {turn.of} ──" if turn.of else f"── {turn.role} ──"


def _with_headings(
    turns: list[tuple[str, list[str]]], before: Iterable[tuple[str, list[str]]] = ()
) -> Iterator[str]:
    """The lines of all ``turns``; one who goes on speaking is not announced again."""
    speaker = next((heading for heading, _ in before), "")
    for heading, lines in turns:
        if heading != speaker:
            yield ""
            yield heading
        speaker = heading
        yield from lines


def _lines(turn: Turn) -> Iterator[str]:
    for part in turn.parts:
        yield from _part_lines(part)


def _part_lines(part: Part) -> Iterator[str]:
    text = shortened(part.text, LONGEST_TEXT).rstrip()
    match part.said:
        case Said.REASONING:
            yield "[reasoning]"
            yield from _indented(text)
        case Said.CALL:
            yield f"[call] {part.name}"
            yield from _indented(_arguments(part.text.rstrip()))
        case _:
            yield from text.split("\n")


def _arguments(text: str) -> str:
    if not text.lstrip().startswith(("{", "[")):
        return shortened(text, LONGEST_TEXT)
    pretty, left_out = pretty_json(text.encode("utf-8", "replace"), LONGEST_TEXT)
    return f"{pretty}\n… {left_out:,} bytes left out" if left_out else pretty


def _indented(text: str) -> Iterator[str]:
    return (_INDENT + line for line in text.split("\n")) if text else iter(())
