"""A config file of another program on disk: read as text, replaced as a whole, its backups.

It keeps its mode and its byte order mark. A symlink stays one: what it leads to is replaced. A
backup stands beside the name that the person knows, so that what a symlink leads to (a folder
of dotfiles, say) gets no file that it did not have.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from addon.accounts.private_file import (
    Found,
    open_at_once,
    replace_file,
    signature,
    signature_of,
)
from addon.cli.failure import CommandFailed

BEFORE: Final = ".before-qwen"
"""Ends the name of a backup from before an install."""
WITH: Final = ".with-qwen"
"""Ends the name of a backup of something of ours that the person had changed."""

_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file as it was read; where there is none, nothing."""

    path: Path
    found: Found
    mode: int
    text: str
    bom: str = ""

    @property
    def exists(self) -> bool:
        """Whether it was there."""
        return self.found.signature is not None

    def backup_path(self, suffix: str) -> Path:
        """Where a backup of it stands."""
        return self.path.with_name(self.path.name + suffix)

    def text_before(self) -> str | None:
        """What the backup from before an install holds, if there is one that can be read."""
        try:
            before = read(self.backup_path(BEFORE))
        except CommandFailed:
            return None
        return before.text if before.exists else None

    def check_writable(self) -> None:
        """Raise CommandFailed where it is meant to be left alone, or cannot be replaced."""
        target = _target(self.path)
        if self.exists and (not self.mode & 0o222 or not os.access(target, os.W_OK)):
            raise CommandFailed(f"{self.path} is read-only: nothing was changed")
        folder = next((each for each in target.parents if each.exists()), target.parent)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise CommandFailed(f"{folder} is read-only: nothing was changed")


def read(path: Path) -> TextFile:
    """What ``path`` holds. Raises CommandFailed."""
    try:
        with open(path, "rb", opener=open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise CommandFailed(f"{path} is not a regular file")
            data = file.read()
            found = Found(data, signature_of(status), (status.st_uid, status.st_gid))
    except FileNotFoundError:
        return TextFile(path, Found(b"", None), _usual_mode(), "")
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise CommandFailed(f"{path} is not UTF-8 text") from None
    bom = _BOM if text.startswith(_BOM) else ""
    return TextFile(path, found, stat.S_IMODE(status.st_mode), text.removeprefix(_BOM), bom)


def replace(file: TextFile, text: str) -> None:
    """Put ``text`` in the place of what was read. Raises CommandFailed."""
    _write(file, (file.bom + text).encode())


def remove(file: TextFile) -> None:
    """Remove it; a symlink that led to it was there before, and stays. Raises CommandFailed."""
    target = _target(file.path)
    if signature(target) != file.found.signature:
        raise _changed(file)
    try:
        target.unlink()
    except OSError as error:
        raise CommandFailed(f"{file.path} cannot be removed: {error.strerror}") from None


def back_up(file: TextFile, suffix: str) -> None:
    """Keep what was read beside it, in the place of an older backup. Raises CommandFailed."""
    if signature(_target(file.path)) != file.found.signature:
        raise _changed(file)
    backup = file.backup_path(suffix)
    older = TextFile(backup, Found(b"", signature(_target(backup)), file.found.owner), 0, "")
    _write(older, file.found.data, file.mode)


def _write(file: TextFile, data: bytes, mode: int | None = None) -> None:
    target = _target(file.path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = file.mode if mode is None else mode
        is_as_read = replace_file(target, data, expected=file.found, mode=mode)
    except OSError as error:
        raise CommandFailed(f"{file.path} cannot be written: {error.strerror}") from None
    if is_as_read is None:
        raise _changed(file)


def _changed(file: TextFile) -> CommandFailed:
    return CommandFailed(f"{file.path} was changed by somebody else meanwhile: run it again")


def _target(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _usual_mode() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return 0o666 & ~umask
