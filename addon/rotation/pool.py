"""Which account serves next: the pool decides, and keeps account of what became of it.

``choose`` looks at the state and says what to do; it changes nothing that
anybody could see. ``take`` and ``settle`` then do it: exactly one settle for
every take. State is kept by account id, so it survives when accounts move in
the file, get new credentials, or vanish for a while.

How choosing stays cheap: every account has a seat; those that may be chosen
stand in the ``Lineup``. An account is looked at when something happens to it,
or when its standing is about to change by itself, never because another one is
being chosen. The pool is deterministic: same calls, same choices.

Pure: no I/O, no clock, no randomness; time is passed in, in seconds (Unix).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from addon.accounts.account import Account, ApiKeyCredential
from addon.rotation.affinity import Sessions
from addon.rotation.decision import (
    AllTried,
    Chosen,
    Decision,
    Lack,
    Limited,
    Needs,
    NoAccounts,
    NoneSignedIn,
)
from addon.rotation.lineup import Contender, Lane, Lineup, Routes
from addon.rotation.outcome import Failed, Outcome, RateLimited, Served, Unauthorized
from addon.rotation.policy import Policy, Strategy
from addon.rotation.state import NEVER, AccountState, access
from addon.rotation.strategies import Turn, next_turn, standing


@dataclass(frozen=True, slots=True)
class AccountView:
    """How one account is doing, for people and programs to look at. Times are Unix seconds."""

    id: str
    name: str
    enabled: bool
    priority: int
    needs_sign_in: bool
    health: float
    """0…100."""
    tokens: float
    in_flight: int
    cooling_until: float | None
    """None when it is not cooling down."""
    model_cooling_until: tuple[tuple[str, float], ...]
    """The models for which alone it is cooling down, and until when."""
    last_used: float | None


@dataclass(frozen=True, slots=True)
class _Seat:
    """One account at its position in the file."""

    position: int
    account: Account
    state: AccountState
    lane: Lane


class Pool:
    """The accounts, what is known of each, and whose turn it is."""

    def __init__(self, policy: Policy) -> None:
        """An empty pool that will choose by ``policy``."""
        self._policy = policy
        self._now = -math.inf
        self._states: dict[str, AccountState] = {}
        self._sessions = Sessions()
        self._turns: dict[tuple[str | None, int], Turn] = {}
        self._seats: list[_Seat] = []
        self._seat_of: dict[str, _Seat] = {}
        self._routes = Routes(())
        self._lineup = Lineup(0.0, 0)

    # What the outside changes.

    def update_accounts(self, accounts: Iterable[Account], now: float) -> None:
        """Go on with these accounts, in this order. Ids are unique: of two, the later counts."""
        self._catch_up(now)
        seats_before, self._seat_of = self._seat_of, {}
        lanes: dict[tuple[int, frozenset[str] | None], Lane] = {}
        for position, account in enumerate({each.id: each for each in accounts}.values()):
            before = seats_before.get(account.id)
            state = self._states.get(account.id) or AccountState.fresh(now, self._policy)
            state.learn(account, before.account if before else None, now)
            lane = Lane(account.priority, account.models)
            lane = lanes.setdefault((lane.priority, lane.models), lane)
            self._seat_of[account.id] = _Seat(position, account, state, lane)
        self._seats = list(self._seat_of.values())
        self._states = {
            account_id: state
            for account_id, state in self._states.items()
            if state.is_worth_keeping(now)
        } | {seat.account.id: seat.state for seat in self._seats}
        self._routes = Routes(lanes.values())
        self._line_up(now)

    def reconfigure(self, policy: Policy, now: float) -> None:
        """Choose by ``policy`` from now on; what is known of the accounts stays."""
        self._catch_up(now)
        if policy.strategy is not self._policy.strategy:
            self._turns.clear()
        self._policy = policy
        self._line_up(now)

    # Deciding.

    def choose(self, needs: Needs, now: float, exclude: frozenset[str] = frozenset()) -> Decision:
        """Which account is to serve ``needs``, not counting the ids in ``exclude``.

        Only looks: whoever goes by the decision calls ``take``.
        """
        self._catch_up(now)
        for lanes in self._routes.for_model(needs.model):
            for tired in (False, True):
                best = self._best_of(lanes, tired, needs, now, exclude)
                if best is not None:
                    return Chosen(self._seats[best.position].account)
        return self._why_none(needs.model, now)

    def _best_of(
        self, lanes: list[Lane], tired: bool, needs: Needs, now: float, exclude: frozenset[str]
    ) -> Contender | None:
        """The best of one priority: the first in line, or the session's own with its bonus."""

        def passes(position: int) -> bool:
            seat = self._seats[position]
            return seat.account.id not in exclude and seat.state.free_at(needs.model) <= now

        start = self._start(needs)
        best = self._lineup.best(lanes, tired=tired, now=now, start=start, passes=passes)
        familiar = self._familiar_seat(needs.session, now)
        if best is None or familiar is None or not passes(familiar.position):
            return best
        own = self._lineup.contender(familiar.position, lanes, tired=tired, now=now, start=start)
        if own is None:
            return best
        bonus = self._policy.session_affinity_bonus
        return min(best, own._replace(minus_score=own.minus_score - bonus))

    def _why_none(self, model: str | None, now: float) -> Decision:
        """What to tell a request for which no account stands ready."""
        if not self._seats:
            return NoAccounts(Lack.EMPTY)
        enabled = [seat for seat in self._seats if seat.account.enabled]
        if not enabled:
            return NoAccounts(Lack.DISABLED)
        allowed = [seat for seat in enabled if seat.account.allows(model)]
        if not allowed:
            served = {name for seat in enabled for name in seat.account.models or ()}
            return NoAccounts(Lack.MODEL, tuple(sorted(served)))
        signed_in = [seat for seat in allowed if not _needs_sign_in(seat, now)]
        if not signed_in:
            return NoneSignedIn(tuple(seat.account for seat in allowed))
        free = [at for seat in signed_in if (at := seat.state.free_at(model)) > now]
        return Limited(min(free)) if free else AllTried()

    # Doing.

    def take(self, account_id: str, needs: Needs, now: float) -> None:
        """A request goes out on the account. Raises KeyError if there is no such account."""
        self._catch_up(now)
        seat = self._seat_of[account_id]
        seat.state.take(now, self._policy)
        turn = next_turn(account_id, self._policy.strategy)
        if turn is not None:
            self._turns[self._order(needs)] = turn
        self._look_at(seat, now)

    def settle(self, account: Account, needs: Needs, outcome: Outcome, now: float) -> None:
        """A request that went out on ``account``, as it was then, has come to its end.

        The account may have left the file meanwhile. Raises KeyError or
        ValueError if no request of it is open.
        """
        self._catch_up(now)
        self._states[account.id].settle(access(account), outcome, now, self._policy)
        match outcome:
            case Served():
                self._sessions.remember(needs.session, account.id, now)
            case RateLimited() | Unauthorized() | Failed():
                self._end_turns(account.id)
            case _:
                pass
        seat = self._seat_of.get(account.id)
        if seat is not None:
            self._look_at(seat, now)

    def views(self, now: float) -> tuple[AccountView, ...]:
        """How every account is doing at ``now``, in file order."""
        self._catch_up(now)
        return tuple(_view(seat, now, self._policy) for seat in self._seats)

    # Keeping the lineup true.

    def _catch_up(self, now: float) -> None:
        """Look again at whose standing has changed by itself since the last call."""
        if now < self._now:
            self._set_back(self._now - now)
            self._line_up(now)
        self._now = now
        for position in self._lineup.due(now):
            self._look_at(self._seats[position], now)

    def _set_back(self, seconds: float) -> None:
        """The clock was set back: what is remembered goes along, or it would lie ahead."""
        for state in self._states.values():
            state.set_back(seconds)
        self._sessions.set_back(seconds)

    def _line_up(self, now: float) -> None:
        """Look at everyone anew."""
        self._lineup = Lineup(now, len(self._seats))
        for seat in self._seats:
            seat.lane.ranks.clear()
        for seat in self._seats:
            self._look_at(seat, now)

    def _look_at(self, seat: _Seat, now: float) -> None:
        """Put one account where it stands now, or nowhere, until time changes that."""
        self._lineup.remove(seat.position)
        if not seat.account.enabled or _needs_sign_in(seat, now):
            return
        if seat.state.cooling_until > now:
            self._lineup.look_again(seat.position, seat.state.cooling_until)
            return
        where = standing(seat.state, now, self._policy)
        self._lineup.place(seat.position, seat.lane, where, now)
        self._lineup.look_again(seat.position, min(where.holds_until, _token_expiry(seat.account)))

    # File order and sessions.

    def _order(self, needs: Needs) -> tuple[str | None, int]:
        """Which of the orders that go on side by side the request follows.

        One for each starting point, and for each model that only some accounts
        serve: else two models asked for in turn could pass over an account for ever.
        """
        offset = 0
        if self._policy.pid_offset is not None and self._seats:
            pid = self._policy.pid_offset if needs.pid is None else needs.pid
            offset = pid % len(self._seats)
        return needs.model if needs.model in self._routes.named else None, offset

    def _start(self, needs: Needs) -> int:
        """The position from which the order starts, among accounts that are equal."""
        order = self._order(needs)
        turn = self._turns.get(order)
        seat = self._seat_of.get(turn.account_id) if turn is not None else None
        if turn is None or seat is None:
            return order[1]
        return seat.position + turn.is_over

    def _end_turns(self, account_id: str) -> None:
        for order, turn in self._turns.items():
            if turn.account_id == account_id:
                self._turns[order] = Turn(account_id, is_over=True)

    def _familiar_seat(self, session: str | None, now: float) -> _Seat | None:
        """The account that served ``session`` lately, if that counts."""
        if self._policy.strategy is not Strategy.HYBRID:
            return None
        window_seconds = self._policy.session_affinity_window_seconds
        account_id = self._sessions.account_of(session, now, window_seconds)
        return None if account_id is None else self._seat_of.get(account_id)


def _needs_sign_in(seat: _Seat, now: float) -> bool:
    """Whether the account has no credential that its upstream would accept."""
    account = seat.account
    return seat.state.refused == access(account) or account.needs_sign_in(int(now * 1000))


def _token_expiry(account: Account) -> float:
    """When the account's token dies by itself (Unix seconds)."""
    credential = account.credential
    if isinstance(credential, ApiKeyCredential) or credential.expires_at_ms is None:
        return math.inf
    return credential.expires_at_ms / 1000


def _view(seat: _Seat, now: float, policy: Policy) -> AccountView:
    account, state = seat.account, seat.state
    cooling = {name: until for name, until in state.model_cooling_until.items() if until > now}
    return AccountView(
        id=account.id,
        name=account.name,
        enabled=account.enabled,
        priority=account.priority,
        needs_sign_in=_needs_sign_in(seat, now),
        health=state.health_at(now, policy.health).score,
        tokens=state.bucket.at(now, policy.bucket).tokens,
        in_flight=state.in_flight,
        cooling_until=state.cooling_until if state.cooling_until > now else None,
        model_cooling_until=tuple(sorted(cooling.items())),
        last_used=state.last_used if state.last_used > NEVER else None,
    )
