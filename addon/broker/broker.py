"""The two calls by which a request gets an account and gives it back.

The pool decides, the store knows the accounts; the broker asks the one on behalf
of the other, at the time that the clock says. It does what takes time and what
touches the outside, so that the pool need not. It knows nothing of mitmproxy, and
it logs no credential.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Final

from addon.accounts.account import Account, BadBaseUrl, resolve_base_url
from addon.accounts.store import AccountStore, Snapshot
from addon.broker.lease import Lease, LeaseNotOpen
from addon.broker.policy import policy_from
from addon.broker.refusals import refusal_for, without_base_url
from addon.rotation.decision import Chosen, Limited, Needs
from addon.rotation.outcome import Outcome
from addon.rotation.pool import AccountView, Pool
from addon.settings import DEFAULT_BASE_URL, Settings

_log: Final = logging.getLogger(__name__)

_SHORTEST_WAIT_SECONDS: Final = 0.001
"""A clock may not have moved on by the end of a wait; it must not be asked in a circle."""


class Broker:
    """Leases accounts to requests. One for the process, used from one event loop."""

    def __init__(
        self,
        store: AccountStore,
        settings: Settings,
        *,
        accounts_path: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        pid: int | None = None,
    ) -> None:
        """A broker over the accounts in ``store``, read at the first call.

        ``accounts_path`` is for messages. ``clock`` gives Unix seconds, ``sleep`` lets
        seconds pass. ``pid`` stands in for a client's process id where that is not
        known; default: our own.
        """
        self._store = store
        self._settings = settings
        self._accounts_path = accounts_path
        self._clock = clock
        self._sleep = sleep
        self._pid = os.getpid() if pid is None else pid
        self._pool = Pool(policy_from(settings, self._pid))
        self._snapshot: Snapshot | None = None
        self._base_urls: dict[str, str] = {}
        self._distinct_base_urls: frozenset[str] = frozenset()
        self._left_out: list[str] = []
        self._ids = itertools.count(1)
        self._open: dict[int, Needs] = {}

    async def acquire(self, needs: Needs, *, exclude: frozenset[str] = frozenset()) -> Lease:
        """A lease on the account that can best serve ``needs``; it must be settled.

        ``exclude`` holds the ids of accounts that refused this request already. While all
        are limited it waits for the first to come free, if that is within
        ``max_rate_limit_wait_seconds``. Raises ApiError where no account can serve: what
        it says is for the client.
        """
        now = self._clock()
        patience_ends = now + self._settings.max_rate_limit_wait_seconds
        while True:
            self.reload()
            decision = self._pool.choose(needs, now, exclude)
            if isinstance(decision, Chosen):
                return self._lease(decision.account, needs, now)
            if not isinstance(decision, Limited) or decision.free_at > patience_ends:
                break
            await self._sleep(max(_SHORTEST_WAIT_SECONDS, decision.free_at - now))
            now = self._clock()
        raise refusal_for(
            decision,
            needs,
            now=now,
            accounts_path=self._accounts_path,
            why_empty=self._why_empty(),
        )

    def settle(self, lease: Lease, outcome: Outcome) -> None:
        """Give ``lease`` back, with what became of it.

        Raises LeaseNotOpen if that was done before.
        """
        needs = self._open.pop(lease.id, None)
        if needs is None:
            raise LeaseNotOpen(f"lease {lease.id} on account {lease.account.name} is not open")
        self._pool.settle(lease.account, needs, outcome, self._clock())

    @property
    def open_leases(self) -> int:
        """How many leases were given and not yet settled."""
        return len(self._open)

    def reconfigure(self, settings: Settings) -> None:
        """Go by ``settings`` from now on; what is known of the accounts stays."""
        self._settings = settings
        self._pool.reconfigure(policy_from(settings, self._pid), self._clock())
        if self._snapshot is not None:
            self._adopt(self._snapshot)

    def reload(self) -> None:
        """Pick up what changed in the store, and log what is wrong with it, once each."""
        snapshot = self._store.load()
        if snapshot is self._snapshot:
            return
        for line in snapshot.news(self._snapshot):
            _log.warning("%s", line)
        self._snapshot = snapshot
        self._adopt(snapshot)

    def base_urls(self) -> frozenset[str]:
        """Where the accounts' requests go, as last read, without trailing slashes."""
        return self._distinct_base_urls

    def snapshot(self) -> tuple[AccountView, ...]:
        """How every account is doing now, in file order."""
        return self._pool.views(self._clock())

    def _adopt(self, snapshot: Snapshot) -> None:
        """Let the pool go on with the accounts to whose base URL a token may be sent."""
        usable, self._base_urls = [], {}
        told, self._left_out = self._left_out, []
        for account in snapshot.accounts:
            try:
                self._base_urls[account.id] = resolve_base_url(
                    account, configured=self._settings.configured_base_url, default=DEFAULT_BASE_URL
                )
            except BadBaseUrl as why:
                self._left_out.append(without_base_url(account, str(why)))
            else:
                usable.append(account)
        self._distinct_base_urls = frozenset(self._base_urls.values())
        for line in self._left_out:
            if line not in told:
                _log.warning("%s", line)
        self._pool.update_accounts(usable, self._clock())

    def _lease(self, account: Account, needs: Needs, now: float) -> Lease:
        token = account.token()
        if token is None:
            raise RuntimeError(f"account {account.name} was chosen without a token")
        self._pool.take(account.id, needs, now)
        lease = Lease(
            id=next(self._ids),
            account=account,
            token=token,
            base_url=self._base_urls[account.id],
            upstream_model=needs.model and account.upstream_model(needs.model),
            taken_at=now,
        )
        self._open[lease.id] = needs
        return lease

    def _why_empty(self) -> str | None:
        """What the store says where it gives no accounts, or why none that it gives can serve."""
        if self._snapshot is not None and self._snapshot.fault is not None:
            return self._snapshot.fault.message
        return ". ".join(self._left_out) or None
