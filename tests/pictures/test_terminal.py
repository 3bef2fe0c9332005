"""The README's picture: drawn from what a terminal showed, and safe to look at."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Final

import pytest

from tests.pictures.__main__ import PICTURE
from tests.pictures.terminal import drawn

SVG: Final = "{http://www.w3.org/2000/svg}"


def text_of(picture: str) -> str:
    """What stands in it, line by line from the top."""
    lines: dict[float, str] = {}
    matrix = ET.fromstring(picture).find(f".//{SVG}g[@class='terminal-matrix']")  # noqa: S314
    assert matrix is not None
    for element in matrix.iter(f"{SVG}text"):
        y = float(element.get("y", "0"))
        lines[y] = lines.get(y, "") + (element.text or "")
    return "\n".join(lines[y].replace("\xa0", " ").rstrip() for y in sorted(lines))


def test_it_shows_commands_and_what_they_printed() -> None:
    picture = drawn([("greet", "\x1b[32mhello\x1b[0m there\r\n")], columns=40, title="t")
    assert "$ greet\nhello there" in text_of(picture)


def test_colours_are_kept_and_the_cursor_is_not() -> None:
    picture = drawn([("x", "\x1b[?25l\x1b[31mred\x1b[0m\x1b[2K\x1b[1A")], columns=40, title="t")
    assert "#e86871" in picture
    assert "\x1b" not in picture


def test_markup_that_was_printed_is_text() -> None:
    picture = drawn([("x", "<script>alert(1)</script> [bold]&amp;")], columns=60, title="t")
    assert "<script>alert(1)</script> [bold]&amp;" in text_of(picture)


@pytest.fixture
def shown() -> str:
    return PICTURE.read_text(encoding="utf-8")


def test_the_readmes_picture_is_a_recording_of_what_the_readme_tells(shown: str) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"({PICTURE.parent.name}/{PICTURE.name})" in readme
    text = text_of(shown)
    for seen in ("$ qwen-proxy exec -- opencode", "hello.txt", "$ qwen-proxy status", "ready"):
        assert seen in text


def test_the_readmes_picture_asks_nobody_for_anything(shown: str) -> None:
    root = ET.fromstring(shown)  # noqa: S314 - our own
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "style", "defs", "clipPath", "rect", "g", "circle", "text"}
    assert "url(" not in shown.replace("url(#", "")
    assert "http" not in "".join(style.text or "" for style in root.iter(f"{SVG}style"))
