"""What a shell offers where an account is to be named. It is quick, or offers nothing.

A shell shows nothing of what goes wrong here, and must not be disturbed by it either.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Final

import typer

from addon.accounts.presets import PRESETS
from addon.cli.failure import CommandFailed
from addon.cli.surroundings import Surroundings

_ONE_WORD: Final = re.compile(r"[\w.@+-]+")
"""What no shell takes for anything else, on any of their ways back into the line."""


def account_names(context: typer.Context, incomplete: str) -> list[str]:
    """Labels, or ids where a label is more than a word; none that is there already."""
    return [
        name
        for name in _names()
        if name.startswith(incomplete) and name not in (context.params.get("names") or ())
    ]


def preset_names(incomplete: str) -> list[str]:
    """Services that are known by name."""
    return [name for name in PRESETS if name.startswith(incomplete)]


def _names() -> Iterator[str]:
    from addon.cli.accounts.file import AccountsFile  # noqa: PLC0415

    with contextlib.suppress(CommandFailed, OSError):
        for account in AccountsFile(Surroundings()).accounts():
            if _ONE_WORD.fullmatch(account.name):
                yield account.name
            elif _ONE_WORD.fullmatch(account.id):
                yield account.id
