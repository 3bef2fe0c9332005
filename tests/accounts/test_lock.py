"""The lock on the accounts file: kernel lock and the plugin's lock folder."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from addon.accounts.lock import LockBusy, locked


@pytest.fixture
def plugins_lock(path: Path) -> Path:
    """The folder that npm's proper-lockfile makes."""
    return path.with_name("accounts.json.lock")


def test_while_we_hold_it_the_plugin_finds_its_own_kind_of_lock(
    path: Path, plugins_lock: Path
) -> None:
    with locked(path, timeout_seconds=0):
        assert plugins_lock.is_dir()
        assert plugins_lock.stat().st_mtime > time.time() - 10
    assert not plugins_lock.exists()


def test_while_the_plugin_holds_it_we_do_not(path: Path, plugins_lock: Path) -> None:
    plugins_lock.mkdir()
    with pytest.raises(LockBusy), locked(path, timeout_seconds=0):
        pass
    assert plugins_lock.is_dir()


def test_we_wait_for_the_plugin_as_long_as_we_are_told_to(path: Path, plugins_lock: Path) -> None:
    plugins_lock.mkdir()
    release = threading.Timer(0.05, plugins_lock.rmdir)
    release.start()
    with locked(path, timeout_seconds=5):
        assert plugins_lock.is_dir()
    release.join()


def test_a_lock_that_a_dead_plugin_left_is_void(path: Path, plugins_lock: Path) -> None:
    plugins_lock.mkdir()
    long_ago = time.time() - 11
    os.utime(plugins_lock, (long_ago, long_ago))
    with locked(path, timeout_seconds=0):
        pass
    assert not plugins_lock.exists()


def test_a_lock_that_one_of_us_left_dying_is_void_at_once(path: Path, plugins_lock: Path) -> None:
    with locked(path, timeout_seconds=0):
        as_we_make_it = plugins_lock.stat()
    plugins_lock.mkdir()
    os.utime(plugins_lock, ns=(as_we_make_it.st_atime_ns, as_we_make_it.st_mtime_ns))
    with locked(path, timeout_seconds=0):
        pass


def test_a_lock_that_the_plugin_took_over_is_not_taken_from_it(
    path: Path, plugins_lock: Path
) -> None:
    with locked(path, timeout_seconds=0):
        plugins_lock.rmdir()
        plugins_lock.mkdir()
    assert plugins_lock.is_dir()


def test_of_two_threads_one_waits(path: Path) -> None:
    entered = threading.Event()

    def second() -> None:
        with locked(path, timeout_seconds=5):
            entered.set()

    with locked(path, timeout_seconds=0):
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.05)
    thread.join()
    assert entered.is_set()


def test_it_is_released_when_the_work_fails(path: Path) -> None:
    with pytest.raises(ValueError, match="work"), locked(path, timeout_seconds=0):
        raise ValueError("work")
    with locked(path, timeout_seconds=0):
        pass
