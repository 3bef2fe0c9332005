"""How accounts and proxies are doing, as JSON: what a proxy tells, and what is read of it.

Written here and read here, so that both are one. Times are Unix milliseconds. No credential
comes in: labels, places and numbers only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from functools import partial
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from addon.accounts.account import Account, OAuthCredential
from addon.rotation.pool import AccountView
from addon.rotation.strategies import Grade
from addon.settings import Settings


class Standing(StrEnum):
    """What an account can do at the moment, by what stands in its way first."""

    READY = "ready"
    TIRED = "tired"
    """In poor health or without a token: it serves when no better one is left."""
    HELD_BACK = "held back"
    """Just short of a limit of its upstream: it serves when no better one is left."""
    COOLING = "cooling"
    """Its upstream limits it."""
    TRIPPED = "tripped"
    """Its breaker is open, since its upstream fails."""
    REFUSED = "refused"
    """Its upstream does not accept its credential."""
    SIGN_IN = "sign in again"
    """Its sign-in has ended."""
    DISABLED = "disabled"
    UNUSABLE = "unusable"
    """Its base URL is none to which a token may be sent."""


class _Told(BaseModel):
    """Frozen, and open to what a later version tells."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Today(_Told):
    """What an account did since 00:00 UTC."""

    requests: int = 0
    """That went out, whatever became of them."""
    served: int = 0
    refused: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of the input, those read from the prompt cache."""


class AccountStatus(_Told):
    """One account."""

    id: str
    label: str | None
    kind: Literal["key", "sign-in"]
    base_url: str | None
    enabled: bool
    priority: int
    standing: Standing
    until_ms: int | None = None
    """When ``standing`` ends by itself, where that is known."""
    reason: str = ""
    """What the upstream said, or what is wrong."""
    health: float = 0.0
    """0…100."""
    bucket: float = 0.0
    """Tokens in it; a request takes one."""
    bucket_size: float = 0.0
    in_flight: int = 0
    models_cooling: dict[str, int] = {}
    """Model → until when; for these alone its upstream limits it."""
    breaker: Literal["closed", "open"] = "closed"
    breaker_until_ms: int | None = None
    """When an open one lets the next request through."""
    failures: int = 0
    """Of its upstream, in a row: what opens the breaker."""
    requests_per_minute: int | None = None
    """The limit that was learned; None while it is not known."""
    token_expires_ms: int | None = None
    last_used_ms: int | None = None
    today: Today = Today()

    @property
    def name(self) -> str:
        """What people know the account by."""
        return self.label or self.id


class Listener(_Told):
    """Where a proxy takes requests."""

    mode: str
    """mitmproxy's name for it: ``regular``, ``reverse`` …"""
    host: str
    port: int


class ProxyStatus(_Told):
    """One proxy that runs, and how it sees its accounts."""

    instance: str
    """Its own name: another for each start."""
    pid: int
    version: str
    """Of this program."""
    mitmproxy: str
    """The version of mitmproxy."""
    started_at_ms: int
    now_ms: int
    accounts_file: str
    strategy: str
    listeners: tuple[Listener, ...]
    under_way: int
    """Requests that hold an account."""
    waiting: int
    """Requests that wait for one."""
    accounts: tuple[AccountStatus, ...]
    """In file order."""
    troubles: tuple[str, ...] = ()
    """What is wrong with the accounts file, and which entries of it are left out."""


def by_unique_name(accounts: Iterable[AccountStatus]) -> dict[str, AccountStatus]:
    """The accounts by names that mean one each: labels, or ids where several have the same."""
    accounts = tuple(accounts)
    times = Counter(name for each in accounts for name in {each.name, each.id})
    return {each.name if times[each.name] == 1 else each.id: each for each in accounts}


def account_status(
    account: Account,
    view: AccountView | None,
    settings: Settings,
    *,
    base_url: str | None,
    why_unusable: str = "",
) -> AccountStatus:
    """What there is to tell of ``account``; without a ``view`` it is not used."""
    oauth = account.credential if isinstance(account.credential, OAuthCredential) else None
    told = partial(
        AccountStatus,
        id=account.id,
        label=account.label,
        kind="sign-in" if oauth else "key",
        base_url=base_url,
        enabled=account.enabled,
        priority=account.priority,
        token_expires_ms=oauth.expires_at_ms if oauth else None,
    )
    if view is None:
        standing = Standing.UNUSABLE if account.enabled else Standing.DISABLED
        return told(standing=standing, reason=why_unusable)
    standing, until = _standing(account, view)
    return told(
        standing=standing,
        until_ms=_ms(until),
        reason=view.limit_reason if standing is Standing.COOLING else "",
        health=round(view.health, 1),
        bucket=round(view.tokens, 1),
        bucket_size=settings.token_bucket.max_tokens,
        in_flight=view.in_flight,
        models_cooling={name: _ms(until) or 0 for name, until in view.model_cooling_until},
        breaker="closed" if view.tripped_until is None else "open",
        breaker_until_ms=_ms(view.tripped_until),
        failures=view.failures,
        requests_per_minute=view.requests_per_minute,
        last_used_ms=_ms(view.last_used),
        today=Today(
            requests=view.today.requests,
            served=view.today.served,
            refused=view.today.refused,
            input_tokens=view.today.input_tokens,
            output_tokens=view.today.output_tokens,
            cached_tokens=view.today.cached_tokens,
        ),
    )


_BY_GRADE: Final = {
    Grade.FIT: Standing.READY,
    Grade.TIRED: Standing.TIRED,
    Grade.SPENT: Standing.HELD_BACK,
    Grade.FULL: Standing.HELD_BACK,
}


def _standing(account: Account, view: AccountView) -> tuple[Standing, float | None]:
    """What stands in its way first, and until when."""
    if not view.enabled:
        return Standing.DISABLED, None
    if account.requires_reauth and isinstance(account.credential, OAuthCredential):
        return Standing.SIGN_IN, None
    if view.needs_sign_in:
        return Standing.REFUSED, view.refused_until
    if view.tripped_until is not None:
        return Standing.TRIPPED, view.tripped_until
    if view.cooling_until is not None:
        return Standing.COOLING, view.cooling_until
    return _BY_GRADE[view.grade], view.spent_until


def _ms(moment: float | None) -> int | None:
    """Unix seconds as milliseconds, rounded up; None for what never comes."""
    if moment is None or not math.isfinite(moment):
        return None
    return math.ceil(moment * 1000)
