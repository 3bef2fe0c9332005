"""Where the statements of a TOML text stand, and how they are put in and taken out.

What a text means is told by Python's own tomllib; this only finds where each statement begins
and ends, in a text that tomllib has understood. Editors of whole documents, tomlkit among them,
lose a comment that stands between a table and the next when they take the table out, and end
what they add with line feeds wherever the others end otherwise. Pure.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from addon.cli.config_files.members import newline_of

Path: TypeAlias = tuple[str, ...]

_NOT_A_STATEMENT: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*+")
_HEADING: Final = re.compile(r"(?:#[^\n]*\n)+\r?\n")
"""What is said of the whole file: comments at its top, and a blank line."""
_BRACKETS: Final = re.compile(r"\[+")
_EQUALS: Final = re.compile(r"=[ \t]*")
_BLANK_LINE: Final = re.compile(r"[ \t]*\r?\n")
_BLANK_END: Final = re.compile(r"(?<=\n)\r?\n\Z")
_KEY: Final = re.compile(r"""[ \t]*([A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*')[ \t]*(\.?)""")
_TEXT: Final = re.compile(
    r'"""(?:[^\\]|\\[\s\S])*?"{3,5}(?!")'
    r"|'''[\s\S]*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*+"'
    r"|'[^'\n]*'"
)
_FAULT: Final = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)")


class TomlFault(ValueError):
    """Not TOML; the message begins with line and column where they are known."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A header or an assignment, with all of its lines: ``text[start:end]``."""

    path: Path
    """The whole of it: that of the table, then the key."""
    is_header: bool
    start: int
    end: int
    value_start: int
    value_end: int
    """Of a header they mean nothing."""


def parse(text: str) -> dict[str, Any]:
    """What ``text`` means. Raises TomlFault."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise TomlFault("is not TOML: it nests too deep") from None
    except ValueError as error:
        found = _FAULT.fullmatch(str(error))
        if found is None:
            raise TomlFault(f"is not TOML: {str(error).lower()}") from None
        place = f"{found['line']}:{found['column']}"
        raise TomlFault(f"{place}: is not TOML: {found['what'].lower()}") from None


def statements(text: str) -> Iterator[Statement]:
    """Those of a sound ``text``, in their order."""
    table: Path = ()
    at = 0
    while (at := _past(_NOT_A_STATEMENT, text, at)) < len(text):
        start = text.rfind("\n", 0, at) + 1
        is_header = text[at] == "["
        key, at = _keys(text, _past(_BRACKETS, text, at))
        if is_header:
            table = key
            value_start = value_end = at
        else:
            value_start = _past(_EQUALS, text, at)
            value_end = _value_end(text, value_start)
        end = text.find("\n", value_end) + 1 or len(text)
        path = table if is_header else table + key
        yield Statement(path, is_header, start, end, value_start, value_end)
        at = end


def _past(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _keys(text: str, at: int) -> tuple[Path, int]:
    """The dotted key that begins at ``at``, and where it ends."""
    keys = []
    while found := _KEY.match(text, at):
        at = found.end()
        key = found[1]
        keys.append(tomllib.loads(f"key = {key}")["key"] if key[0] in "\"'" else key)
        if not found[2]:
            break
    return tuple(keys), at


def _value_end(text: str, at: int) -> int:
    """A value ends with its line, unless a text or a bracket is open there."""
    depth = 0
    end = at
    while at < len(text):
        if found := _TEXT.match(text, at):
            end = at = found.end()
            continue
        character = text[at]
        if character == "#":
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
            continue
        if character == "\n" and depth == 0:
            break
        depth += (character in "[{") - (character in "]}")
        at += 1
        if not character.isspace():
            end = at
    return end


# Putting in


def assignments(values: Mapping[str, str | int], newline: str) -> str:
    """``values`` as statements, each with its line end."""
    return "".join(
        f"{key} = {_quoted(value) if isinstance(value, str) else value}{newline}"
        for key, value in values.items()
    )


def with_table(text: str, header: str, values: Mapping[str, str | int]) -> str:
    """``text`` with a table at its end, which ends without a line end where ``text`` does."""
    newline = newline_of(text)
    return _with_block(text, f"[{header}]{newline}{assignments(values, newline)}", newline)


def _with_block(text: str, block: str, newline: str) -> str:
    if not text:
        return block
    if text.endswith("\n"):
        return text + newline + block
    return text + newline * 2 + block.removesuffix(newline)


def with_assignments(text: str, values: Mapping[str, str | int]) -> str:
    """``text`` with statements behind those that are in no table, or before all tables."""
    newline = newline_of(text)
    new = assignments(values, newline)
    found = list(statements(text))
    if not found:
        return _with_block(text, new, newline)
    top = [each for each in found if not each.is_header and _is_before_tables(each, found)]
    if top:
        at = top[-1].end
        if text[:at].endswith("\n"):
            return text[:at] + new + text[at:]
        return text + newline + new.removesuffix(newline)
    at = _past(_HEADING, text, 0)
    return text[:at] + new + newline + text[at:]


def _is_before_tables(statement: Statement, found: list[Statement]) -> bool:
    header = next((each.start for each in found if each.is_header), statement.end)
    return statement.start < header


def with_value(text: str, statement: Statement, value: str) -> str:
    """``text`` where ``statement`` says ``value``."""
    return text[: statement.value_start] + _quoted(value) + text[statement.value_end :]


def _quoted(value: str) -> str:
    # of what comes here, a basic string of TOML escapes the same as JSON does
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


# Taking out


def without(text: str, is_meant: Callable[[Statement], bool]) -> str:
    """``text`` without the statements that are meant, and without the blank line put before them.

    Comments inside a table that goes, go with it; all others stay.
    """
    spans: list[tuple[int, int]] = []
    extends = False
    for statement in statements(text):
        meant = is_meant(statement)
        if meant and extends and not statement.is_header:
            spans[-1] = (spans[-1][0], statement.end)
        elif meant:
            spans.append((statement.start, statement.end))
        # what stands between two statements of no table is not ours
        extends = meant and (statement.is_header or extends)
    for start, end in reversed(spans):
        text = _without_lines(text, start, end)
    return text


def _without_lines(text: str, start: int, end: int) -> str:
    before, after = text[:start], text[end:]
    if not after and not text.endswith("\n"):
        before = _without_line_end(before)
        return _without_line_end(before)
    if after and not _BLANK_LINE.match(after):
        return before + after
    if before:
        return _BLANK_END.sub("", before) + after
    return _BLANK_LINE.sub("", after, count=1)


def _without_line_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
