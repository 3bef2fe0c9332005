"""The key that seals reasoning: made once, kept private, never written over."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Final

import pytest

from addon.accounts import seal_key
from addon.accounts.lock import locked
from addon.accounts.seal_key import SealKey, seal_key_beside
from addon.translate.sealing import KEY_BYTES
from tests.accounts.conftest import NOBODY
from tests.accounts.files import mode_of

KEY: Final = bytes(range(KEY_BYTES))

# fork would hand the locks and threads of the test run down
CONTEXT: Final = multiprocessing.get_context("spawn")


@pytest.fixture
def key_file(path: Path) -> Path:
    """Where the key is to be, the accounts file being at ``path``."""
    return path.with_name("qwen-reasoning.key")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a lock."""
    monkeypatch.setattr(seal_key, "_WAIT_SECONDS", 0.0)


def is_in_memory_only(found: SealKey, accounts_file: Path) -> bool:
    """Whether the key is a good one, is told to be kept nowhere, and is another each time."""
    assert len(found.key) == KEY_BYTES
    [warning] = found.warnings
    assert warning.endswith("Till the next start reasoning is sealed with a key that is not kept.")
    return seal_key_beside(accounts_file).key != found.key


def test_the_key_is_made_when_it_is_first_asked_for_and_is_its_owners_alone(
    path: Path, key_file: Path
) -> None:
    made = seal_key_beside(path)
    assert len(made.key) == KEY_BYTES
    assert made.warnings == ()
    assert mode_of(key_file) == 0o600
    assert seal_key_beside(path) == made


def test_a_folder_that_is_not_there_is_made_for_the_owner_alone(private_folder: Path) -> None:
    path = private_folder / "config" / "opencode" / "accounts.json"
    assert seal_key_beside(path).warnings == ()
    assert mode_of(path.parent) == 0o700


def test_who_shares_the_accounts_shares_the_key(path: Path, key_file: Path) -> None:
    path.touch(0o600)
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir(0o700)
    link = elsewhere / "accounts.json"
    link.symlink_to(path)
    assert seal_key_beside(link) == seal_key_beside(path)
    assert key_file.exists()


def test_a_key_that_was_put_there_by_hand_is_used(path: Path, key_file: Path) -> None:
    key_file.write_text(f"\n{KEY.hex().upper()}  \n")
    key_file.chmod(0o600)
    assert seal_key_beside(path) == SealKey(KEY)


def test_a_key_that_others_could_read_is_closed_to_them_and_told(
    path: Path, key_file: Path
) -> None:
    key_file.write_text(KEY.hex())
    key_file.chmod(0o644)
    found = seal_key_beside(path)
    assert found.key == KEY
    assert "could be read by other users" in "".join(found.warnings)
    assert mode_of(key_file) == 0o600


def test_the_key_is_in_no_text_that_is_made_of_it() -> None:
    assert repr(SealKey(KEY)) == "SealKey(warnings=())"


# What is wrong with the file


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"no key", KEY, KEY.hex()[:-2].encode(), KEY.hex().encode() * 2, b"\xff\xfe"],
)
def test_a_file_that_holds_no_key_is_never_written_over(
    content: bytes, path: Path, key_file: Path
) -> None:
    key_file.write_bytes(content)
    key_file.chmod(0o600)
    found = seal_key_beside(path)
    assert is_in_memory_only(found, path)
    assert f"{key_file} holds no key; it is left as it is." in found.warnings[0]
    assert key_file.read_bytes() == content


def test_a_folder_in_the_place_of_the_file_is_left_alone(path: Path, key_file: Path) -> None:
    key_file.mkdir()
    assert is_in_memory_only(seal_key_beside(path), path)
    assert key_file.is_dir()


def test_a_pipe_in_the_place_of_the_file_is_not_waited_for(path: Path, key_file: Path) -> None:
    os.mkfifo(key_file)
    assert is_in_memory_only(seal_key_beside(path), path)


