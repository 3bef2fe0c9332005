"""A file that is for its owner alone, replaced as a whole.

A reader finds the old bytes or the new ones, also after a crash in the middle: a
temporary file beside it is written, synced and renamed, then the folder is synced.
What others could read is closed to them, and that is told. Nothing here knows what
the bytes mean.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

_OPENCODE_FOLDER: Final = "opencode"

_HAS_MODES: Final = os.name != "nt"

Signature: TypeAlias = tuple[int, int, int, int, int]
"""Changes whenever the file does."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file's bytes, and what it was when they were read; no signature: it was not there."""

    data: bytes
    signature: Signature | None
    owner: tuple[int, int] | None = None
    warnings: tuple[str, ...] = ()


def signature(path: Path) -> Signature | None:
    """What changes whenever the file does; None where it cannot be looked at."""
    try:
        return signature_of(path.stat())
    except OSError:
        return None


def signature_of(found: os.stat_result) -> Signature:
    """The same of a file that was looked at already."""
    # ctime too: a chmod alone can make a file readable
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read_file(path: Path) -> Found:
    """What ``path`` holds, closed to other users. Raises OSError."""
    with open(path, "rb", opener=open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is not a regular file")
        warnings = _close_to_others(file.fileno(), path, stat.S_IMODE(found.st_mode))
        signature = signature_of(os.fstat(file.fileno()))
        return Found(file.read(), signature, (found.st_uid, found.st_gid), warnings)


def open_at_once(path: str, flags: int) -> int:
    """Without waiting for a writer, should the path be a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_if_there(path: Path) -> Found:
    """As ``read_file``; of a file that is not there, no bytes."""
    try:
        return read_file(path)
    except FileNotFoundError:
        return Found(b"", None)


def replace_file(
    target: Path, data: bytes, *, expected: Found, mode: int = 0o600
) -> Signature | None:
    """Puts ``data`` in the place of ``target``, None where that is not as ``expected`` any more.

    To be called with symlinks resolved, and under the lock where several write. Gives a
    signature that the file has only while it holds ``data``. A ``mode`` other than the usual is
    for a file that is not private. Raises OSError.
    """
    # one name for all: under the lock there is one writer, and what a killed one left goes
    temporary = target.with_name(f".{target.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        with open(temporary, "xb", opener=_open_private) as file:
            file.write(data)
            file.flush()
            _give_to(file.fileno(), expected.owner)
            if _HAS_MODES and mode != 0o600:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            written = signature_of(os.fstat(file.fileno()))
        if signature(target) != expected.signature:
            return None
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)
    renamed = signature(target)
    # a rename changes the ctime, which is last; should anything else differ, an editor, which
    # knows no lock, has come after us
    return renamed if renamed is not None and renamed[:-1] == written[:-1] else written


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _give_to(descriptor: int, owner: tuple[int, int] | None) -> None:
    """Root, as whom the proxy may run in local mode, must not take the file from its owner."""
    if _HAS_MODES and owner is not None and owner[0] != os.geteuid():
        with suppress(OSError):
            os.fchown(descriptor, *owner)


def _sync_folder(folder: Path) -> None:
    """Makes a rename in ``folder`` last through a power cut, where the system can."""
    if not _HAS_MODES:
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# Modes


def _close_to_others(descriptor: int, path: Path, mode: int) -> tuple[str, ...]:
    if not _HAS_MODES or not mode & 0o077:
        return ()
    try:
        os.fchmod(descriptor, mode & 0o600)
    except OSError as error:
        trouble = f"and that cannot be changed ({error.strerror})"
        return (f"{path} can be read by other users (mode {mode:04o}), {trouble}.",)
    return (
        f"{path} could be read by other users (mode {mode:04o}): it is {mode & 0o600:04o} now.",
    )


def folder_warnings(path: Path) -> tuple[str, ...]:
    """Whether others could put a file of theirs in the place of ``path``. Raises OSError.

    OpenCode's folder, which holds secrets of its own too, is closed to them; another
    folder is only told of, since it may be anybody's.
    """
    folder = Path(os.path.realpath(path)).parent
    found = folder.stat()
    mode = stat.S_IMODE(found.st_mode)
    if not _HAS_MODES or not mode & 0o077:
        return ()
    if folder.name == _OPENCODE_FOLDER and found.st_uid == os.geteuid():
        with suppress(OSError):
            folder.chmod(mode & 0o700)
            return (f"{folder} was open to other users (mode {mode:04o}): it is 0700 now.",)
    if not mode & 0o022:
        return ()
    return (f"Other users can write in {folder} (mode {mode:04o}), and so replace {path.name}.",)
