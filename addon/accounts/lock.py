"""One writer at a time on the accounts file, across processes, with the plugin included.

Two locks are taken. The first is a kernel lock (``…json.flock``), which dies with its
process; among processes of this program it is all that is needed. The second is
that of the plugin opencode-qwen-auth, which uses npm's proper-lockfile: a folder
``…json.lock`` that exists while it is held, and is void once its modification time
is ten seconds old. While we hold it, the plugin waits, and the other way round; a
token that one of the two has just renewed is never lost to the other's older copy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_STALE_SECONDS: Final = 10
"""The plugin's setting for proper-lockfile."""

_LEASE_SECONDS: Final = 5
"""Our folder is born this long before it goes stale: should we be killed while we hold
it, the plugin need not wait longer. Writing takes milliseconds."""

_OUR_MARK_NS: Final = 271_828_183
"""The fraction of a second in our folder's modification time. Whoever holds the kernel
lock and finds a folder with it knows that its maker is dead, and need not wait at all."""

_POLL_SECONDS: Final = 0.02

_SECOND_NS: Final = 1_000_000_000


class LockBusy(Exception):
    """Another process kept the lock for as long as we were ready to wait."""


@contextmanager
def locked(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Holds both locks of ``path``, whose symlinks are resolved; 0 seconds: do not wait.

    Raises LockBusy, or OSError where the folder does not let us make lock files.
    """
    deadline = time.monotonic() + timeout_seconds
    kernel_lock = FileLock(f"{path}.flock", timeout=timeout_seconds, mode=0o600)
    try:
        kernel_lock.acquire()
    except Timeout:
        raise LockBusy(f"{path} is being written by another process") from None
    try:
        with _plugin_lock(Path(f"{path}.lock"), deadline):
            yield
    finally:
        kernel_lock.release()


@contextmanager
def _plugin_lock(folder: Path, deadline: float) -> Iterator[None]:
    while not _make(folder):
        if time.monotonic() >= deadline:
            raise LockBusy(f"{folder} is held by another program")
        time.sleep(_POLL_SECONDS)
    _mark(folder)
    ours = _identity(folder)
    try:
        yield
    finally:
        # held for longer than the lease, it may be the plugin's by now
        if _identity(folder) == ours:
            with suppress(OSError):
                folder.rmdir()


def _make(folder: Path) -> bool:
    """Whether the lock folder could be made; a void one is taken away first."""
    if _is_void(folder):
        with suppress(OSError):
            folder.rmdir()
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return False
    return True


def _is_void(folder: Path) -> bool:
    try:
        modified_ns = folder.stat().st_mtime_ns
    except OSError:
        return False
    age_seconds = time.time() - modified_ns / _SECOND_NS
    return age_seconds > _STALE_SECONDS or modified_ns % _SECOND_NS == _OUR_MARK_NS


def _mark(folder: Path) -> None:
    born = int(time.time()) + _LEASE_SECONDS - _STALE_SECONDS
    os.utime(folder, ns=(born * _SECOND_NS, born * _SECOND_NS + _OUR_MARK_NS))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
