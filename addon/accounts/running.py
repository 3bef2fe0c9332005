"""The proxies that run on an accounts file: each leaves a note beside it for as long as it does.

So whoever knows the accounts file finds them, to ask how things are. A note holds where its
proxy listens and who it is, and nothing secret. A proxy that was killed leaves its note, and
its number may be another process's by then: so each holds a lock beside its note, which ends
with it, and the next that starts here clears away what nobody holds.
"""

from __future__ import annotations

import json
import os
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pydantic_core import from_json

from addon.accounts.private_file import read_if_there, replace_file

_HAS_SIGNALS: Final = os.name != "nt"

_LOCK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a proxy listens."""

    mode: str
    """mitmproxy's name for it: ``regular``, ``reverse`` …"""
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Note:
    """One proxy that runs."""

    instance: str
    """Its own name, fit for a file: another for each start."""
    pid: int
    machine: str
    """Whose process the pid is: machines may share the accounts file."""
    places: tuple[Place, ...]


def this_machine() -> str:
    """What ``Note.machine`` is here."""
    return platform.node()


class OwnNote:
    """What one proxy leaves on ``accounts_file``. ``instance`` is its own name."""

    def __init__(self, accounts_file: Path, instance: str) -> None:
        """Nothing is there yet."""
        self._folder = _folder(accounts_file)
        self._path = self._folder / f"{instance}.json"
        # not thread-local: mitmproxy may end elsewhere than it began
        self._life = FileLock(_lock_of(self._path), mode=0o600, thread_local=False)

    def leave(self, note: Note) -> None:
        """Say that it runs, in the place of what it said before.

        Raises OSError where that cannot be written.
        """
        self._folder.parent.mkdir(0o700, parents=True, exist_ok=True)
        self._folder.mkdir(0o700, exist_ok=True)
        _clear_away(self._folder)
        with suppress(Timeout):  # whoever looks whether it is held does so for a moment
            self._life.acquire(timeout=_LOCK_SECONDS)
        data = json.dumps(asdict(note), indent=2).encode()
        replace_file(self._path, data, expected=read_if_there(self._path))

    def take_back(self) -> None:
        """It runs no more."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._life.release(force=True)
            _lock_of(self._path).unlink(missing_ok=True)
            self._folder.rmdir()  # if it was the last


def notes(accounts_file: Path) -> tuple[Note, ...]:
    """Of those that run on ``accounts_file``, by pid; of one that was killed elsewhere, maybe."""
    try:
        files = [*_folder(accounts_file).glob("*.json")]
    except OSError:
        return ()
    found = (note for path in files if (note := _read(path)) and not _is_gone(path, note))
    return tuple(sorted(found, key=lambda note: (note.machine, note.pid)))


def _folder(accounts_file: Path) -> Path:
    real = Path(os.path.realpath(accounts_file))
    return real.with_name(f"{real.name}.running")


def _read(path: Path) -> Note | None:
    """What stands there; None where it is no note."""
    try:
        said = from_json(path.read_bytes())
        places = tuple(Place(each["mode"], each["host"], each["port"]) for each in said["places"])
        return Note(said["instance"], said["pid"], said["machine"], places)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _clear_away(folder: Path) -> None:
    """The notes of this machine's proxies that are gone."""
    for path in folder.glob("*.json"):
        note = _read(path)
        if note is not None and note.machine == this_machine() and _is_gone(path, note):
            with suppress(OSError):
                path.unlink()
                _lock_of(path).unlink(missing_ok=True)


def _is_gone(path: Path, note: Note) -> bool:
    """Whether its proxy runs no more; where that cannot be known, no."""
    if note.machine == this_machine() and _has_ended(note.pid):
        return True
    lock = _lock_of(path)
    if not lock.exists():
        return False
    try:
        with FileLock(lock, blocking=False):
            return True
    except (Timeout, OSError):
        return False


def _has_ended(pid: int) -> bool:
    if not _HAS_SIGNALS or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False