def test_a_file_that_may_not_be_read_is_never_written_over(powerless: Path) -> None:
    key_file = powerless / "qwen-reasoning.key"
    key_file.write_text(KEY.hex())
    key_file.chmod(0o000)
    found = seal_key_beside(powerless / "accounts.json")
    assert is_in_memory_only(found, powerless / "accounts.json")
    assert f"{key_file} cannot be read or made: Permission denied." in found.warnings[0]
    key_file.chmod(0o600)
    assert key_file.read_text() == KEY.hex()


@pytest.fixture
def closed_folder(powerless: Path) -> Iterator[Path]:
    """A folder in which nothing can be made."""
    powerless.chmod(0o500)
    yield powerless
    powerless.chmod(0o700)


def test_where_no_file_can_be_made_the_key_is_in_memory(closed_folder: Path) -> None:
    accounts_file = closed_folder / "accounts.json"
    assert is_in_memory_only(seal_key_beside(accounts_file), accounts_file)
    assert list(closed_folder.iterdir()) == []


def test_a_full_disk_leaves_no_half_of_a_key(
    path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        found = seal_key_beside(path)
        assert is_in_memory_only(found, path)
    assert "No space left on device" in found.warnings[0]
    assert not key_file.exists()
    assert not list(path.parent.glob(".*.new"))
    assert seal_key_beside(path).warnings == ()


@pytest.mark.usefixtures("impatient")
def test_a_lock_that_does_not_come_free_is_not_waited_for_for_ever(
    path: Path, key_file: Path
) -> None:
    with locked(key_file, timeout_seconds=0):
        found = seal_key_beside(path)
        assert is_in_memory_only(found, path)
    assert f"{key_file} is being written by another process." in found.warnings[0]
    assert not key_file.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_key_made_by_root_belongs_to_the_owner_of_the_folder(path: Path, key_file: Path) -> None:
    os.chown(path.parent, NOBODY, NOBODY)
    seal_key_beside(path)
    assert key_file.stat().st_uid == NOBODY


# Several at once


def test_who_comes_second_takes_the_key_of_the_first(
    path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def locked_after_another(target: Path, *, timeout_seconds: float) -> Iterator[None]:
        with locked(target, timeout_seconds=timeout_seconds):
            key_file.touch(0o600)
            key_file.write_text(KEY.hex())
        with locked(target, timeout_seconds=timeout_seconds):
            yield

    monkeypatch.setattr(seal_key, "locked", locked_after_another)
    assert seal_key_beside(path) == SealKey(KEY)


# What runs in the other processes


def ask_at_once(folders: list[Path], looked: Barrier, answer: Connection) -> None:
    """None of them goes on before all have seen that there is no key."""

    @contextmanager
    def locked_when_all_have_looked(path: Path, *, timeout_seconds: float) -> Iterator[None]:
        looked.wait(timeout=60)
        with locked(path, timeout_seconds=timeout_seconds):
            yield

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(seal_key, "locked", locked_when_all_have_looked)
        found = [seal_key_beside(folder / "accounts.json") for folder in folders]
    answer.send([(each.key, each.warnings) for each in found])


def test_processes_that_start_at_once_end_up_with_one_key(private_folder: Path) -> None:
    folders = [private_folder / str(number) for number in range(40)]
    looked = CONTEXT.Barrier(4)
    pipes = [CONTEXT.Pipe(duplex=False) for _ in range(4)]
    processes: list[BaseProcess] = [
        CONTEXT.Process(target=ask_at_once, args=(folders, looked, answer)) for _, answer in pipes
    ]
    for process in processes:
        process.start()
    for _, answer in pipes:
        answer.close()  # one that dies is noticed, and not waited for
    answers = [receive.recv() for receive, _ in pipes]
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    kept = [(seal_key_beside(folder / "accounts.json").key, ()) for folder in folders]
    assert answers == [kept] * 4
    assert len(set(kept)) == len(folders)
