"""The proxies that run on an accounts file: each leaves a note beside it for as long as it does.

So whoever knows the accounts file finds them, to ask how things are. A note holds where its
proxy listens and who it is, and nothing secret. A proxy that was killed leaves its note: who
reads one must ask at the place that it names, and the next that starts here clears it away.
"""

from __future__ import annotations

import json
import os
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pydantic_core import from_json

from addon.accounts.private_file import read_if_there, replace_file

_HAS_SIGNALS: Final = os.name != "nt"


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


def leave_note(accounts_file: Path, note: Note) -> None:
    """Say that a proxy runs on ``accounts_file``, in the place of what it said before.

    Raises OSError where that cannot be written.
    """
    folder = _folder(accounts_file)
    folder.parent.mkdir(0o700, parents=True, exist_ok=True)
    folder.mkdir(0o700, exist_ok=True)
    _clear_away(folder)
    path = folder / f"{note.instance}.json"
    data = json.dumps(asdict(note), indent=2).encode()
    replace_file(path, data, expected=read_if_there(path))


def take_note_back(accounts_file: Path, instance: str) -> None:
    """It runs no more."""
    with suppress(OSError):
        (_folder(accounts_file) / f"{instance}.json").unlink(missing_ok=True)
        _folder(accounts_file).rmdir()  # if it was the last


def notes(accounts_file: Path) -> tuple[Note, ...]:
    """Of those that run on ``accounts_file``, by pid; of one that was killed elsewhere, maybe."""
    try:
        files = [*_folder(accounts_file).glob("*.json")]
    except OSError:
        return ()
    found = (note for path in files if (note := _read(path)) is not None and not _is_gone(note))
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


def _clear_away(folder: Path) -> None:
    """The notes of this machine's processes that are gone."""
    for path in folder.glob("*.json"):
        note = _read(path)
        if note is not None and _is_gone(note):
            with suppress(OSError):
                path.unlink()


def _is_gone(note: Note) -> bool:
    """Whether its process runs no more; where that cannot be known, no."""
    if not _HAS_SIGNALS or note.machine != this_machine() or note.pid <= 0:
        return False
    try:
        os.kill(note.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False
