"""The lock on the accounts file: kernel lock and the plugin's lock folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from pathlib import Path

import pytest

from addon.accounts import lock
from addon.accounts.lock import LockBusy, held_lock, locked


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


# Held across a network


async def test_what_is_held_keeps_everybody_else_out(path: Path) -> None:
    async with held_lock(path, timeout_seconds=0):
        with pytest.raises(LockBusy):
            async with held_lock(path, timeout_seconds=0):
                pass
        with pytest.raises(LockBusy), locked(path, timeout_seconds=0):
            pass
    with locked(path, timeout_seconds=0):
        pass


async def test_who_waits_does_not_hold_the_loop_up(path: Path) -> None:
    order = []

    async def second() -> None:
        async with held_lock(path, timeout_seconds=5):
            order.append("second")

    async with held_lock(path, timeout_seconds=0):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.05)
        order.append("first")
    await waiting
    assert order == ["first", "second"]


async def test_who_leaves_while_waiting_leaves_nothing_behind(path: Path) -> None:
    async with held_lock(path, timeout_seconds=0):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05), held_lock(path, timeout_seconds=5):
                pytest.fail("it is held")
    async with held_lock(path, timeout_seconds=0):
        pass


async def test_it_is_renewed_for_as_long_as_it_is_held(
    path: Path, plugins_lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with held_lock(path, timeout_seconds=0, renewal_seconds=0.001):
        void_at = plugins_lock.stat().st_mtime + 10
        monkeypatch.setattr(lock, "_LEASE_SECONDS", 60)
        async with asyncio.timeout(30):
            while plugins_lock.stat().st_mtime + 10 <= void_at + 50:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0)
    assert not plugins_lock.exists()


async def test_one_that_was_taken_over_is_neither_renewed_nor_removed(
    path: Path, plugins_lock: Path
) -> None:
    async with held_lock(path, timeout_seconds=0, renewal_seconds=0.001):
        plugins_lock.rmdir()
        plugins_lock.mkdir()
        theirs = plugins_lock.stat()
        await asyncio.sleep(0.02)
        assert plugins_lock.stat() == theirs
    assert plugins_lock.is_dir()


@pytest.mark.parametrize(("age_seconds", "is_void"), [(9, False), (11, True)])
async def test_what_another_machine_holds_is_void_only_once_it_is_old(
    age_seconds: int, is_void: bool, path: Path, plugins_lock: Path
) -> None:
    plugins_lock.mkdir()
    another_mark_ns = (lock._OUR_MARK_NS + 1) % 10**9
    modified_ns = (int(time.time()) - age_seconds) * 10**9 + another_mark_ns
    os.utime(plugins_lock, ns=(modified_ns, modified_ns))
    with contextlib.nullcontext() if is_void else pytest.raises(LockBusy):
        async with held_lock(path, timeout_seconds=0):
            pass
