"""Renews one account's token, once, whoever asks for it and from however many processes.

A refresh token that rotates is dead once it was used, and what it brought is all that is
left of the sign-in. So:

- who wants to renew first takes the account's lock in the store, then looks what is
  there by now: another may have been quicker, and then his token is the one to use;
- what the server gave is kept before it is used;
- an exchange that has begun is brought to its end, even if nobody waits for it any more.

Nothing here decides when to renew, or what becomes of a request meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from addon.accounts.account import Account, OAuthCredential
from addon.accounts.store import CredentialStore, StoreError
from addon.oauth.grant import InvalidGrant, OAuthError, TokenGrant

_SIGN_IN: Final = "Sign in again: run qwen-proxy login."


class TokenEndpoint(Protocol):
    """Where refresh tokens are exchanged; see OAuthClient."""

    async def refresh(self, refresh_token: str) -> TokenGrant:
        """Exchange ``refresh_token``. Raises OAuthError."""


class RefreshFailed(Exception):
    """The token could not be renewed now; later it may. The message names the account and why."""


class SignInNeeded(Exception):
    """The account's sign-in is over. The message says what to run."""


class Refresher:
    """Renews tokens by way of a store that is shared. For one event loop."""

    def __init__(
        self,
        store: CredentialStore,
        endpoint: TokenEndpoint,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``clock`` gives Unix seconds."""
        self.endpoint = endpoint
        """May be replaced at any time; what is under way goes on with the one before."""
        self._store = store
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[Account]] = {}
        self._exchanging: set[str] = set()

    async def refresh(self, account: Account) -> Account:
        """``account`` with another token than it has, kept in the store already.

        Of several calls for one account the first does the work, and all share in it.
        A caller that is cancelled does not cancel the work. Raises SignInNeeded or
        RefreshFailed.
        """
        while (under_way := self._tasks.get(account.id)) is not None:
            renewed = await asyncio.shield(under_way)
            if renewed.token() != account.token():
                return renewed
            self._forget(account.id, under_way)  # it began before this token was known
        task = asyncio.create_task(self._renew(account))
        self._tasks[account.id] = task
        task.add_done_callback(partial(self._forget, account.id))
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Bring to their end the exchanges that have begun, and let go of the others."""
        tasks = dict(self._tasks)
        for account_id, task in tasks.items():
            if account_id not in self._exchanging:
                task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)

    def _forget(self, account_id: str, task: asyncio.Task[Account]) -> None:
        if self._tasks.get(account_id) is task:
            del self._tasks[account_id]
        if not task.cancelled():
            task.exception()  # else asyncio complains where all who waited have left

    async def _renew(self, known: Account) -> Account:
        try:
            async with self._store.refreshing(known.id):
                return await self._renew_alone(known)
        except (StoreError, OAuthError) as error:
            why = str(error).rstrip(".")
            raise RefreshFailed(f"The token of {known.name} was not renewed: {why}.") from None

    async def _renew_alone(self, known: Account) -> Account:
        """To be called under the account's lock."""
        current = _still_there(await self._store.current(known.id))
        if not isinstance(current.credential, OAuthCredential):
            return current
        if current.requires_reauth:
            raise _sign_in_needed(current)
        if current.token() != known.token() and not current.needs_sign_in(self._now_ms()):
            return current
        self._exchanging.add(known.id)
        try:
            return await self._exchange(current, current.credential)
        finally:
            self._exchanging.discard(known.id)

    async def _exchange(self, account: Account, spent: OAuthCredential) -> Account:
        try:
            grant = await self.endpoint.refresh(spent.refresh_token)
        except InvalidGrant:
            marked = await self._store.mark_requires_reauth(account.id, spent)
            current = _still_there(marked)
            if current.needs_sign_in(self._now_ms()):
                raise _sign_in_needed(current) from None
            return current  # somebody who knows no lock was quicker
        fresh = replace(
            spent,
            access_token=grant.access_token,
            refresh_token=grant.refresh_token or spent.refresh_token,
            expires_at_ms=grant.expires_at_ms,
            resource_url=grant.resource_url or spent.resource_url,
        )
        return _still_there(await self._store.renewed(account.id, spent, fresh))

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _still_there(account: Account | None) -> Account:
    if account is None:
        raise StoreError("it has been removed.")
    return account


def _sign_in_needed(account: Account) -> SignInNeeded:
    return SignInNeeded(f"The sign-in of {account.name} has come to its end. {_SIGN_IN}")
