"""The notes by which proxies that run on an accounts file are found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from addon.accounts.running import Note, Place, leave_note, notes, take_note_back, this_machine

PLACES = (Place("regular", "127.0.0.1", 8080), Place("reverse", "127.0.0.1", 8081))


def note(instance: str, *, pid: int | None = None, machine: str | None = None) -> Note:
    return Note(instance, pid or os.getpid(), machine or this_machine(), PLACES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.json"


@pytest.fixture
def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_note_is_found_until_it_is_taken_back(path: Path) -> None:
    assert notes(path) == ()
    leave_note(path, note("one"))
    assert notes(path) == (note("one"),)
    take_note_back(path, "one")
    assert notes(path) == ()
    assert list(path.parent.iterdir()) == []


def test_each_proxy_has_a_note_of_its_own(path: Path) -> None:
    leave_note(path, note("one"))
    leave_note(path, note("two"))
    assert set(notes(path)) == {note("one"), note("two")}
    take_note_back(path, "one")
    assert notes(path) == (note("two"),)


def test_a_later_note_of_the_same_proxy_takes_the_place_of_the_former(path: Path) -> None:
    leave_note(path, note("one"))
    moved = Note("one", os.getpid(), this_machine(), PLACES[:1])
    leave_note(path, moved)
    assert notes(path) == (moved,)


def test_it_is_found_from_every_name_of_the_file(path: Path, tmp_path: Path) -> None:
    path.touch()
    link = tmp_path / "elsewhere" / "link.json"
    link.parent.mkdir()
    link.symlink_to(path)
    leave_note(link, note("one"))
    assert notes(path) == notes(link) == (note("one"),)


def test_a_proxy_that_was_killed_is_not_told_and_the_next_one_clears_its_note_away(
    path: Path, dead_pid: int
) -> None:
    leave_note(path, note("killed", pid=dead_pid))
    assert notes(path) == ()
    leave_note(path, note("next"))
    assert [each.name for each in path.with_name("accounts.json.running").iterdir()] == [
        "next.json"
    ]


def test_of_another_machine_nobody_knows_whether_it_was_killed(path: Path, dead_pid: int) -> None:
    elsewhere = note("elsewhere", pid=dead_pid, machine="another")
    leave_note(path, elsewhere)
    leave_note(path, note("here"))
    assert set(notes(path)) == {elsewhere, note("here")}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"instance": "x"}', '{"places": [1]}'])
def test_what_is_no_note_is_passed_over(path: Path, text: str) -> None:
    leave_note(path, note("one"))
    (path.with_name("accounts.json.running") / "odd.json").write_text(text, encoding="utf-8")
    assert notes(path) == (note("one"),)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_it_is_for_its_owner_alone_as_is_a_folder_that_was_missing(tmp_path: Path) -> None:
    path = tmp_path / "opencode" / "accounts.json"
    leave_note(path, note("one"))
    folder = path.with_name("accounts.json.running")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "one.json").stat().st_mode & 0o777 == 0o600
