"""Accounts as people and programs read them. A credential is shown masked, everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from addon.accounts.account import (
    Account,
    ApiKeyCredential,
    BadBaseUrl,
    OAuthCredential,
    mask,
    resolve_base_url,
)
from addon.cli.table import Table
from addon.settings import DEFAULT_BASE_URL, Settings

_STYLES = {"ready": "green", "disabled": "dim", "limited": "yellow", "sign": "red", "no": "red"}


def base_url_of(account: Account, settings: Settings) -> str:
    """Where its requests go. Raises BadBaseUrl."""
    configured = settings.configured_base_url
    return resolve_base_url(account, configured=configured, default=DEFAULT_BASE_URL)


def accounts_table(accounts: Sequence[Account], settings: Settings, now_ms: int) -> Table:
    """One row for each, numbered as commands take them."""
    rows = [
        (
            str(number),
            account.name,
            _kind(account),
            _masked(account),
            _endpoint(account, settings) or "-",
            str(account.priority),
            state(account, settings, now_ms),
        )
        for number, account in enumerate(accounts, start=1)
    ]
    headings = ("#", "ACCOUNT", "KIND", "CREDENTIAL", "ENDPOINT", "PRIORITY", "STATE")
    return Table(headings, rows, "STATE", _STYLES, folded=("ACCOUNT", "ENDPOINT", "STATE"))


def accounts_json(
    accounts: Sequence[Account], settings: Settings, now_ms: int
) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {"number": number, **account_json(account, settings, now_ms)}
        for number, account in enumerate(accounts, start=1)
    ]


def account_json(account: Account, settings: Settings, now_ms: int) -> dict[str, Any]:
    """One account for programs; times in Unix milliseconds."""
    credential = account.credential
    oauth = credential if isinstance(credential, OAuthCredential) else None
    return {
        "id": account.id,
        "label": account.label,
        "kind": _kind(account),
        "credential": _masked(account),
        "base_url": _endpoint(account, settings),
        "enabled": account.enabled,
        "priority": account.priority,
        "models": None if account.models is None else sorted(account.models),
        "model_map": dict(account.model_map),
        "requires_sign_in": account.requires_reauth,
        "token_expires_ms": oauth.expires_at_ms if oauth else None,
        "limited_until_ms": account.rate_limit_reset_at_ms,
        "last_used_ms": account.last_used_ms or None,
        "added_at_ms": account.added_at_ms or None,
        "state": state(account, settings, now_ms),
    }


def state(account: Account, settings: Settings, now_ms: int) -> str:
    """What the file says of it, in a few words; a proxy that runs may know more."""
    if not account.enabled:
        return "disabled"
    try:
        base_url_of(account, settings)
    except BadBaseUrl as why:
        return f"no usable base URL: {why}"
    if account.requires_reauth:
        return "sign in again" if isinstance(account.credential, OAuthCredential) else "refused"
    reset_ms = account.rate_limit_reset_at_ms or 0
    if reset_ms > now_ms:
        return f"limited for {in_words((reset_ms - now_ms) / 1000)}"
    return "ready"


def in_words(seconds: float) -> str:
    """A time to wait, as ``43 s``, ``12 min`` or ``5 h``; rounded up."""
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        count = math.ceil(seconds / length)
        if count < (48 if unit == "h" else 120):
            return f"{count} {unit}"
    return f"{math.ceil(seconds / 86_400)} days"


def kind_and_place(account: Account, settings: Settings) -> str:
    """What to say of it beside its name, where somebody has to be sure which it is."""
    return f"{_kind(account)} {_masked(account)}, {_endpoint(account, settings) or 'no endpoint'}"


def _kind(account: Account) -> str:
    return "key" if isinstance(account.credential, ApiKeyCredential) else "sign-in"


def _masked(account: Account) -> str:
    credential = account.credential
    if isinstance(credential, ApiKeyCredential):
        return mask(credential.api_key)
    return mask(credential.access_token or credential.refresh_token)


def _endpoint(account: Account, settings: Settings) -> str | None:
    try:
        return base_url_of(account, settings)
    except BadBaseUrl:
        return None
