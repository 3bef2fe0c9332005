"""Statistics of several processes that share their accounts: nothing is counted twice or lost."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from addon.accounts.account import Account
from addon.accounts.entry import with_state
from addon.accounts.store import State, StateChange
from addon.broker.statistics import Statistics
from addon.rotation.ledger import DayCount
from addon.rotation.outcome import ClientGone, Failed, Outcome, RateLimited, Served, Usage
from addon.rotation.policy import Policy
from addon.rotation.pool import Pool
from addon.rotation.record import AccountRecord
from tests.rotation.builders import ANY, START, key

NAMES = "ab"
DAY_SECONDS = 86_400

outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Served, st.builds(Usage, st.integers(0, 9), st.integers(0, 9))),
    st.builds(RateLimited, st.sampled_from([None, 0.123, 30.0, 600.0])),
    st.builds(RateLimited, st.just(60.0), st.just("coder")),
    st.builds(Failed, st.just("503")),
    st.builds(ClientGone),
)


@dataclass(eq=False)
class Store:
    """A store that all processes see at once; each account's statistics in a table."""

    tables: dict[str, State] = field(default_factory=lambda: {name: {} for name in NAMES})

    def apply(self, changes: dict[str, StateChange]) -> dict[str, State]:
        for account_id, change in changes.items():
            self.tables[account_id] = with_state({**self.tables[account_id]}, change)
        return {account_id: self.tables[account_id] for account_id in changes}

    def accounts(self) -> list[Account]:
        records = {name: AccountRecord.from_json(table) for name, table in self.tables.items()}
        return [
            key(name, reset_at_ms=record.rate_limit_reset_at_ms) for name, record in records.items()
        ]


class Process:
    """One pool, and its way to the store."""

    def __init__(self, store: Store, now: float) -> None:
        self.store = store
        self.pool = Pool(Policy())
        self.statistics = Statistics(self.pool)
        self.pool.update_accounts(store.accounts(), now)
        self.statistics.adopt({**store.tables}, new=NAMES)
        self.handed_out: dict[str, StateChange] | None = None

    def look(self, now: float) -> None:
        self.pool.update_accounts(self.store.accounts(), now)
        self.statistics.adopt({**self.store.tables}, new=())


class SharedAccounts(RuleBasedStateMachine):
    """Three processes serve, write, fail to write, look and start again in any order."""

    @initialize()
    def begin(self) -> None:
        self.now = START
        self.store = Store()
        self.processes = [Process(self.store, self.now) for _ in range(3)]
        self.counted: dict[str, dict[str, DayCount]] = {name: {} for name in NAMES}
        self.longest_rest = dict.fromkeys(NAMES, 0.0)

    @rule(who=st.integers(0, 2), name=st.sampled_from(NAMES), outcome=outcomes)
    def serve(self, who: int, name: str, outcome: Outcome) -> None:
        pool = self.processes[who].pool
        pool.take(name, ANY, self.now)
        pool.settle(key(name), ANY, outcome, self.now)
        usage = outcome.usage if isinstance(outcome, Served) else None
        tokens = (usage.input_tokens, usage.output_tokens) if usage else (0, 0)
        is_limited = isinstance(outcome, RateLimited)
        day = str(int(self.now // DAY_SECONDS))
        before = self.counted[name].get(day, DayCount())
        served = int(isinstance(outcome, Served))
        self.counted[name][day] = before + DayCount(1, int(is_limited), *tokens, served=served)
        if isinstance(outcome, RateLimited) and outcome.model is None:
            seconds = 300.0 if outcome.retry_after_seconds is None else outcome.retry_after_seconds
            self.longest_rest[name] = max(self.longest_rest[name], self.now + seconds)

    @rule(who=st.integers(0, 2))
    def begin_to_write(self, who: int) -> None:
        process = self.processes[who]
        if process.handed_out is None:
            process.handed_out = process.statistics.changes()

    @rule(who=st.integers(0, 2), succeeds=st.sampled_from([True, True, False]))
    def end_a_write(self, who: int, succeeds: bool) -> None:
        process = self.processes[who]
        if process.handed_out is not None and succeeds:
            process.statistics.saved(self.store.apply(process.handed_out))
        process.handed_out = None

    @rule(who=st.integers(0, 2))
    def look(self, who: int) -> None:
        """A cooldown that another wrote is taken over; counts are those of all."""
        process = self.processes[who]
        process.look(self.now)
        for view, account in zip(process.pool.views(self.now), self.store.accounts(), strict=True):
            reset_ms = account.rate_limit_reset_at_ms or 0
            if reset_ms / 1000 > self.now:
                assert view.cooling_until is not None
                assert view.cooling_until * 1000 >= reset_ms - 1

    @rule(who=st.integers(0, 2))
    def start_again(self, who: int) -> None:
        self.write_all(who)
        self.processes[who] = Process(self.store, self.now)

    def write_all(self, who: int) -> None:
        self.end_a_write(who, succeeds=True)
        self.begin_to_write(who)
        self.end_a_write(who, succeeds=True)

    @rule(seconds=st.sampled_from([0.5, 10.0, 61.0, 4000.0, 90_000.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def no_rest_is_longer_than_any_upstream_asked_for(self) -> None:
        if hasattr(self, "store"):
            for account in self.store.accounts():
                longest_ms = self.longest_rest[account.id] * 1000 + 1
                assert (account.rate_limit_reset_at_ms or 0) <= longest_ms

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        for who in range(3):
            self.write_all(who)
        for name, counted in self.counted.items():
            kept = AccountRecord.from_json(self.store.tables[name]).days
            assert sorted(map(repr, kept.values())) == sorted(map(repr, counted.values()))
        today = str(int(self.now // DAY_SECONDS))
        for process in self.processes:
            process.look(self.now)
            for view in process.pool.views(self.now):
                assert view.today == self.counted[view.id].get(today, DayCount())


TestSharedAccounts = SharedAccounts.TestCase
TestSharedAccounts.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
