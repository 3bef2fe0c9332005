"""SECURITY.md promises nothing that no test holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SECURITY: Final = (ROOT / "SECURITY.md").read_text("utf-8")
PROMISED: Final = SECURITY.partition("## What is promised")[2].partition("## What is not")[0]


def test_each_test_that_it_names_is_there_and_tests() -> None:
    named = set(re.findall(r"`([^`]*\.py)`", SECURITY))
    assert named
    for path in named:
        assert re.search(r"^(async )?def test_", (ROOT / path).read_text("utf-8"), re.MULTILINE), (
            path
        )


def test_each_promise_names_its_tests() -> None:
    promises = [
        line
        for line in PROMISED.splitlines()
        if line.startswith("|") and not line.startswith(("| promise", "|--"))
    ]
    assert promises
    assert [line for line in promises if not re.search(r"`tests/[^`]+\.py`", line)] == []


def test_the_readme_leads_there() -> None:
    assert "(SECURITY.md)" in (ROOT / "README.md").read_text("utf-8")
