"""The accounts file is read: each of its states has its own message."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from addon.accounts.document import with_account
from addon.accounts.file import HOW_TO_ADD, JsonFileStore
from addon.accounts.lock import locked
from addon.accounts.store import AccountStore, FaultKind, Snapshot
from tests.accounts.files import ACCOUNT, KEY, NEW, SIGN_IN, ids, mode_of, read, write


def test_accounts_come_in_file_order(path: Path, store: AccountStore) -> None:
    write(path, KEY, SIGN_IN)
    assert store.load() == Snapshot(accounts=store.load().accounts)
    assert ids(store.load()) == ["k", "o"]


def test_as_long_as_nothing_changes_it_is_the_same_snapshot(
    path: Path, store: JsonFileStore
) -> None:
    assert store.load() is store.load()
    write(path, KEY)
    first = store.load()
    assert store.load() is first
    os.utime(path)
    assert store.load() is first


def test_a_change_from_outside_is_seen(path: Path, store: JsonFileStore) -> None:
    write(path, KEY)
    store.load()
    write(path, KEY, SIGN_IN)
    assert ids(store.load()) == ["k", "o"]
    JsonFileStore(path).update(lambda found: with_account(found, ACCOUNT))
    assert ids(store.load()) == ["k", "o", "new"]
    path.unlink()
    assert ids(store.load()) == []


# What can be wrong with the file


def test_a_missing_file(path: Path, store: JsonFileStore) -> None:
    fault = store.load().fault
    assert fault is not None
    assert fault.kind is FaultKind.MISSING
    assert fault.message == f"There is no accounts file {path}. {HOW_TO_ADD}"
    assert list(path.parent.iterdir()) == []


def test_a_symlink_that_leads_nowhere(path: Path, store: JsonFileStore) -> None:
    path.symlink_to(path.parent / "gone.json")
    fault = store.load().fault
    assert fault is not None
    assert fault.kind is FaultKind.MISSING
    assert fault.message == f"{path} points to {path.parent / 'gone.json'}, which is not there."


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ("", FaultKind.EMPTY, f"{{path}} is empty. {HOW_TO_ADD}"),
        (" \n", FaultKind.EMPTY, f"{{path}} is empty. {HOW_TO_ADD}"),
        (
            '{"version": 1, "accounts": []}',
            FaultKind.EMPTY,
            f"{{path}} holds no accounts. {HOW_TO_ADD}",
        ),
        (
            '{"version": 1, "accounts": [{"apiKey": 7}, 8]}',
            FaultKind.EMPTY,
            (
                "No account in {path} can be used: accounts[0].apiKey: must be a text; "
                "accounts[1]: must be an object."
            ),
        ),
        (
            '{\n"version": 1,\n"accounts" []}',
            FaultKind.BROKEN,
            (
                "{path}:3:12: is not JSON: Expecting ':' delimiter. "
                "It is left as it is until you mend it."
            ),
        ),
        (
            '{"version": 2, "accounts": []}',
            FaultKind.BROKEN,
            (
                '{path}: must have "version": 1, the only one that is known here. '
                "It is left as it is until you mend it."
            ),
        ),
    ],
)
def test_a_file_without_accounts(
    content: str, kind: FaultKind, message: str, path: Path, store: JsonFileStore
) -> None:
    path.write_text(content)
    path.chmod(0o600)
    found = store.load()
    assert found.fault is not None
    assert found.accounts == ()
    assert found.fault.kind is kind
    assert found.fault.message == message.replace("{path}", str(path))
    assert path.read_text() == content


def test_what_is_no_file(path: Path, store: JsonFileStore) -> None:
    path.mkdir()
    fault = store.load().fault
    assert fault is not None
    assert fault.kind is FaultKind.UNREADABLE
    assert fault.message == f"{path} cannot be read: Is a directory."


def test_a_named_pipe_does_not_hold_the_reader_up(path: Path, store: JsonFileStore) -> None:
    os.mkfifo(path, 0o600)
    fault = store.load().fault
    assert fault is not None
    assert fault.message == f"{path} cannot be read: it is not a regular file."


def test_a_file_that_may_not_be_read_and_then_may(powerless: Path) -> None:
    path = powerless / "accounts.json"
    write(path, KEY, mode=0o200)
    store = JsonFileStore(path)
    fault = store.load().fault
    assert fault is not None
    assert fault.kind is FaultKind.UNREADABLE
    assert fault.message == f"{path} cannot be read: Permission denied."
    path.chmod(0o600)
    assert ids(store.load()) == ["k"]


@pytest.mark.parametrize("content", ["", "{", '{"version": 2, "accounts": []}'])
def test_what_breaks_while_running_is_said_and_the_accounts_go_on(
    content: str, path: Path, store: JsonFileStore
) -> None:
    write(path, KEY)
    good = store.load()
    path.write_text(content)
    broken = store.load()
    assert broken.accounts == good.accounts
    assert broken.fault is not None
    assert broken.fault.message.endswith("The accounts read before it stay in use.")
    assert broken.news(good) == (broken.fault.message,)
    assert store.load() is broken
    assert path.read_text() == content
    write(path, KEY, SIGN_IN)
    mended = store.load()
    assert mended.fault is None
    assert ids(mended) == ["k", "o"]


def test_a_wrong_entry_is_told_once(path: Path, store: JsonFileStore) -> None:
    write(path, KEY, {"apiKey": 7})
    first = store.load()
    assert first.news(None) == ("accounts[1].apiKey: must be a text",)
    write(path, {**KEY, "priority": 1}, {"apiKey": 7})
    assert store.load().news(first) == ()


# Ids


def test_missing_ids_are_written_on_first_load(path: Path, store: JsonFileStore) -> None:
    write(path, {**NEW, "note": "mine"}, 7, extra={"kept": True})
    [account] = store.load().accounts
    assert read(path) == {
        "version": 1,
        "accounts": [{"id": account.id, **NEW, "note": "mine"}, 7],
        "extra": {"kept": True},
        "activeIndex": 0,
    }
    assert mode_of(path) == 0o600
    before = path.stat()
    assert store.load().accounts == (account,)
    assert path.stat() == before


def test_in_a_read_only_folder_ids_stay_in_memory(powerless: Path) -> None:
    path = powerless / "accounts.json"
    write(path, NEW)
    powerless.chmod(0o500)
    try:
        store = JsonFileStore(path)
        found = store.load()
        assert len(found.accounts) == 1
        assert found.warnings == (
            (
                f"{path} cannot be written (Permission denied): "
                "accounts without an id there have one in memory only."
            ),
        )
        assert store.load() is found
        assert JsonFileStore(path).load().accounts == found.accounts
        assert read(path)["accounts"] == [NEW]
    finally:
        powerless.chmod(0o700)


def test_while_another_writes_ids_stay_in_memory_and_are_written_later(
    path: Path, store: JsonFileStore
) -> None:
    write(path, NEW)
    with locked(path, timeout_seconds=0):
        found = store.load()
        assert read(path)["accounts"] == [NEW]
    assert found.warnings == ()
    assert store.load().accounts == found.accounts
    assert read(path)["accounts"][0]["id"] == found.accounts[0].id


def test_a_symlink_is_followed_and_kept(path: Path, store: JsonFileStore) -> None:
    target = path.parent / "elsewhere" / "real.json"
    target.parent.mkdir(0o700)
    write(target, NEW)
    path.symlink_to(target)
    [account] = store.load().accounts
    assert path.is_symlink()
    assert read(target)["accounts"][0]["id"] == account.id


# Modes


@pytest.mark.parametrize(
    ("mode", "after"), [(0o644, 0o600), (0o640, 0o600), (0o777, 0o600), (0o444, 0o400)]
)
def test_a_file_that_others_could_read_is_closed_to_them(
    mode: int, after: int, path: Path, store: JsonFileStore
) -> None:
    write(path, KEY, mode=mode)
    found = store.load()
    assert found.warnings == (
        f"{path} could be read by other users (mode {mode:04o}): it is {after:04o} now.",
    )
    assert mode_of(path) == after
    assert ids(found) == ["k"]
    assert store.load() is found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another's file")
def test_a_file_of_another_user_that_cannot_be_closed(powerless: Path) -> None:
    path = powerless / "accounts.json"
    os.seteuid(0)
    write(path, KEY, mode=0o644)
    os.chown(path, 0, 0)
    os.seteuid(65534)
    found = JsonFileStore(path).load()
    assert ids(found) == ["k"]
    assert found.warnings == (
        (
            f"{path} can be read by other users (mode 0644), and that cannot be changed "
            "(Operation not permitted)."
        ),
    )


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o1777])
def test_a_folder_in_which_others_can_write_is_told_and_left(
    mode: int, path: Path, store: JsonFileStore
) -> None:
    write(path, KEY)
    path.parent.chmod(mode)
    assert store.load().warnings == (
        f"Other users can write in {path.parent} (mode {mode:04o}), and so replace accounts.json.",
    )
    assert mode_of(path.parent) == mode


def test_opencodes_own_folder_is_closed_to_other_users(tmp_path: Path) -> None:
    folder = tmp_path / "opencode"
    path = folder / "accounts.json"
    folder.mkdir()
    write(path, KEY)
    folder.chmod(0o755)

    (warning,) = JsonFileStore(path).load().warnings

    assert "0700 now" in warning
    assert mode_of(folder) == 0o700


def test_another_folder_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    path = folder / "accounts.json"
    folder.mkdir()
    write(path, KEY)
    folder.chmod(0o755)

    assert not JsonFileStore(path).load().warnings
    assert mode_of(folder) == 0o755
