"""A member put into an object of a JSONC text, and taken out again.

What is put in looks like what is there: its indent, its line ends, its trailing comma, or all
in one line. Every other byte stays: a comment stays with the line on which it stands. Taking
out is the mirror image of putting in, and works as well once somebody has formatted the text
anew. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from addon.cli.config_files.jsonc import Json, Member, Node

_COMMENT: Final = re.compile(r"[ \t]*(?://[^\r\n]*|/\*[\s\S]*?\*/)")
_ANY_COMMENT: Final = re.compile(r"//[^\r\n]*|/\*[\s\S]*?\*/")
_INDENT: Final = re.compile(r"[ \t]*")
_NOTHING: Final = re.compile("")
_LINE_END: Final = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_USUAL_UNIT: Final = "  "
_SHORT: Final = 70


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is laid out."""

    newline: str
    unit: str
    """One step of indentation."""
    colon: str
    comma: str
    """Between members that share a line."""
    is_one_line: bool = False


def style_of(text: str, root: Node | None) -> Style:
    """How ``text``, whose value is ``root``, is laid out."""
    newline = newline_of(text)
    members = root.members if root else ()
    if root is None or not members:
        return Style(newline, _USUAL_UNIT, ": ", ", ")
    first = members[0]
    is_one_line = "\n" not in text[root.start : root.end]
    is_tight = re.search(r":\S", text[first.start : first.node.start + 1]) is not None
    unit = next((i for m in members if (i := _indent(text, m.start))), _USUAL_UNIT)
    unit = unit.removeprefix(_line_indent(text, root.start)) or _USUAL_UNIT
    return Style(newline, unit, ":" if is_tight else ": ", "," if is_tight else ", ", is_one_line)


def newline_of(text: str) -> str:
    """How its lines end."""
    return "\r\n" if "\r\n" in text[: text.find("\n") + 1] else "\n"


def rendered(value: Json, style: Style, indent: str | None) -> str:
    """``value`` as text: over several lines, the first of them at ``indent``; None: in one.

    Over several lines a short object that holds no other keeps to one all the same.
    """
    flat = json.dumps(value, ensure_ascii=False, separators=(style.comma, style.colon))
    if not isinstance(value, dict) or not value or indent is None:
        return flat
    if len(flat) <= _SHORT and not any(isinstance(each, dict) for each in value.values()):
        return f"{{ {flat[1:-1]} }}"
    inner = style.newline + indent + style.unit
    members = [
        f"{json.dumps(key, ensure_ascii=False)}{style.colon}"
        f"{rendered(each, style, indent + style.unit)}"
        for key, each in value.items()
    ]
    return "{" + inner + f",{inner}".join(members) + style.newline + indent + "}"


# Putting in


def with_member(text: str, where: Node, key: str, value: Json, style: Style) -> str:
    """``text`` with ``"key": value`` as the last member of the object ``where``."""
    is_one_line = style.is_one_line or (
        bool(where.members) and "\n" not in text[where.start : where.end]
    )
    indent = None if is_one_line else _inner_indent(text, where, style)
    member = f"{json.dumps(key)}{style.colon}{rendered(value, style, indent)}"
    lead = style.comma.removeprefix(",") if indent is None else style.newline + indent
    if where.members:
        return _after_last(text, where.members[-1], lead + member)
    return _into_empty(text, where, member if indent is None else lead + member, style)


def _after_last(text: str, last: Member, member: str) -> str:
    """The comma goes behind the last member, the new one behind that one's comments."""
    if last.comma is not None:
        at = _after_comments(text, last.comma + 1)
        return f"{text[:at]}{member},{text[at:]}"
    end = last.node.end
    at = _after_comments(text, end)
    return f"{text[:end]},{text[end:at]}{member}{text[at:]}"


def _into_empty(text: str, where: Node, member: str, style: Style) -> str:
    at, end = where.start + 1, where.end - 1
    *_, at = [at, *(comment.end() for comment in _ANY_COMMENT.finditer(text, at, end))]
    closing = ""
    if "\n" in member and "\n" not in text[at:end]:
        closing = style.newline + _line_indent(text, where.start)
    return f"{text[:at]}{member}{closing}{text[at:]}"


def _inner_indent(text: str, where: Node, style: Style) -> str:
    own = (_indent(text, member.start) for member in reversed(where.members))
    found = next((indent for indent in own if indent is not None), None)
    return _line_indent(text, where.start) + style.unit if found is None else found


def _after_comments(text: str, at: int) -> int:
    """Where the comments end that begin at ``at`` or on the same line."""
    while (end := _past(_COMMENT, text, at)) > at:
        at = end
    return at


# Taking out


def without_member(text: str, where: Node, member: Member) -> str:
    """``text`` without ``member`` of the object ``where``; comments around it stay."""
    index = where.members.index(member)
    before = where.members[index - 1] if index else None
    # space that led to it goes, or, where that has to stay, the space behind it
    stays = _space_stays(text, where, before, member)
    start = member.start if stays else _space_start(text, member)
    gap = _INDENT if stays else _NOTHING
    if member.comma is None:
        cuts = [(start, _past(gap, text, member.node.end))]
        if before is not None and before.comma is not None:
            cuts.append((before.comma, before.comma + 1))
    else:
        cuts = [(start, member.node.end), (member.comma, _past(gap, text, member.comma + 1))]
    if len(where.members) == 1:
        rest = _cut(text[: where.end], cuts)[where.start :]
        if not rest[1:-1].strip():
            return f"{text[: where.start]}{{}}{text[where.end :]}"
    return _cut(text, cuts)


def _space_start(text: str, member: Member) -> int:
    """Where the space before ``member`` begins, the end of the line before included."""
    start = len(text[: member.start].rstrip(" \t"))
    return len(text[:start].removesuffix("\n").removesuffix("\r"))


def _space_stays(text: str, where: Node, before: Member | None, member: Member) -> bool:
    """Whether what stands before or behind ``member`` needs the space before it."""
    rest = text[member.node.end :]
    if member.comma is not None:
        rest = text[member.node.end : member.comma] + text[member.comma + 1 :]
    if text[_line_start(text, member.start) : member.start].strip():
        return before is None and len(where.members) > 1
    if _COMMENT.match(rest):
        return True
    space = _space_start(text, member)
    gap_start = where.start + 1 if before is None else (before.comma or before.node.end)
    comments = [*_ANY_COMMENT.finditer(text, gap_start, space)]
    needs_line_end = (
        bool(comments) and comments[-1].end() == space and comments[-1].group().startswith("//")
    )
    return needs_line_end and not _LINE_END.match(rest)


def _past(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _cut(text: str, cuts: Iterable[tuple[int, int]]) -> str:
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    return text


# Lines


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_indent(text: str, at: int) -> str:
    """The indent of the line on which ``at`` is."""
    found = _INDENT.match(text, _line_start(text, at))
    return found.group() if found else ""


def _indent(text: str, at: int) -> str | None:
    """What stands before ``at`` on its line; None where that is more than space."""
    before = text[_line_start(text, at) : at]
    return before if "\n" in text[:at] and not before.strip(" \t") else None
