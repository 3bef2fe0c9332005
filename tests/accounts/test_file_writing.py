"""The accounts file is written: as a whole, privately, and over nobody's change."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from addon.accounts.document import Document, empty_document, with_account
from addon.accounts.file import JsonFileStore
from addon.accounts.lock import locked
from addon.accounts.store import FaultKind, StoreError
from tests.accounts.files import ACCOUNT, KEY, NEW, SIGN_IN, ids, mode_of, read, write


def add_account(found: Document) -> Document:
    return with_account(found, ACCOUNT)


def test_a_file_that_is_made_is_private_and_so_is_its_folder(private_folder: Path) -> None:
    path = private_folder / "config" / "opencode" / "accounts.json"
    found = JsonFileStore(path).update(add_account)
    assert ids(found) == ["new"]
    assert found.warnings == ()
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)


def test_an_empty_file_may_be_filled(path: Path, store: JsonFileStore) -> None:
    path.touch(0o600)
    assert ids(store.update(add_account)) == ["new"]


def test_a_change_keeps_what_others_wrote_meanwhile(path: Path, store: JsonFileStore) -> None:
    write(path, KEY)
    store.load()
    write(path, KEY, SIGN_IN, extra=1)
    assert ids(store.update(add_account)) == ["k", "o", "new"]
    assert read(path)["extra"] == 1


def test_who_takes_the_last_account_out_is_told_that_there_is_none(
    path: Path, store: JsonFileStore
) -> None:
    write(path, KEY)
    store.load()
    found = store.update(lambda _found: empty_document())
    assert found.accounts == ()
    assert found.fault is not None
    assert found.fault.kind is FaultKind.EMPTY


def test_an_editor_that_comes_between_does_not_lose_its_change(
    path: Path, store: JsonFileStore
) -> None:
    write(path, KEY)

    def slowly(found: Document) -> Document:
        if found.accounts[0].priority == 0:
            write(path, {**KEY, "priority": 5})
        return with_account(found, replace(found.accounts[0], label="mine"))

    [account] = store.update(slowly).accounts
    assert (account.priority, account.label) == (5, "mine")


def test_an_editor_that_never_stops_is_given_way_to(path: Path, store: JsonFileStore) -> None:
    write(path, KEY)

    def never_alone(found: Document) -> Document:
        write(path, {**KEY, "priority": found.accounts[0].priority + 1})
        return add_account(found)

    with pytest.raises(StoreError, match="written by a program that knows no lock"):
        store.update(never_alone)
    assert ids(store.load()) == ["k"]


@pytest.mark.parametrize("content", ["{", '{"version": 2, "accounts": []}'])
def test_a_broken_file_is_never_written_over(
    content: str, path: Path, store: JsonFileStore
) -> None:
    path.write_text(content)
    with pytest.raises(StoreError, match=r"It is left as it is\."):
        store.update(add_account)
    assert path.read_text() == content


def test_a_write_that_fails_leaves_the_old_file(
    path: Path, store: JsonFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, KEY)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot be written: No space left on device\."):
        store.update(add_account)
    assert read(path)["accounts"] == [KEY]
    assert not list(path.parent.glob(".*.new"))


def test_a_busy_file_is_told(path: Path, store: JsonFileStore) -> None:
    write(path, KEY)
    with (
        locked(path, timeout_seconds=0),
        pytest.raises(StoreError, match="is being written by another process"),
    ):
        store.update(add_account, timeout_seconds=0)


def test_what_a_killed_writer_left_is_cleared_away(path: Path, store: JsonFileStore) -> None:
    write(path, KEY)
    left = path.with_name(f".{path.name}.new")
    left.write_text("half a document")
    store.update(add_account)
    assert not left.exists()


def test_a_trap_in_the_place_of_the_temporary_file_is_not_followed(
    path: Path, store: JsonFileStore
) -> None:
    write(path, KEY)
    victim = path.parent / "victim"
    victim.write_text("untouched")
    path.with_name(f".{path.name}.new").symlink_to(victim)
    store.update(add_account)
    assert victim.read_text() == "untouched"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_does_not_take_the_file_from_its_owner(path: Path, store: JsonFileStore) -> None:
    write(path, NEW)
    os.chown(path, 65534, 65534)
    store.load()
    assert "id" in read(path)["accounts"][0]
    assert path.stat().st_uid == 65534
