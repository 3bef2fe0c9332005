"""Accounts files for the tests of the store."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from addon.accounts.account import Account, ApiKeyCredential
from addon.accounts.store import Snapshot

KEY = {"id": "k", "apiKey": "sk-0123456789abcdef", "baseUrl": "https://host.example/v1"}
SIGN_IN = {"id": "o", "refreshToken": "refresh-0123456789", "accessToken": "access-0123456789"}
NEW = {"apiKey": "sk-another-key-entirely"}

ACCOUNT = Account("new", ApiKeyCredential("sk-abcdefghijklmnop"))


def write(path: Path, *entries: object, mode: int = 0o600, **root: object) -> None:
    """In place, as an editor does."""
    path.write_text(json.dumps({"version": 1, "accounts": entries, **root}))
    path.chmod(mode)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def ids(snapshot: Snapshot) -> list[str]:
    return [account.id for account in snapshot.accounts]
