"""Accounts and pools for tests, with only what matters to the test spelled out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from addon.accounts.account import Account, ApiKeyCredential, OAuthCredential
from addon.rotation.decision import Chosen, Needs
from addon.rotation.outcome import Outcome
from addon.rotation.policy import Policy
from addon.rotation.pool import AccountView, Pool

START = 1_700_000_000.0
ANY = Needs(model="qwen3-coder-plus")


def key(  # noqa: PLR0913 - each is one thing that a test may care about
    name: str,
    *,
    secret: str | None = None,
    enabled: bool = True,
    priority: int = 0,
    models: Iterable[str] | None = None,
    model_map: Mapping[str, str] | None = None,
    base_url: str | None = None,
    reset_at_ms: int | None = None,
    last_used_ms: int | None = None,
) -> Account:
    return Account(
        id=name,
        credential=ApiKeyCredential(secret or f"sk-{name}"),
        enabled=enabled,
        priority=priority,
        models=None if models is None else frozenset(models),
        model_map=model_map or {},
        base_url=base_url,
        rate_limit_reset_at_ms=reset_at_ms,
        last_used_ms=last_used_ms,
    )


def oauth(name: str, *, access: str | None = "at", expires_at_ms: int | None = None) -> Account:
    return Account(name, OAuthCredential("rt", access, expires_at_ms))


def pool_of(*accounts: Account, policy: Policy | None = None, now: float = START) -> Pool:
    pool = Pool(policy or Policy())
    pool.update_accounts(accounts, now)
    return pool


def chosen(pool: Pool, now: float = START, needs: Needs = ANY, *, exclude: str = "") -> str:
    """The id of the account that the pool chooses; ``exclude`` lists ids, divided by blanks."""
    decision = pool.choose(needs, now, frozenset(exclude.split()))
    assert isinstance(decision, Chosen), decision
    return decision.account.id


def serve(pool: Pool, outcome: Outcome, now: float = START, needs: Needs = ANY) -> str:
    """One request from its choice to its end, all at ``now``; gives who was chosen."""
    decision = pool.choose(needs, now)
    assert isinstance(decision, Chosen), decision
    pool.take(decision.account.id, needs, now)
    pool.settle(decision.account, needs, outcome, now)
    return decision.account.id


def view(pool: Pool, name: str, now: float = START) -> AccountView:
    return next(each for each in pool.views(now) if each.id == name)
