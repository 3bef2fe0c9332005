"""Why no account can be leased, in words that say what to do about it.

No message holds a credential: accounts are named by label or id.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, TypeAlias, assert_never

from addon.accounts.account import Account
from addon.errors import ApiError, Code, refusal
from addon.rotation.decision import (
    AllTried,
    Lack,
    Limited,
    Needs,
    NoAccounts,
    NoneSignedIn,
)

NothingNow: TypeAlias = Limited | AllTried | NoneSignedIn | NoAccounts
"""A decision by which a request gets no account."""

_MOST_NAMED: Final = 10


def refusal_for(
    decision: NothingNow,
    needs: Needs,
    *,
    now: float,
    accounts_path: str,
    why_empty: str | None,
    last_trouble: str | None = None,
) -> ApiError:
    """What to answer a request that the pool has no account for.

    ``now`` is Unix seconds. ``why_empty`` is what the store has to say where it
    gave no accounts, ``last_trouble`` why the last account that was chosen could not
    be used after all.
    """
    match decision:
        case NoAccounts():
            return _no_accounts(decision, needs, accounts_path, why_empty)
        case NoneSignedIn(accounts):
            return refusal(
                Code.REAUTHENTICATION_REQUIRED,
                f"No account has a credential that works: {_listed(a.name for a in accounts)}. "
                f"Sign in again with qwen-proxy login, or put a new key into {accounts_path}.",
            )
        case Limited(free_at, reason):
            seconds = max(0.0, free_at - now)
            words = f" Its last refusal: {reason}" if reason else ""
            return refusal(
                Code.RATE_LIMIT_EXCEEDED,
                "All accounts are limited; the first is free again in "
                f"{math.ceil(seconds)} s.{words}",
                retry_after_seconds=seconds,
            )
        case AllTried():
            return refusal(
                Code.UPSTREAM_UNREACHABLE,
                last_trouble
                or "All accounts were tried, and none of them could serve this request.",
            )
        case _:
            assert_never(decision)


def without_base_url(account: Account, why: str) -> str:
    """The log line for an account to whose base URL no token may be sent."""
    return f"Account {account.name} is left out: its base URL {why}"


def _no_accounts(
    decision: NoAccounts, needs: Needs, accounts_path: str, why_empty: str | None
) -> ApiError:
    match decision.lack:
        case Lack.EMPTY:
            message = why_empty or (
                f"There is no account in {accounts_path}. Add a key with qwen-proxy accounts "
                "add, or sign in with qwen-proxy login (in a clone: scripts/qwen-proxy)."
            )
        case Lack.DISABLED:
            message = (
                f'All accounts in {accounts_path} are disabled: set "enabled" to true '
                "for one that is to serve."
            )
        case Lack.MODEL:
            return ApiError(
                status=404,
                message=f"No account may serve the model {needs.model!r}. By their "
                f'"models" in {accounts_path} they serve: {_listed(decision.models)}.',
                type="invalid_request_error",
                param="model",
                code="model_not_found",
            )
        case _:
            assert_never(decision.lack)
    return refusal(Code.NO_ACCOUNTS, message)


def _listed(names: Iterable[str]) -> str:
    """``a, b, c``; of many, the first few and how many more; of none, ``none``."""
    every = list(names) or ["none"]
    more = len(every) - _MOST_NAMED
    return ", ".join(every[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
