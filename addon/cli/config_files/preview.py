"""A change of a text as people see it before it is made: a unified diff.

It shows lines of a file that may hold keys of other services: what looks like a secret is
masked, and nothing in it steers the terminal.
"""

from __future__ import annotations

import difflib
import re
from typing import Final, TextIO

from addon.accounts.account import mask
from addon.cli.table import console_on

_STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_SECRET: Final = re.compile(
    r"""((?:(?<!env_)key|token|secret|password|authorization)\w*["']?\s*[:=]\s*["'])"""
    r"""([^"'{}]{8,})""",
    re.IGNORECASE,
)


def diff(name: str, before: str | None, after: str | None) -> str:
    """What changes in the file ``name``; None: it is not there."""
    lines = difflib.unified_diff(
        _lines(before),
        _lines(after),
        "/dev/null" if before is None else name,
        "/dev/null" if after is None else name,
        lineterm="",
    )
    return "".join(f"{_shown(line)}\n" for line in lines)


def print_diff(out: TextIO, text: str) -> None:
    """Print a diff: in colours on a terminal that likes them, else as it is.

    What ``out`` has no characters for is shown as an escape.
    """
    encoding = out.encoding or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    if not out.isatty():
        print(text, end="", file=out)
        return
    from rich.text import Text  # noqa: PLC0415 - not for those who see no colours

    console = console_on(out)
    for line in text.splitlines():
        is_name = line.startswith(("+++ ", "--- "))
        style = "bold" if is_name else _STYLES.get(line[:1], "")
        console.print(Text(line, style=style), soft_wrap=True)


def _lines(text: str | None) -> list[str]:
    """Without line ends, but so that a missing one at the end is a difference."""
    if not text:
        return []
    *lines, last = text.split("\n")
    return [*lines, f"{last}\n\\ No newline at end of file"] if last else lines


def _shown(line: str) -> str:
    body, newline, note = line.rstrip("\r").partition("\n")
    body = _SECRET.sub(lambda found: found[1] + mask(found[2]), body.rstrip("\r"))
    body = _CONTROL.sub(lambda found: ascii(found[0])[1:-1], body)
    return body + newline + note
