"""Whatever happens in whatever order: what always holds of the pool.

A machine of hypothesis plays random histories against a pool, and after every step
compares its choice with the plain way of choosing: work the design's formula out for
every account and take the best.
"""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from addon.accounts.account import Account
from addon.rotation.decision import Chosen, Limited, Needs, NoAccounts, NoneSignedIn
from addon.rotation.limits import Allowance, UpstreamLimits
from addon.rotation.outcome import (
    ClientGone,
    Cut,
    Declined,
    Failed,
    LimitKind,
    Outcome,
    RateLimited,
    RequestRefused,
    Served,
    Unauthorized,
)
from addon.rotation.policy import (
    BreakerPolicy,
    BucketPolicy,
    HealthPolicy,
    Policy,
    RateLimitAction,
    RetryStrategy,
    Strategy,
)
from addon.rotation.pool import AccountView, Pool
from addon.rotation.record import AccountRecord
from addon.rotation.strategies import Grade
from tests.rotation.builders import START, key, oauth

MODELS = ["coder", "vision", "other"]
CLOSE_ENOUGH = 1e-4

policies = st.builds(
    Policy,
    strategy=st.sampled_from(Strategy),
    health=st.builds(HealthPolicy, recovery_rate_per_hour=st.sampled_from([0.0, 2.0, 600.0])),
    bucket=st.builds(
        BucketPolicy,
        max_tokens=st.sampled_from([1.0, 3.0, 50.0]),
        regeneration_rate_per_minute=st.sampled_from([0.0, 6.0, 60.0]),
    ),
    session_affinity_bonus=st.sampled_from([0.0, 20.0, 300.0]),
    pid_offset=st.sampled_from([None, 0, 5]),
    breaker=st.builds(BreakerPolicy, failures=st.sampled_from([1, 2, 5])),
    retry_strategy=st.sampled_from(RetryStrategy),
    rate_limit_action=st.sampled_from(RateLimitAction),
    predicts_limits=st.booleans(),
)
accounts = st.builds(
    replace,
    st.one_of(
        st.builds(key, st.sampled_from("abcdef"), secret=st.sampled_from(["sk-1", "sk-2"])),
        st.builds(
            oauth,
            st.sampled_from("ghi"),
            expires_at_ms=st.sampled_from([None, int((START + 4000) * 1000)]),
        ),
    ),
    enabled=st.sampled_from([True, True, True, False]),
    priority=st.sampled_from([0, 0, 0, 1]),
    models=st.sampled_from([None, None, frozenset({"coder"}), frozenset({"coder", "vision"})]),
)
account_files = st.lists(accounts, max_size=7, unique_by=lambda account: account.id)
needs_of_requests = st.builds(
    Needs,
    model=st.sampled_from([None, *MODELS]),
    session=st.sampled_from([None, "s1", "s2"]),
    pid=st.sampled_from([None, 7, 8]),
)
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Served),
    st.builds(Served),
    st.builds(
        RateLimited,
        st.sampled_from([None, 0.5, 30.0, 600.0]),
        st.sampled_from([None, None, "coder"]),
        st.sampled_from(LimitKind),
    ),
    st.builds(Unauthorized),
    st.builds(Failed, st.just("503")),
    st.builds(Cut, st.just("reset")),
    st.builds(RequestRefused, st.just(400)),
    st.builds(Declined, st.just(404)),
    st.builds(ClientGone),
)
durations = st.sampled_from(
    [0.0, 0.3, 1.0, 9.7, 10.0, 61.0, 301.0, 3600.0, 40_000.0, -30.0, -3600.0]
)


