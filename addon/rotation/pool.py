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
from typing import Final

from addon.accounts.account import Account
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
    Pace,
)
from addon.rotation.limits import UpstreamLimits
from addon.rotation.lineup import Contender, Lineup
from addon.rotation.moments import NEVER
from addon.rotation.outcome import Failed, Outcome, RateLimited, Served, Unauthorized
from addon.rotation.policy import Policy, RateLimitAction, Strategy
from addon.rotation.record import AccountRecord
from addon.rotation.rejection import ACCEPTED, Rejection
from addon.rotation.routes import Lane, Route, Routes
from addon.rotation.seat import AccountView as AccountView
from addon.rotation.seat import Seat
from addon.rotation.state import AccountState, access
from addon.rotation.strategies import Grade, Turn, next_turn, standing

RUSH_SECONDS: Final = 2.0
"""For so long after an account did not serve, requests may come in a crowd to the next one."""
RUSH_SPACING_SECONDS: Final = 0.1
LONGEST_DELAY_SECONDS: Final = 1.0
LONGEST_PACE_SECONDS: Final = 10.0
"""For longer than this no request waits for the account that refused it."""


class Pool:
    """The accounts, what is known of each, and whose turn it is."""

    def __init__(self, policy: Policy) -> None:
        """An empty pool that will choose by ``policy``."""
        self._policy = policy
        self._now = -math.inf
        self._states: dict[str, AccountState] = {}
        self._sessions = Sessions()
        self._turns: dict[tuple[str | None, int], Turn] = {}
        self._seats: list[Seat] = []
        self._seat_of: dict[str, Seat] = {}
        self._named_models: frozenset[str] = frozenset()
        self._routes = Routes()
        self._lineup = Lineup(0.0, 0)
        self._last_fallen_at = NEVER
        """When a request last had to go on to another account."""
        self._dirty: set[str] = set()
        """Ids of accounts that have changed since they were recorded."""
        self._recorded: set[str] = set()
        """Those whose record may not be kept yet."""

    # What the outside changes.

    def update_accounts(self, accounts: Iterable[Account], now: float) -> None:
        """Go on with these accounts, in this order. Ids are unique: of two, the later counts."""
        self._catch_up(now)
        seats_before, self._seat_of = self._seat_of, {}
        for position, account in enumerate({each.id: each for each in accounts}.values()):
            before = seats_before.get(account.id)
            state = self._states.get(account.id) or AccountState.fresh(now, self._policy)
            state.learn(account, before.account if before else None, now)
            self._seat_of[account.id] = Seat(position, account, state)
        self._seats = list(self._seat_of.values())
        self._states = {
            account_id: state
            for account_id, state in self._states.items()
            if state.is_worth_keeping(now)
        } | {seat.account.id: seat.state for seat in self._seats}
        self._named_models = frozenset(
            name for seat in self._seats for name in seat.account.models or ()
        )
        self._line_up(now)

    def reconfigure(self, policy: Policy, now: float) -> None:
        """Choose by ``policy`` from now on; what is known of the accounts stays."""
        self._catch_up(now)
        if policy.strategy is not self._policy.strategy:
            self._turns.clear()
        self._policy = policy
        for state in self._states.values():
            state.breaker = state.breaker.under(policy.breaker, now)
        self._line_up(now)

    # Deciding.

    def choose(
        self,
        needs: Needs,
        now: float,
        exclude: frozenset[str] = frozenset(),
        *,
        prefer: str | None = None,
    ) -> Decision:
        """Which account is to serve ``needs``, not counting the ids in ``exclude``.

        ``prefer`` is the id of the account that is to serve if it can. Only looks: whoever
        goes by the decision calls ``take``.
        """
        self._catch_up(now)
        route = self._routes.for_model(needs.model)
        seat = self._preferred(prefer, needs, now) or self._best(route, needs, now, exclude)
        if seat is None:
            return self._why_none(route, needs.model, now, exclude)
        start = max(now, seat.state.next_start, seat.state.recovery.next_start)
        return Chosen(seat.account, min(start - now, LONGEST_DELAY_SECONDS))

    def _best(self, route: Route, needs: Needs, now: float, exclude: frozenset[str]) -> Seat | None:
        for lanes in route.open:
            for grade in Grade:
                best = self._best_of(lanes, grade, needs, now, exclude)
                if best is not None:
                    return self._seats[best.position]
        return None

    def _best_of(
        self,
        lanes: tuple[Lane, ...],
        grade: Grade,
        needs: Needs,
        now: float,
        exclude: frozenset[str],
    ) -> Contender | None:
        """The best of one priority: the first in line, or the session's own with its bonus."""

        def passes(position: int) -> bool:
            return self._seats[position].account.id not in exclude

        start = self._start(needs)
        best = self._lineup.best(lanes, grade=grade, now=now, start=start, passes=passes)
        familiar = self._familiar_seat(needs.session, now)
        if best is None or familiar is None or not passes(familiar.position):
            return best
        own = self._lineup.contender(familiar.position, lanes, grade=grade, now=now, start=start)
        if own is None:
            return best
        bonus = self._policy.session_affinity_bonus
        return min(best, own._replace(minus_score=own.minus_score - bonus))

    def _preferred(self, account_id: str | None, needs: Needs, now: float) -> Seat | None:
        """The account with that id, if it can serve now."""
        seat = self._seat_of.get(account_id) if account_id is not None else None
        if seat is None or not seat.account.enabled or not seat.account.allows(needs.model):
            return None
        is_free = seat.state.free_at(needs.model) <= now and not seat.needs_sign_in(now)
        return seat if is_free else None

    def _why_none(
        self, route: Route, model: str | None, now: float, exclude: frozenset[str]
    ) -> Decision:
        """What to tell a request for which no account stands ready."""
        free_at, position = route.first_free(
            model, lambda position: self._seats[position].account.id not in exclude
        )
        if free_at < math.inf:
            return Limited(free_at, self._seats[position].state.reason_to_rest(model, now))
        if not self._seats:
            return NoAccounts(Lack.EMPTY)
        enabled = [seat for seat in self._seats if seat.account.enabled]
        if not enabled:
            return NoAccounts(Lack.DISABLED)
        allowed = [seat for seat in enabled if seat.account.allows(model)]
        if not allowed:
            served = {name for seat in enabled for name in seat.account.models or ()}
            return NoAccounts(Lack.MODEL, tuple(sorted(served)))
        if all(seat.needs_sign_in(now) for seat in allowed):
            return NoneSignedIn(tuple(seat.account for seat in allowed))
        return AllTried()

    # Doing.

    def take(self, account_id: str, needs: Needs, now: float) -> None:
        """A request goes out on the account. Raises KeyError if there is no such account."""
        self._catch_up(now)
        seat = self._seat_of[account_id]
        is_crowded = now - self._last_fallen_at < RUSH_SECONDS
        if is_crowded and seat.state.recovery.is_over(now):
            seat.state.next_start = max(now, seat.state.next_start) + RUSH_SPACING_SECONDS
        seat.state.take(now, self._policy)
        if needs.proves_credential:
            seat.state.show_credential(now)
        self._dirty.add(account_id)
        turn = next_turn(account_id, self._policy.strategy)
        if turn is not None:
            self._turns[self._order(needs)] = turn
        self._look_at(seat, now)

    def settle(
        self,
        account: Account,
        needs: Needs,
        outcome: Outcome,
        now: float,
        *,
        jitter: float = 0.0,
    ) -> Pace | None:
        """A request that went out on ``account``, as it was then, has come to its end.

        ``jitter`` in [0, 1) shortens a rest of unknown length. Gives a Pace if the request
        is to wait for this account rather than go to the next. The account may have left
        the file meanwhile. Raises KeyError or ValueError if no request of it is open.
        """
        self._catch_up(now)
        state = self._states[account.id]
        state.settle(outcome, now, self._policy, jitter)
        if needs.proves_credential:
            state.judge_credential(access(account), outcome, now)
        self._dirty.add(account.id)
        match outcome:
            case Served():
                self._sessions.remember(needs.session, account.id, now)
            case RateLimited() | Unauthorized() | Failed():
                self._end_turns(account.id)
                self._last_fallen_at = now
            case _:
                pass
        seat = self._seat_of.get(account.id)
        if seat is not None:
            self._look_at(seat, now)
        return self._pace(outcome, state.free_at(needs.model) - now)

    def _pace(self, outcome: Outcome, rest_seconds: float) -> Pace | None:
        """Whether to wait for an account that is back after ``rest_seconds``."""
        if (
            self._policy.rate_limit_action is RateLimitAction.PACE
            and isinstance(outcome, RateLimited)
            and outcome.retry_after_seconds is not None
            and 0 < rest_seconds <= LONGEST_PACE_SECONDS
        ):
            return Pace(rest_seconds)
        return None

    def observe(self, account_id: str, limits: UpstreamLimits, now: float) -> None:
        """An answer said what is left of the account's limits. An unknown id is passed over."""
        self._catch_up(now)
        seat = self._seat_of.get(account_id)
        if seat is not None:
            seat.state.forecast.observe(limits)
            self._look_at(seat, now)

    def end_rest(self, account_id: str, now: float) -> None:
        """A person says that the account serves again. An unknown id is passed over."""
        self._catch_up(now)
        seat = self._seat_of.get(account_id)
        if seat is not None:
            seat.state.end_rest(now)
            self._dirty.add(account_id)
            self._look_at(seat, now)

    def rejection(self, account_id: str) -> Rejection:
        """How the account's upstream takes its credential; of an unknown id: as accepted."""
        state = self._states.get(account_id)
        return ACCEPTED if state is None else state.rejection

    # What is kept on disk.

    def dirty(self) -> frozenset[str]:
        """The ids of whose record something is not kept yet."""
        return frozenset((self._dirty | self._recorded) & self._states.keys())

    def record(self, account_id: str) -> AccountRecord:
        """What is to be kept of the account. Raises KeyError if there is no such account."""
        record = self._states[account_id].record(self._now)
        self._dirty.discard(account_id)
        self._recorded.add(account_id)
        return record

    def keep(self, account_id: str, record: AccountRecord) -> None:
        """``record`` is kept by now. An unknown id is passed over."""
        self._recorded.discard(account_id)
        state = self._states.get(account_id)
        if state is not None:
            state.keep(record)

    def hear(self, account_id: str, on_disk: AccountRecord) -> None:
        """What is kept of the account by now, other processes' doings included.

        Only its days count here: the accounts themselves tell of the rest. An unknown id
        is passed over.
        """
        state = self._states.get(account_id)
        if state is not None:
            state.kept_days = on_disk.days

    def restore(self, account_id: str, record: AccountRecord) -> None:
        """Go on from what was kept. Raises KeyError if there is no such account."""
        seat = self._seat_of[account_id]
        seat.state.restore(record, self._now, self._policy)
        self._look_at(seat, self._now)

    def views(self, now: float) -> tuple[AccountView, ...]:
        """How every account is doing at ``now``, in file order."""
        self._catch_up(now)
        return tuple(seat.view(now, self._policy) for seat in self._seats)

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
        self._last_fallen_at -= seconds

    def _line_up(self, now: float) -> None:
        """Look at everyone anew."""
        self._lineup = Lineup(now, len(self._seats))
        self._routes = Routes()
        for seat in self._seats:
            self._look_at(seat, now)

    def _look_at(self, seat: Seat, now: float) -> None:
        """Put one account where it stands now, or nowhere, until time changes that."""
        self._lineup.remove(seat.position)
        account, state = seat.account, seat.state
        if not account.enabled:
            return
        if seat.needs_sign_in(now):
            if state.rejection.stands(now):
                self._lineup.look_again(seat.position, state.rejection.until)
            return
        cooling = state.models_cooling(now)
        free_at: dict[str | None, float] = {name: state.free_at(name) for name in cooling}
        where = None
        changes_at = min(cooling.values(), default=math.inf)
        if state.blocked_until > now:
            free_at[None] = state.blocked_until
            changes_at = min(changes_at, state.blocked_until)
        else:
            where = standing(state, now, self._policy)
            changes_at = min(changes_at, where.holds_until)
        lane = self._routes.lane(account.priority, account.models, frozenset(cooling))
        self._lineup.place(seat.position, lane, where, free_at, now)
        self._lineup.look_again(seat.position, changes_at)

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
        return needs.model if needs.model in self._named_models else None, offset

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

    def _familiar_seat(self, session: str | None, now: float) -> Seat | None:
        """The account that served ``session`` lately, if that counts."""
        if self._policy.strategy is not Strategy.HYBRID:
            return None
        window_seconds = self._policy.session_affinity_window_seconds
        account_id = self._sessions.account_of(session, now, window_seconds)
        return None if account_id is None else self._seat_of.get(account_id)
