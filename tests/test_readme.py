"""README.md says what the tables of the code say: nothing is left out, nothing is made up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import typer.main

from addon.cli.app import app
from addon.settings import Settings
from addon.translate.fates import FIELDS, ITEMS, PARTS, TOOLS, Fate, Refused, Row
from addon.translate.profile import PROFILES

README: Final = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
SAID: Final = {Fate.MAPPED: "carried", Fate.SAME: "as is"}


def rows(heading: str) -> dict[str, str]:
    """The table whose first column is headed so: each name in it, and what is said of it."""
    table = re.search(
        rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE
    )
    assert table, f"README.md has no table of {heading}"
    said: dict[str, str] = {}
    for line in table[1].splitlines():
        names, told = line.strip("| ").split(" | ", 1)
        said |= dict.fromkeys(re.findall(r"`([^`]+)`", names), told)
    return said


@pytest.mark.parametrize(
    ("heading", "table"),
    [
        ("field of the request", FIELDS),
        ("item of `input`", ITEMS),
        ("part of a message or an output", PARTS),
        ("tool, and choice of it", TOOLS),
    ],
)
def test_everything_that_a_request_can_hold_has_its_fate(
    heading: str, table: Mapping[str, Row]
) -> None:
    said = rows(heading)
    assert table.keys() <= said.keys()
    refused = {name for name, row in table.items() if isinstance(row, Refused)}
    assert refused == {name for name in table if said[name].startswith("refused")}
    dropped = {name for name, row in table.items() if row is Fate.DROPPED}
    left_out = ("dropped", "a text that says it was left out")
    assert dropped == {name for name in table if said[name].startswith(left_out)}


def test_the_fate_of_each_field_is_the_one_in_the_code() -> None:
    said = rows("field of the request")
    for name, row in FIELDS.items():
        if isinstance(row, Fate) and name not in ("reasoning", "text", "include"):
            assert said[name].startswith(SAID.get(row, row.value)), name


def test_every_profile_is_told_of() -> None:
    assert rows("profile").keys() == PROFILES.keys()


def test_every_setting_is_told_of() -> None:
    assert Settings.model_fields.keys() <= rows("key").keys()


COMMANDS: Final = sorted(
    {
        found.strip()
        for found in re.findall(
            r"(?:^|[`(]|: )(?:\./scripts/)?qwen-proxy ([a-z-][^`#|<&\n)]*)", README, re.MULTILINE
        )
        if found.split()[0].isidentifier()
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_there_is(command: str) -> None:
    """With the options that it is called with; what follows ``--`` is another program's."""
    words = command.partition(" -- ")[0].split()
    found = typer.main.get_command(app)
    while words and words[0] in (commands := getattr(found, "commands", {})):
        found = commands[words.pop(0)]
    known = {name for parameter in found.params for name in parameter.opts} | {"--help"}
    assert [word for word in words if word.startswith("-") and word not in known] == []
    assert not hasattr(found, "commands") or words in ([], ["--help"])