class Histories(RuleBasedStateMachine):
    """Two pools live through the same; one is asked for its choice at every step."""

    @initialize(policy=policies, accounts=account_files)
    def begin(self, policy: Policy, accounts: list[Account]) -> None:
        self.now = START
        self.policy = policy
        self.accounts = accounts
        self.ids_before: set[str] = set()
        self.sessions: dict[str, tuple[str, float]] = {}
        self.open: list[tuple[Account, Needs]] = []
        self.pool, self.twin = Pool(policy), Pool(policy)
        for pool in (self.pool, self.twin):
            pool.update_accounts(accounts, self.now)

    @rule(seconds=durations)
    def wait(self, seconds: float) -> None:
        self.now += seconds
        if seconds < 0:
            self.sessions = {name: (who, at + seconds) for name, (who, at) in self.sessions.items()}
        for pool in (self.pool, self.twin):
            pool.views(self.now)

    @rule(needs=needs_of_requests, data=st.data())
    def request(self, needs: Needs, data: st.DataObject) -> None:
        ids = [account.id for account in self.accounts]
        exclude = frozenset(data.draw(st.sets(st.sampled_from(ids), max_size=2)) if ids else ())
        decision = self.pool.choose(needs, self.now, exclude)
        assert decision == self.twin.choose(needs, self.now, exclude)
        self.check(decision, needs, exclude)
        if isinstance(decision, Chosen):
            for pool in (self.pool, self.twin):
                pool.take(decision.account.id, needs, self.now)
            self.open.append((decision.account, needs))

    @rule(outcome=outcomes, jitter=st.floats(0, 0.999), data=st.data())
    def settle(self, outcome: Outcome, jitter: float, data: st.DataObject) -> None:
        if not self.open:
            return
        account, needs = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        paces = {
            pool.settle(account, needs, outcome, self.now, jitter=jitter)
            for pool in (self.pool, self.twin)
        }
        assert len(paces) == 1
        if isinstance(outcome, Served) and needs.session:
            self.sessions[needs.session] = (account.id, self.now)

    @rule(accounts=account_files)
    def edit_the_file(self, accounts: list[Account]) -> None:
        self.ids_before |= {each.id for each in self.accounts}
        self.accounts = accounts
        for pool in (self.pool, self.twin):
            pool.update_accounts(accounts, self.now)

    @rule(data=st.data())
    def reorder_the_file(self, data: st.DataObject) -> None:
        before = {each.id: each for each in self.pool.views(self.now)}
        self.edit_the_file(data.draw(st.permutations(self.accounts)))
        assert {each.id: each for each in self.pool.views(self.now)} == before

    @rule(data=st.data(), remaining=st.integers(0, 3), seconds=st.sampled_from([1.0, 90.0]))
    def hear_of_limits(self, data: st.DataObject, remaining: int, seconds: float) -> None:
        if not self.accounts:
            return
        account = data.draw(st.sampled_from(self.accounts))
        limits = UpstreamLimits((Allowance(remaining, self.now + seconds),))
        for pool in (self.pool, self.twin):
            pool.observe(account.id, limits, self.now)

    @rule()
    def restart(self) -> None:
        """What is written and read again decides like what was in memory, but for what is out."""
        if self.open:
            return
        records = {each.id: self.pool.record(each.id).to_json() for each in self.accounts}
        for pool in (self.pool, self.twin):
            assert pool.dirty() <= records.keys() | self.ids_before
            for name, record in records.items():
                pool.restore(name, AccountRecord.from_json(record))

    @rule(policy=policies)
    def change_the_settings(self, policy: Policy) -> None:
        self.policy = policy
        for pool in (self.pool, self.twin):
            pool.reconfigure(policy, self.now)

    @invariant()
    def scores_stay_within_bounds_and_open_requests_are_counted(self) -> None:
        for each in self.pool.views(self.now):
            assert 0 <= each.health <= 100
            assert 0 <= each.tokens <= self.policy.bucket.max_tokens
            assert each.in_flight == sum(account.id == each.id for account, _ in self.open)

    def teardown(self) -> None:
        if not hasattr(self, "pool"):
            return
        for account, needs in self.open:
            self.pool.settle(account, needs, ClientGone(), self.now)
        assert all(each.in_flight == 0 for each in self.pool.views(self.now))

    def check(self, decision: object, needs: Needs, exclude: frozenset[str]) -> None:
        """The decision is one that the plain way could have come to."""
        views = {each.id: each for each in self.pool.views(self.now)}
        able = [
            account
            for account in self.accounts
            if account.enabled
            and account.allows(needs.model)
            and not views[account.id].needs_sign_in
        ]
        ready = [
            account
            for account in able
            if account.id not in exclude and free_at(views[account.id], needs) <= self.now
        ]
        if not ready:
            free = {account.id: free_at(views[account.id], needs) for account in able}
            self.check_refusal(decision, free, exclude)
            return
        assert isinstance(decision, Chosen)
        assert decision.account in ready
        first = min(account.priority for account in ready)
        assert decision.account.priority == first
        if self.policy.strategy is Strategy.HYBRID:
            rivals = [views[account.id] for account in ready if account.priority == first]
            self.check_is_best(views[decision.account.id], rivals, needs)

    def check_refusal(
        self, decision: object, free: dict[str, float], exclude: frozenset[str]
    ) -> None:
        if not free:
            assert isinstance(decision, NoAccounts | NoneSignedIn)
            return
        cooling = [at for name, at in free.items() if name not in exclude and at > self.now]
        assert not isinstance(decision, Chosen)
        assert isinstance(decision, Limited) == bool(cooling)
        if isinstance(decision, Limited):
            assert decision.free_at == min(cooling)

    def check_is_best(self, choice: AccountView, rivals: list[AccountView], needs: Needs) -> None:
        best = min(map(self.grade, rivals))
        assert self.grade(choice) == best
        fit = [each for each in rivals if self.grade(each) == best]
        score = self.score(choice, needs)
        assert score >= max(self.score(each, needs) for each in fit) - CLOSE_ENOUGH
        equal = [each for each in fit if abs(self.score(each, needs) - score) < CLOSE_ENOUGH / 1000]
        assert tie(choice) == min(map(tie, equal))

    def grade(self, account: AccountView) -> Grade:
        if account.spent_until is not None:
            assert account.grade in (Grade.SPENT, Grade.FULL)
            return account.grade
        least = self.policy.health.min_usable
        is_tired = account.health < least - 1e-9 or account.tokens < 1 - 1e-9
        return Grade.TIRED if is_tired else Grade.FIT

    def score(self, account: AccountView, needs: Needs) -> float:
        """The design's formula, as it stands there."""
        unused = math.inf if account.last_used is None else self.now - account.last_used
        tokens = account.tokens * 50 / self.policy.bucket.max_tokens
        score = account.health * 2 + tokens * 5 + min(unused, 3600) * 0.1
        served_by, at = self.sessions.get(needs.session or "", ("", 0))
        if served_by == account.id and self.now - at <= 300:
            score += self.policy.session_affinity_bonus
        return score


def free_at(account: AccountView, needs: Needs) -> float:
    by_model = dict(account.model_cooling_until)
    return max(
        account.cooling_until or 0,
        account.tripped_until or 0,
        by_model.get(needs.model or "", 0),
    )


def tie(account: AccountView) -> tuple[int, float]:
    return account.in_flight, -math.inf if account.last_used is None else account.last_used


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=1000, stateful_step_count=30, deadline=None)
