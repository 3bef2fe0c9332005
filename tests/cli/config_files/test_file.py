"""A config file on disk: read, replaced, removed, backed up; never what others changed since."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from addon.cli.config_files.file import BEFORE, back_up, read, remove, replace
from addon.cli.failure import CommandFailed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


def test_a_byte_order_mark_is_no_text_and_stays(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf{}\r\n")
    file = read(path)
    assert file.text == "{}\r\n"
    replace(file, "[]\r\n")
    assert path.read_bytes() == b"\xef\xbb\xbf[]\r\n"


def test_a_new_file_is_as_others_of_this_person(path: Path) -> None:
    before = os.umask(0o027)
    try:
        replace(read(path), "{}")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_folders_on_the_way_are_made_for_this_person_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.json"
    replace(read(path), "{}")
    assert path.read_text() == "{}"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("change", [replace, lambda file, _: remove(file), back_up])
def test_what_was_changed_since_it_was_read_is_left_alone(path: Path, change: object) -> None:
    assert callable(change)
    path.write_text("mine")
    file = read(path)
    path.write_text("theirs")
    with pytest.raises(CommandFailed, match="was changed by somebody else meanwhile"):
        change(file, BEFORE)
    assert path.read_text() == "theirs"
    assert list(path.parent.iterdir()) == [path]


def test_one_that_appeared_since_is_left_alone(path: Path) -> None:
    file = read(path)
    path.write_text("theirs")
    with pytest.raises(CommandFailed, match="meanwhile"):
        replace(file, "mine")
    assert path.read_text() == "theirs"


def test_a_symlink_to_nothing_leads_to_what_is_made_and_stays(tmp_path: Path, path: Path) -> None:
    target = tmp_path / "dotfiles" / "config.json"
    path.symlink_to(target)
    replace(read(path), "{}")
    assert target.read_text() == "{}"
    remove(read(path))
    assert not target.exists()
    assert path.is_symlink()


def test_a_backup_takes_the_place_of_an_older_one(path: Path) -> None:
    path.write_text("now")
    path.chmod(0o640)
    backup = Path(f"{path}{BEFORE}")
    backup.write_text("then")
    back_up(read(path), BEFORE)
    assert backup.read_text() == "now"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o640
    assert read(path).text_before() == "now"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_named_pipe_is_no_config_and_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(CommandFailed, match="is not a regular file"):
        read(path)
