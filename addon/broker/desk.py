"""The accounts as requests are to get them: chosen by the pool, counted while they are lent.

The broker's part that takes no time: nothing here waits or reads a clock. Times are
Unix seconds.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from addon.accounts.account import Account, BadBaseUrl, resolve_base_url
from addon.accounts.store import Snapshot, State
from addon.broker.lease import LeaseNotOpen
from addon.broker.line import Wish
from addon.broker.policy import policy_from
from addon.broker.refusals import NothingNow, refusal_for, without_base_url
from addon.broker.statistics import Statistics
from addon.broker.status import AccountStatus, account_status
from addon.errors import ApiError
from addon.rotation.decision import Chosen, Decision, Needs
from addon.rotation.limits import UpstreamLimits
from addon.rotation.outcome import ClientGone, Outcome
from addon.rotation.pool import AccountView, Pool
from addon.rotation.rejection import Rejection
from addon.settings import DEFAULT_BASE_URL, Settings

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seat:
    """One attempt's place on an account, from the choice until it is settled."""

    id: int
    account: Account
    needs: Needs
    taken_at: float
    delay_seconds: float
    """How long the attempt is to wait before it goes out."""


class Desk:
    """Joins the pool with the accounts that the store gives."""

    def __init__(self, settings: Settings, *, accounts_path: str, pid: int) -> None:
        """``accounts_path`` is for messages, ``pid`` for the offset of the order."""
        self._settings = settings
        self._accounts_path = accounts_path
        self._pid = pid
        self._pool = Pool(policy_from(settings, pid))
        self.statistics = Statistics(self._pool)
        self._snapshot = Snapshot()
        self._accounts: dict[str, Account] = {}
        """Those to whose base URL a token may be sent, by id, in file order."""
        self._base_urls: dict[str, str] = {}
        self._distinct_base_urls: frozenset[str] = frozenset()
        self._left_out: dict[str, str] = {}
        """Why the others are left out, by id."""
        self._ids = itertools.count(1)
        self._taken: dict[int, Seat] = {}

    # What the outside changes

    def adopt(self, snapshot: Snapshot, states: Mapping[str, State], now: float) -> None:
        """Go on with these accounts; ``states`` has what a former run knew of them."""
        before, self._snapshot = self._accounts, snapshot
        self._line_up(now)
        self.statistics.adopt(states, new=self._accounts.keys() - before.keys())

    def reconfigure(self, settings: Settings, now: float) -> None:
        """Go by ``settings`` from now on; what is known of the accounts stays."""
        self._settings = settings
        self._pool.reconfigure(policy_from(settings, self._pid), now)
        self._line_up(now)

    def _line_up(self, now: float) -> None:
        """Let the pool go on with the accounts to whose base URL a token may be sent."""
        self._accounts, self._base_urls = {}, {}
        told, self._left_out = self._left_out, {}
        for account in self._snapshot.accounts:
            try:
                self._base_urls[account.id] = self._resolve(account)
            except BadBaseUrl as why:
                self._left_out[account.id] = without_base_url(account, str(why))
            else:
                self._accounts[account.id] = account
        self._distinct_base_urls = frozenset(self._base_urls.values())
        for line in self._left_out.values():
            if line not in told.values():
                _log.warning("%s", line)
        self._pool.update_accounts(self._accounts.values(), now)

    def end_rest(self, account_id: str, now: float) -> None:
        """A person says that the account serves again."""
        self._pool.end_rest(account_id, now)

    # Seats: see line.Source

    def decide(self, wish: Wish, now: float) -> Decision:
        """Which account ``wish`` gets: one that was limited only where no other is left."""
        decision = self._pool.choose(wish.needs, now, wish.exclude, prefer=wish.prefer)
        if isinstance(decision, Chosen) or not wish.limited:
            return decision
        exclude = wish.exclude - wish.limited
        return self._pool.choose(wish.needs, now, exclude, prefer=wish.prefer)

    def take(self, chosen: Chosen, wish: Wish, now: float) -> Seat:
        """The seat that was decided on."""
        account = self._accounts[chosen.account.id]
        self._pool.take(account.id, wish.needs, now)
        seat = Seat(next(self._ids), account, wish.needs, now, chosen.delay_seconds)
        self._taken[seat.id] = seat
        return seat

    def give_back(self, seat: Seat, now: float) -> None:
        """The seat of a request that never went out."""
        self.settle(seat.id, seat.account, ClientGone(), now)

    def refuse(self, decision: NothingNow, wish: Wish, now: float) -> ApiError:
        """What to answer a request that gets no seat."""
        return refusal_for(
            decision,
            wish.needs,
            now=now,
            accounts_path=self._accounts_path,
            why_empty=self._why_empty(),
            last_trouble=wish.last_trouble,
        )

    def _why_empty(self) -> str | None:
        """What the store says where it gives no accounts, or why none that it gives can serve."""
        if self._snapshot.fault is not None:
            return self._snapshot.fault.message
        return ". ".join(self._left_out.values()) or None

    # What became of a seat

    @property
    def taken(self) -> int:
        """How many seats are taken."""
        return len(self._taken)

    def settle(
        self, seat_id: int, account: Account, outcome: Outcome, now: float, *, jitter: float = 0.0
    ) -> float | None:
        """The seat on ``account``, as it was when the request went out, is free again.

        ``jitter``, at least 0 and less than 1, shortens a rest of unknown length. Gives
        the seconds after which the request should come back to the same account; None:
        it need not. Raises LeaseNotOpen.
        """
        seat = self._leave(seat_id, account)
        pace = self._pool.settle(account, seat.needs, outcome, now, jitter=jitter)
        return None if pace is None else pace.seconds

    def needs_of(self, seat_id: int) -> Needs:
        """What the request on the seat asks for. Raises LeaseNotOpen."""
        seat = self._taken.get(seat_id)
        if seat is None:
            raise LeaseNotOpen(f"lease {seat_id} is not open")
        return seat.needs

    def move(self, seat_id: int, account: Account) -> Seat:
        """The same seat under another id, for ``account`` as it is now. Raises LeaseNotOpen."""
        seat = replace(self._leave(seat_id, account), id=next(self._ids), account=account)
        self._taken[seat.id] = seat
        return seat

    def _leave(self, seat_id: int, account: Account) -> Seat:
        seat = self._taken.pop(seat_id, None)
        if seat is None:
            raise LeaseNotOpen(f"lease {seat_id} on account {account.name} is not open")
        return seat

    # What there is to know

    def observe(self, account_id: str, limits: UpstreamLimits, now: float) -> None:
        """An answer said what is left of the account's limits."""
        self._pool.observe(account_id, limits, now)

    def rejection(self, account_id: str) -> Rejection:
        """How the account's upstream takes its credential."""
        return self._pool.rejection(account_id)

    def accounts(self) -> tuple[Account, ...]:
        """The accounts in file order, without those that are left out."""
        return tuple(self._accounts.values())

    def base_urls(self) -> frozenset[str]:
        """Where the accounts' requests go, without trailing slashes."""
        return self._distinct_base_urls

    def base_url_of(self, account: Account) -> str:
        """Where requests of ``account`` go, which may have left the file meanwhile."""
        return self._base_urls.get(account.id) or self._resolve(account)

    def models(self) -> frozenset[str]:
        """The models that the enabled accounts name."""
        enabled = [account for account in self._accounts.values() if account.enabled]
        return frozenset(
            name for each in enabled for name in (*(each.models or ()), *each.model_map)
        )

    def views(self, now: float) -> tuple[AccountView, ...]:
        """How every account is doing, in file order."""
        return self._pool.views(now)

    def statuses(self, now: float) -> tuple[AccountStatus, ...]:
        """The same of all that the store gives, those too that are left out; for telling."""
        views = {view.id: view for view in self.views(now)}
        return tuple(
            account_status(
                account,
                views.get(account.id),
                self._settings,
                base_url=self._base_urls.get(account.id),
                why_unusable=self._left_out.get(account.id, ""),
            )
            for account in self._snapshot.accounts
        )

    def _resolve(self, account: Account) -> str:
        return resolve_base_url(
            account, configured=self._settings.configured_base_url, default=DEFAULT_BASE_URL
        )
