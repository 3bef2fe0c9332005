"""Accounts files for tests, in the shape of the contract (version 1)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.support.chat import Json

REFRESH_TOKEN: Final = "refresh-token-of-a-test-account"

_SECRET_FIELDS: Final = ("apiKey", "accessToken", "refreshToken")


def api_key_account(api_key: str, base_url: str, **fields: object) -> Json:
    """An account that holds a plain key. ``fields``: further ones, as the file names them."""
    return {"apiKey": api_key, "baseUrl": base_url, **fields}


def oauth_account(
    access_token: str | None,
    *,
    refresh_token: str = REFRESH_TOKEN,
    expires_ms: int = 4_102_444_800_000,
    resource_url: str = "portal.qwen.ai",
    **fields: object,
) -> Json:
    """An account that was signed in by OAuth; its token is good until 2100 unless told otherwise.

    ``fields``: further ones, as the file names them.
    """
    token = {} if access_token is None else {"accessToken": access_token, "expires": expires_ms}
    return {"refreshToken": refresh_token, "resourceUrl": resource_url, **token, **fields}


def write_accounts(path: Path, accounts: Sequence[Mapping[str, object]]) -> None:
    """Write the accounts file at ``path``, its folder included."""
    document = {"version": 1, "accounts": list(accounts), "activeIndex": 0}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=2), "utf-8")


def secrets_of(accounts: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Every credential in ``accounts``."""
    for account in accounts:
        for field in _SECRET_FIELDS:
            if isinstance(secret := account.get(field), str):
                yield secret
