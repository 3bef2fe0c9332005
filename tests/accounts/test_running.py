"""The notes by which proxies that run on an accounts file are found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from addon.accounts.running import Note, OwnNote, Place, notes, this_machine

ROOT = Path(__file__).resolve().parents[2]
PLACES = (Place("regular", "127.0.0.1", 8080), Place("reverse", "127.0.0.1", 8081))


def note(instance: str, *, pid: int | None = None, machine: str | None = None) -> Note:
    return Note(instance, pid or os.getpid(), machine or this_machine(), PLACES)


def leave(path: Path, said: Note) -> OwnNote:
    """The note of a proxy that runs for as long as the object is kept."""
    own = OwnNote(path, said.instance)
    own.leave(said)
    return own


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.json"


def test_a_note_is_found_until_it_is_taken_back(path: Path) -> None:
    assert notes(path) == ()
    own = leave(path, note("one"))
    assert notes(path) == (note("one"),)
    own.take_back()
    assert notes(path) == ()
    assert list(path.parent.iterdir()) == []


def test_each_proxy_has_a_note_of_its_own(path: Path) -> None:
    own, _other = leave(path, note("one")), leave(path, note("two"))
    assert set(notes(path)) == {note("one"), note("two")}
    own.take_back()
    assert notes(path) == (note("two"),)


def test_a_later_note_of_the_same_proxy_takes_the_place_of_the_former(path: Path) -> None:
    own = leave(path, note("one"))
    moved = Note("one", os.getpid(), this_machine(), PLACES[:1])
    own.leave(moved)
    assert notes(path) == (moved,)


def test_it_is_found_from_every_name_of_the_file(path: Path, tmp_path: Path) -> None:
    path.touch()
    link = tmp_path / "elsewhere" / "link.json"
    link.parent.mkdir()
    link.symlink_to(path)
    _own = leave(link, note("one"))
    assert notes(path) == notes(link) == (note("one"),)


LEAVES_AND_DIES = """
import os, sys
from pathlib import Path
from addon.accounts.running import Note, OwnNote
own = OwnNote(Path(sys.argv[1]), "killed")
own.leave(Note("killed", int(sys.argv[2]) or os.getpid(), sys.argv[3], ()))
os.kill(os.getpid(), 9)
"""


def killed(path: Path, *, pid: int = 0, machine: str | None = None) -> None:
    """A proxy leaves a note, as ``pid`` (0: its own), and is killed."""
    arguments = [
        sys.executable,
        "-c",
        LEAVES_AND_DIES,
        str(path),
        str(pid),
        machine or this_machine(),
    ]
    subprocess.run(arguments, cwd=ROOT, check=False)
    assert (path.with_name("accounts.json.running") / "killed.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
@pytest.mark.parametrize("pid", [0, os.getpid()], ids=["", "another has its number now"])
def test_a_proxy_that_was_killed_is_not_told_and_the_next_one_clears_its_note_away(
    path: Path, pid: int
) -> None:
    killed(path, pid=pid)
    assert notes(path) == ()
    _own = leave(path, note("next"))
    folder = path.with_name("accounts.json.running")
    assert {each.name for each in folder.iterdir()} == {"next.json", "next.lock"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_of_another_machine_it_is_told_while_it_holds_its_lock(path: Path) -> None:
    elsewhere = note("elsewhere", machine="another")
    _own = leave(path, elsewhere)
    killed(path, machine="another")
    assert notes(path) == (elsewhere,)
    _here = leave(path, note("here"))
    # a network's file system may not know of its lock: it is not ours to clear away
    assert (path.with_name("accounts.json.running") / "killed.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"instance": "x"}', '{"places": [1]}'])
def test_what_is_no_note_is_passed_over(path: Path, text: str) -> None:
    _own = leave(path, note("one"))
    (path.with_name("accounts.json.running") / "odd.json").write_text(text, encoding="utf-8")
    assert notes(path) == (note("one"),)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_it_is_for_its_owner_alone_as_is_a_folder_that_was_missing(tmp_path: Path) -> None:
    path = tmp_path / "opencode" / "accounts.json"
    _own = leave(path, note("one"))
    folder = path.with_name("accounts.json.running")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "one.json").stat().st_mode & 0o777 == 0o600
