"""The key under which reasoning travels with the clients: a file beside the accounts.

It is made when it is first asked for, by one process of all that ask at once. It is worth
nothing but the reasoning of conversations that go on: so whatever is wrong with the file
it is left as it is, and a key in memory does till the next start.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from addon.accounts.lock import LockBusy, locked
from addon.accounts.private_file import Found, read_file, read_if_there, replace_file
from addon.translate.sealing import KEY_BYTES

_FILE_NAME: Final = "qwen-reasoning.key"

_WAIT_SECONDS: Final = 10.0
"""How long to wait for another that makes the file: it outlasts one on another machine
that died."""


@dataclass(frozen=True, slots=True)
class SealKey:
    """The key, of KEY_BYTES bytes, and what the user should know of its file."""

    key: bytes = field(repr=False)
    warnings: tuple[str, ...] = ()


def seal_key_beside(accounts_file: Path) -> SealKey:
    """The key in the folder of ``accounts_file``, made if there is none; it may wait for the disk.

    Where the file cannot be read, understood or made, a new key that is in memory only, and
    a warning.
    """
    # behind symlinks, as the locks of the accounts: who shares these shares the key
    beside = Path(os.path.realpath(accounts_file)).with_name(_FILE_NAME)
    path = Path(os.path.realpath(beside))
    try:
        found = _kept(path)
        return SealKey(_parsed(found.data), found.warnings)
    except OSError as error:
        reason = f"{path} cannot be read or made: {error.strerror}"
    except LockBusy as busy:
        reason = str(busy)
    except ValueError:
        reason = f"{path} holds no key; it is left as it is. Take it away, and one is made"
    return SealKey(
        secrets.token_bytes(KEY_BYTES),
        (f"{reason}. Till the next start reasoning is sealed with a key that is not kept.",),
    )


def _kept(path: Path) -> Found:
    """What the file holds, made first where it is missing. Raises OSError or LockBusy."""
    found = read_if_there(path)
    if found.signature is not None:
        return found
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    with locked(path, timeout_seconds=_WAIT_SECONDS):
        folder = path.parent.stat()
        nothing = Found(b"", None, owner=(folder.st_uid, folder.st_gid))
        # where another has been quicker, that does nothing
        replace_file(path, _rendered(secrets.token_bytes(KEY_BYTES)), expected=nothing)
    return read_file(path)


def _rendered(key: bytes) -> bytes:
    return key.hex().encode() + b"\n"


def _parsed(data: bytes) -> bytes:
    """Raises ValueError."""
    key = bytes.fromhex(data.decode())
    if len(key) != KEY_BYTES:
        raise ValueError("a key of another length")
    return key
