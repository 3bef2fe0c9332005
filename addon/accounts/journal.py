"""What a refresh brought, noted until it stands in the accounts file.

A server that rotates has forgotten the old refresh token by the time it answers, and
the accounts file may be locked, full, or broken by hand just then. The note is made at
once, without waiting for anybody, so that no crash and no fault in between costs the
sign-in. It need not outlast the machine, only the process; whoever renews the account
next finds it.

One small file for each account, private, to be used under the account's refresh lock.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from addon.accounts.account import OAuthCredential

_ROOM_BYTES: Final = 8192
"""More than any two tokens take."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """A credential that a server has taken, and the one that it gave instead."""

    spent: OAuthCredential = field(repr=False)
    fresh: OAuthCredential = field(repr=False)


_RENEWAL: Final = TypeAdapter(Renewal)


class Journal:
    """The note of one account, in the file at ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make_room(self) -> None:
        """Find out whether there is room on the disk, before a token is spent. Raises OSError."""
        with open(self._path, "ab", buffering=0, opener=_open_private) as file:
            file.write(b" " * (_ROOM_BYTES - file.tell()))

    def note(self, renewal: Renewal) -> None:
        """Keep ``renewal`` in the room that was made. Raises OSError."""
        with open(self._path, "r+b", buffering=0, opener=_open_private) as file:
            # one call into the system: a kill comes before it or after it
            file.write(_RENEWAL.dump_json(renewal).ljust(_ROOM_BYTES))

    def pending(self) -> Renewal | None:
        """What was noted and not cleared, if there is anything."""
        try:
            return _RENEWAL.validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return None

    def clear(self) -> None:
        """Forget what was noted: it stands in the accounts file, or is not wanted there."""
        self._path.unlink(missing_ok=True)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
