"""One at a time, across processes and machines: on the accounts file, with the plugin included.

Two locks are taken. The first is a kernel lock (``….flock``), which dies with its
process; among processes of this program on one machine it is all that is needed. The
second is that of the plugin opencode-qwen-auth, which uses npm's proper-lockfile: a
folder ``….lock`` that exists while it is held, and is void once its modification time
is ten seconds old. While we hold it, the plugin waits, and the other way round; a
token that one of the two has just renewed is never lost to the other's older copy.
The folder also keeps out machines that share the files but not the kernel locks on
them, as far as their clocks agree.

``locked`` is for writing, which takes milliseconds; ``held_lock`` for what goes over a
network, and is renewed for as long as it is held.
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_STALE_SECONDS: Final = 10
"""The plugin's setting for proper-lockfile."""

_LEASE_SECONDS: Final = 5
"""Our folder is born this long before it goes stale: should we be killed while we hold
it, nobody need wait longer."""

_RENEWAL_SECONDS: Final = 1.5

_POLL_SECONDS: Final = 0.005

_SECOND_NS: Final = 1_000_000_000

_OUR_MARK_NS: Final = zlib.crc32(platform.node().encode()) % _SECOND_NS
"""The fraction of a second in our folder's modification time, one for each machine. Whoever
holds the kernel lock and finds a folder with the mark of his own machine knows that its
maker is dead, and need not wait at all."""


class LockBusy(Exception):
    """Another process kept the lock for as long as we were ready to wait."""


@contextmanager
def locked(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Holds both locks of ``path``, whose symlinks are resolved; 0 seconds: do not wait.

    Raises LockBusy, or OSError where the folder does not let us make lock files.
    """
    deadline = time.monotonic() + timeout_seconds
    kernel_lock, folder = _kernel_lock(path), _LockFolder(path)
    try:
        kernel_lock.acquire(timeout=timeout_seconds, poll_interval=_POLL_SECONDS)
    except Timeout:
        raise LockBusy(f"{path} is being written by another process") from None
    try:
        while not folder.made():
            if time.monotonic() >= deadline:
                raise LockBusy(f"{folder} is held by another program")
            time.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            folder.remove()
    finally:
        kernel_lock.release()


@asynccontextmanager
async def held_lock(
    path: Path, *, timeout_seconds: float, renewal_seconds: float = _RENEWAL_SECONDS
) -> AsyncIterator[None]:
    """Holds both locks of ``path`` for as long as the work takes, without blocking the loop.

    ``timeout_seconds`` is how long to wait for them. Raises LockBusy, or OSError where
    the folder does not let us make lock files.
    """
    deadline = time.monotonic() + timeout_seconds
    kernel_lock, folder = _kernel_lock(path), _LockFolder(path)
    while not _acquired(kernel_lock):
        await _pause(deadline, f"{path} is held by another process")
    try:
        while not folder.made():
            await _pause(deadline, f"{folder} is held by another machine")
        renewal = asyncio.create_task(_renewed_for_ever(folder, renewal_seconds))
        try:
            yield
        finally:
            renewal.cancel()
            folder.remove()
    finally:
        kernel_lock.release()


async def _pause(deadline: float, why: str) -> None:
    if time.monotonic() >= deadline:
        raise LockBusy(why)
    await asyncio.sleep(_POLL_SECONDS)


async def _renewed_for_ever(folder: _LockFolder, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        folder.renew()


def _kernel_lock(path: Path) -> FileLock:
    # not thread-local: a coroutine may be closed in another thread than the one it ran in
    return FileLock(f"{path}.flock", mode=0o600, thread_local=False)


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


class _LockFolder:
    """The folder that stands for the lock, in the way of npm's proper-lockfile.

    To be used under the kernel lock.
    """

    def __init__(self, path: Path) -> None:
        self._folder = Path(f"{path}.lock")
        self._ours: tuple[int, int] | None = None

    def __str__(self) -> str:
        return str(self._folder)

    def made(self) -> bool:
        """Whether the folder could be made; a void one is taken away first."""
        if _is_void(self._folder):
            with suppress(OSError):
                self._folder.rmdir()
        try:
            self._folder.mkdir(mode=0o700)
        except FileExistsError:
            return False
        self._mark()
        return True

    def renew(self) -> None:
        """Put off the moment at which it is void."""
        if self._is_ours():
            with suppress(OSError):
                self._mark()

    def remove(self) -> None:
        """Give the lock back."""
        if self._is_ours():
            with suppress(OSError):
                self._folder.rmdir()

    def _is_ours(self) -> bool:
        """Held for longer than the lease, it may be another's by now."""
        return self._ours is not None and _identity(self._folder) == self._ours

    def _mark(self) -> None:
        born_ns = (int(time.time()) + _LEASE_SECONDS - _STALE_SECONDS) * _SECOND_NS
        os.utime(self._folder, ns=(born_ns, born_ns + _OUR_MARK_NS))
        self._ours = _identity(self._folder)


def _is_void(folder: Path) -> bool:
    try:
        modified_ns = folder.stat().st_mtime_ns
    except OSError:
        return False
    age_seconds = time.time() - modified_ns / _SECOND_NS
    return age_seconds > _STALE_SECONDS or modified_ns % _SECOND_NS == _OUR_MARK_NS


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
