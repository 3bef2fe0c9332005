"""The calls by which a request gets an account and gives it back.

The pool decides, the store knows the accounts, the refresher renews their tokens; the
broker asks the one on behalf of the other, at the time that the clock says. It does
what takes time and what touches the outside, so that the pool need not. It knows
nothing of mitmproxy, and it logs no credential.

acquire             a place in the line                              line
                    a seat on the account that the pool chooses      desk
                    its token, renewed first if it is dead           renewal
after_unauthorized  the same seat, with another token                renewal
settle              the seat is free, and counts for what it was     desk
                    statistics go to disk, soon                      write_behind
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from addon.accounts.account import Account, OAuthCredential
from addon.accounts.store import AccountStore, Snapshot, StoreError
from addon.broker.desk import Desk, Seat
from addon.broker.lease import Lease
from addon.broker.line import Line, Wish
from addon.broker.policy import oauth_client_from, renewal_window_seconds, same_oauth_servers
from addon.broker.renewal import Renewals, StillRenewing, TokenRefresher
from addon.broker.sign_in import SignIns
from addon.broker.status import AccountStatus
from addon.broker.surroundings import Surroundings
from addon.broker.write_behind import WriteBehind
from addon.oauth import RefreshFailed, SignInNeeded
from addon.rotation.decision import Chosen, Needs
from addon.rotation.limits import read_limits
from addon.rotation.outcome import ClientGone, Outcome, Unauthorized
from addon.rotation.pool import AccountView
from addon.rotation.record import RESTS
from addon.rotation.rejection import ACCEPTED
from addon.settings import Settings

_log: Final = logging.getLogger(__name__)


class NotDone(Exception):
    """What a person asked for could not be done; the message says why, without a credential."""


class Broker:
    """Leases accounts to requests. One for the process, used from one event loop."""

    def __init__(
        self,
        store: AccountStore,
        settings: Settings,
        *,
        accounts_path: str,
        refresher: TokenRefresher,
        surroundings: Surroundings | None = None,
    ) -> None:
        """A broker over the accounts in ``store``, read at the first call.

        ``accounts_path`` is for messages. ``refresher`` renews tokens.
        """
        surroundings = surroundings or Surroundings()
        self._store = store
        self._settings = settings
        self._surroundings = surroundings
        self._clock = surroundings.clock
        self._snapshot: Snapshot | None = None
        self._desk = Desk(settings, accounts_path=accounts_path, pid=surroundings.pid)
        self._line = Line(self._desk, surroundings, look=self.reload)
        self._renewals = Renewals(refresher, surroundings, look=self.reload)
        self.sign_ins = SignIns(
            store,
            lambda: oauth_client_from(self._settings),
            surroundings,
            kept=self.reload,
        )
        """Accounts that people sign in while this runs."""
        self._statistics = WriteBehind(self._desk.statistics, store.save_state, surroundings)

    # Coming and going

    def start(self) -> None:
        """Keep tokens fresh from now on, without any request. Called in the event loop."""
        self.reload()
        self._renewals.start()

    async def stop(self) -> None:
        """Refuse whoever waits, end what renewals are under way, and write the statistics.

        For leases to count in them, settle them before.
        """
        self._line.dismiss()
        await self.sign_ins.stop()
        await self._renewals.stop()
        await self._statistics.stop()

    def reconfigure(self, settings: Settings) -> None:
        """Go by ``settings`` from now on; what is known of the accounts stays."""
        if not same_oauth_servers(settings, self._settings):
            self._renewals.ask(oauth_client_from(settings))
        self._settings = settings
        self._desk.reconfigure(settings, self._clock())
        self._follow_up()

    def reload(self) -> None:
        """Pick up what changed in the store, and log what is wrong with it, once each."""
        snapshot = self._store.load()
        if snapshot is self._snapshot:
            return
        for line in snapshot.news(self._snapshot):
            _log.warning("%s", line)
        self._snapshot = snapshot
        self._desk.adopt(snapshot, self._store.states(), self._clock())
        self._follow_up()

    def _follow_up(self) -> None:
        """Accounts or settings have changed."""
        self._renewals.adopt(self._desk.accounts(), renewal_window_seconds(self._settings))
        self._line.serve()

    # One attempt of a request

    async def acquire(
        self,
        needs: Needs,
        *,
        exclude: frozenset[str] = frozenset(),
        limited: frozenset[str] = frozenset(),
        prefer: str | None = None,
        waited_seconds: float = 0.0,
    ) -> Lease:
        """A lease on the account that can best serve ``needs``; it must be settled.

        ``exclude`` holds the ids of accounts that refused this request already; those of
        them that are in ``limited`` are asked again once no other is left. ``prefer`` is
        an account to stay with, if it can serve. While all are limited it waits in line for
        the first to come free, if that is within ``max_rate_limit_wait_seconds``, of which
        ``waited_seconds`` are spent. Raises ApiError where no account can serve: what it
        says is for the client. May be cancelled, and then leaves nothing behind.
        """
        wish = Wish(needs, exclude, limited, prefer)
        while True:
            self.reload()
            began = self._clock()
            patience = self._settings.max_rate_limit_wait_seconds - waited_seconds
            seat = await self._line.turn(wish, max(0.0, patience))
            waited_seconds += max(0.0, seat.taken_at - began)
            try:
                return await self._lease_with_token(seat, wish, waited_seconds)
            except StillRenewing:
                wish = wish.rather_than(self._renewals.dead())
            except (SignInNeeded, RefreshFailed) as why:
                wish = wish.without(seat.account.id, str(why))

    async def _lease_with_token(self, seat: Seat, wish: Wish, waited_seconds: float) -> Lease:
        """The lease for ``seat``, once its token works and it may go out.

        Raises SignInNeeded, RefreshFailed or StillRenewing; then the seat is free again, as it
        is where this is cancelled.
        """
        try:
            if seat.delay_seconds > 0:
                await self._surroundings.pause(seat.delay_seconds)
            account = await self._with_live_token(seat.account, wish)
            lease = self._lease(seat, account, waited_seconds)
        except SignInNeeded:
            self._free(seat.id, seat.account, Unauthorized())
            raise
        except BaseException:
            # the upstream was never asked, so nothing is to be held against the account
            self._free(seat.id, seat.account, ClientGone())
            raise
        self._renewals.renew_soon(account)
        return lease

    async def _with_live_token(self, account: Account, wish: Wish) -> Account:
        """The account with a token that works.

        A renewal is not waited for to its end where another account could serve ``wish`` at
        once: StillRenewing is raised then. Raises SignInNeeded or RefreshFailed too.
        """
        if not self._renewals.is_dead(account):
            return await self._renewals.alive(account)
        others = Wish(wish.needs, wish.exclude | {account.id} | self._renewals.dead())
        if isinstance(self._desk.decide(others, self._clock()), Chosen):
            return await self._renewals.alive_soon(account)
        return await self._renewals.alive(account)

    async def after_unauthorized(
        self, lease: Lease, *, exclude: frozenset[str] = frozenset()
    ) -> Lease | None:
        """After a 401: another lease on the same account, in the place of ``lease``.

        None where its token cannot be renewed, or was already, for this request or for the
        one that was refused before it, or where that takes long and another account, none of
        ``exclude``, could serve: then ``lease`` is settled. May be cancelled, and then
        ``lease`` is open still. Raises LeaseNotOpen.
        """
        if not self._may_renew(lease):
            self.settle(lease, Unauthorized())
            return None
        self._renewals.refused(lease.account)
        wish = Wish(self._desk.needs_of(lease.id), exclude)
        try:
            account = await self._with_live_token(lease.account, wish)
        except SignInNeeded:
            self.settle(lease, Unauthorized())
            return None
        except (RefreshFailed, StillRenewing):
            # it is renewed as soon as that works; until then it counts as expired
            self.settle(lease, ClientGone())
            return None
        if account.token() in (None, lease.token):
            self.settle(lease, Unauthorized())
            return None
        seat = self._desk.move(lease.id, account)
        again = self._lease(seat, account, lease.waited_seconds)
        return replace(again, is_renewed=True)

    def _may_renew(self, lease: Lease) -> bool:
        """Whether another token might be the answer to a 401."""
        account = lease.account
        is_sign_in = isinstance(account.credential, OAuthCredential)
        was_refused = self._desk.rejection(account.id).is_of_this_credential
        return is_sign_in and not lease.is_renewed and not was_refused

    def observe(self, lease: Lease, headers: Mapping[str, str]) -> None:
        """The answer on ``lease`` came with these headers: what they say of limits is noted."""
        now = self._clock()
        limits = read_limits(headers, now)
        if limits is not None:
            self._desk.observe(lease.account.id, limits, now)

    def settle(self, lease: Lease, outcome: Outcome) -> float | None:
        """Give ``lease`` back, with what became of it.

        Gives the seconds after which the request should try the same account again
        (``acquire`` with ``prefer``), rather than another; None where it need not.
        Raises LeaseNotOpen if ``lease`` was given back before.
        """
        was_accepted = self._desk.rejection(lease.account.id) == ACCEPTED
        pace_seconds = self._free(lease.id, lease.account, outcome)
        is_accepted = self._desk.rejection(lease.account.id) == ACCEPTED
        if was_accepted and not is_accepted:
            _log.warning(
                "Account %s is left out: its upstream does not accept its credential. Give it "
                "another key or sign-in. Now and then it is tried whether this one works again.",
                lease.account.name,
            )
        elif is_accepted and not was_accepted:
            _log.info("Account %s is accepted again.", lease.account.name)
        return pace_seconds

    def _free(self, seat_id: int, account: Account, outcome: Outcome) -> float | None:
        jitter = self._surroundings.jitter()
        pace_seconds = self._desk.settle(seat_id, account, outcome, self._clock(), jitter=jitter)
        self._statistics.note()
        self._line.serve()
        return pace_seconds

    def _lease(self, seat: Seat, account: Account, waited_seconds: float) -> Lease:
        token = account.token()
        if token is None:
            raise RefreshFailed(f"Account {account.name} went out of use before it had a token.")
        model = seat.needs.model
        return Lease(
            id=seat.id,
            account=account,
            token=token,
            base_url=self._desk.base_url_of(account),
            upstream_model=model and account.upstream_model(model),
            taken_at=seat.taken_at,
            waited_seconds=waited_seconds,
        )

    # What people change while it runs

    async def set_enabled(self, account_id: str, *, enabled: bool) -> None:
        """Have the account used, or not, by every process. Raises NotDone."""
        try:
            account = await self._store.set_enabled(account_id, enabled=enabled)
        except StoreError as why:
            raise NotDone(str(why)) from None
        self.reload()
        if account is None:
            raise NotDone("It is no longer in the accounts file.")

    async def end_rest(self, account_id: str) -> None:
        """Ask the account again from now on, whatever its upstream said before.

        Raises NotDone where only this process does so, since it cannot be written.
        """
        self._desk.end_rest(account_id, self._clock())
        self._line.serve()
        try:
            # moments only rise there, unless they are taken out
            await self._store.save_state({account_id: dict.fromkeys(RESTS)})
        except StoreError as why:
            raise NotDone(str(why)) from None

    async def renew(self, account_id: str) -> None:
        """Have the token of a sign-in renewed now. Raises NotDone."""
        try:
            await self._renewals.renew(account_id)
        except (SignInNeeded, RefreshFailed) as why:
            raise NotDone(str(why)) from None

    # What there is to see

    @property
    def open_leases(self) -> int:
        """How many leases were given and not yet settled."""
        return self._desk.taken

    @property
    def waiting(self) -> int:
        """How many requests wait for an account."""
        return len(self._line)

    def base_urls(self) -> frozenset[str]:
        """Where the accounts' requests go, as last read, without trailing slashes."""
        return self._desk.base_urls()

    def models(self) -> tuple[str, ...]:
        """The models that accounts and settings name, by name; there may be others."""
        return tuple(sorted({*self._settings.models, *self._desk.models()}))

    def statuses(self) -> tuple[AccountStatus, ...]:
        """What there is to tell of every account, in file order; others may use it too."""
        self.reload()
        return self._desk.statuses(self._clock())

    def troubles(self) -> tuple[str, ...]:
        """What is wrong with the accounts file, and with entries in it."""
        return self._snapshot.troubles() if self._snapshot is not None else ()

    def snapshot(self) -> tuple[AccountView, ...]:
        """How every account is doing now, in file order."""
        return self._desk.views(self._clock())
