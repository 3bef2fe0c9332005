"""Whatever happens in whatever order: what always holds of the requests that wait.

A machine of hypothesis lets requests come, wait, leave and end, while limits, accounts
and settings change, in a world where time passes when it says so. Nobody is lost,
nobody is overtaken, nobody waits for nothing or for too long, and in the end all is
as if nobody had been there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from addon.accounts.account import Account
from addon.broker import (
    ClientGone,
    Cut,
    Declined,
    Failed,
    Lease,
    Needs,
    Outcome,
    RateLimited,
    RequestRefused,
    Served,
    Unauthorized,
)
from addon.errors import ApiError
from addon.rotation.decision import Limited
from addon.settings import Settings
from tests.broker.world import Memory, World, idle, key

T = TypeVar("T")

accounts = st.lists(
    st.builds(
        key,
        st.sampled_from("abc"),
        models=st.sampled_from([None, None, None, frozenset({"coder"})]),
        enabled=st.sampled_from([True, True, True, True, False]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda account: account.id,
)
BREAKER_FAILURES = 2
NOBODY = frozenset[str]()
wishes = st.fixed_dictionaries(
    {
        "needs": st.builds(Needs, model=st.sampled_from([None, None, "coder", "vision"])),
        "exclude": st.sampled_from([NOBODY, NOBODY, NOBODY, frozenset("a"), frozenset("ab")]),
        "limited": st.sampled_from([NOBODY, NOBODY, frozenset("a")]),
        "prefer": st.sampled_from([None, None, None, "b"]),
    }
)
limits = st.builds(
    RateLimited,
    st.sampled_from([None, 0.5, 3.0, 30.0, 30.0, 600.0]),
    st.sampled_from([None, None, None, "coder"]),
)
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    limits,
    limits,
    st.builds(Served),
    st.builds(Failed, st.just("503")),
    st.builds(Cut, st.just("reset")),
    st.builds(Unauthorized),
    st.builds(RequestRefused, st.just(400)),
    st.builds(Declined, st.just(404)),
    st.builds(ClientGone),
)


@dataclass(eq=False)
class Request:
    """One request, from its coming to its end."""

    wish: dict[str, Any]
    came_at: float
    patience_seconds: float
    task: asyncio.Task[Lease] = field(init=False)
    answered_at: float = field(init=False)
    is_settled: bool = False

    @property
    def lease(self) -> Lease | None:
        """What it got, if it got a lease."""
        if not self.task.done() or self.task.cancelled() or self.task.exception() is not None:
            return None
        return self.task.result()

    @property
    def holds(self) -> bool:
        return self.lease is not None and not self.is_settled


class Histories(RuleBasedStateMachine):
    """One broker, and all requests that it ever met."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.requests: list[Request] = []
        self.patience_seconds = 60
        self.missed_seconds = 0.0
        """How much time has passed without anybody noticing."""

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        async def and_all_that_follows() -> T:
            result = await coroutine
            await idle()
            return result

        return self.loop.run_until_complete(and_all_that_follows())

    @initialize(accounts=accounts, limit=limits, jitter=st.sampled_from([0.0, 0.9]))
    def begin(self, accounts: list[Account], limit: RateLimited, jitter: float) -> None:
        self.world = World(Memory(*accounts), self.settings())
        self.world.jitter = jitter
        self.run(self._exhaust(limit))
        self.run(self._come({"needs": Needs()}, 3))

    def settings(self) -> Settings:
        return Settings(
            max_rate_limit_wait_seconds=self.patience_seconds,
            breaker_failures=BREAKER_FAILURES,
            breaker_probe_seconds=5,
        )

    @rule(wish=wishes, several=st.sampled_from([1, 1, 3]))
    def requests_come(self, wish: dict[str, Any], several: int) -> None:
        self.run(self._come(wish, several))

    async def _come(self, wish: dict[str, Any], several: int) -> None:
        for _ in range(several):
            request = Request(wish, self.world.clock.now, self.patience_seconds)
            request.task = asyncio.create_task(self._answer(request))
            self.requests.append(request)
        await idle()

    async def _answer(self, request: Request) -> Lease:
        try:
            return await self.world.broker.acquire(**request.wish)
        finally:
            request.answered_at = self.world.clock.now

    @rule(data=st.data())
    def a_client_leaves(self, data: st.DataObject) -> None:
        waiting = [each for each in self.requests if not each.task.done()]
        if waiting:
            data.draw(st.sampled_from(waiting)).task.cancel()
            self.run(idle())

    @rule(data=st.data())
    def clients_leave_in_the_moment_of_their_turn(self, data: st.DataObject) -> None:
        waiting = [each for each in self.requests if not each.task.done()]
        if not waiting:
            return
        leaving = data.draw(st.lists(st.sampled_from(waiting), unique=True))
        missed_seconds = data.draw(st.sampled_from([0.0, 3.0, 30.0]))
        self.missed_seconds += missed_seconds
        self.world.clock.now += missed_seconds
        self.run(self._turn_and_leave(leaving))

    async def _turn_and_leave(self, leaving: list[Request]) -> None:
        self.world.broker.reconfigure(self.settings())
        for request in leaving:
            request.task.cancel()
        await idle()

    @rule(outcome=outcomes, data=st.data())
    def a_request_ends(self, outcome: Outcome, data: st.DataObject) -> None:
        held = [each for each in self.requests if each.holds]
        if held:
            self.run(self._settle(data.draw(st.sampled_from(held)), outcome))

    async def _settle(self, request: Request, outcome: Outcome) -> None:
        assert request.lease is not None
        request.is_settled = True
        self.world.broker.settle(request.lease, outcome)
        await idle()

    @rule(end=st.one_of(limits, st.builds(Failed, st.just("503"))))
    def all_accounts_run_into_a_limit_or_break_down(self, end: Outcome) -> None:
        self.run(self._exhaust(end))

    async def _exhaust(self, end: Outcome) -> None:
        self.world.broker.reload()
        for request in self.requests:
            if request.holds:
                await self._settle(request, end)
        for view in self.world.broker.snapshot():
            if not view.enabled or view.needs_sign_in or view.cooling_until is not None:
                continue
            for _ in range(BREAKER_FAILURES if isinstance(end, Failed) else 1):
                await self._come({"needs": Needs(model="coder"), "prefer": view.id}, 1)
                if self.requests[-1].holds:
                    await self._settle(self.requests[-1], end)

    @rule(seconds=st.sampled_from([0.05, 0.5, 1.0, 3.0, 30.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.world.clock.advance(seconds))

    @rule(accounts=accounts)
    def the_file_is_edited(self, accounts: list[Account]) -> None:
        self.world.memory.only(*accounts)

    @rule(seconds=st.sampled_from([0, 10, 60, 300]))
    def the_settings_change(self, seconds: int) -> None:
        self.patience_seconds = seconds
        self.run(self._reconfigure())

    async def _reconfigure(self) -> None:
        self.world.broker.reconfigure(self.settings())
        await idle()

    @invariant()
    def nobody_is_lost(self) -> None:
        broker = self.world.broker
        waiting = sum(not each.task.done() for each in self.requests)
        held = sum(each.holds for each in self.requests)
        assert broker.waiting + broker.open_leases == waiting + held

    @invariant()
    def nobody_is_overtaken(self) -> None:
        last: dict[tuple[object, ...], int] = {}
        for request in self.requests:
            if request.lease is None:
                continue
            kind = tuple(map(repr, request.wish.values()))
            assert request.lease.id > last.get(kind, 0)
            last[kind] = request.lease.id

    @invariant()
    def nobody_waits_in_vain(self) -> None:
        line, now = self.world.broker._line, self.world.clock.now
        for waiting in line._waiting:
            decision = line._source.decide(waiting.wish, now)
            assert isinstance(decision, Limited)
            assert now < decision.free_at <= waiting.patience_ends
        next_ring = self.world.clock.next_ring
        assert not line._waiting or (next_ring is not None and next_ring <= now + 1)

    @invariant()
    def nobody_waits_for_too_long(self) -> None:
        for request in self.requests:
            if request.lease is not None:
                longest = request.patience_seconds + self.missed_seconds
                assert request.lease.waited_seconds <= longest + 0.01
                assert request.answered_at >= request.lease.taken_at

    @invariant()
    def who_is_turned_away_is_told_for_how_long(self) -> None:
        for request in self.requests:
            if not request.task.done() or request.task.cancelled():
                continue
            error = request.task.exception()
            assert error is None or isinstance(error, ApiError)
            if error is not None and error.status == 429:
                assert error.retry_after_seconds is not None
                free_at = request.answered_at + error.retry_after_seconds
                assert free_at > request.came_at + request.patience_seconds

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.run(self._everybody_leaves())
        self.loop.close()

    async def _everybody_leaves(self) -> None:
        broker = self.world.broker
        for request in self.requests:
            request.task.cancel()
        await idle()
        for request in self.requests:
            if request.holds and request.lease is not None:
                broker.settle(request.lease, ClientGone())
        assert (broker.waiting, broker.open_leases) == (0, 0)
        assert all(view.in_flight == 0 for view in broker.snapshot())
        await broker.stop()
        assert self.world.clock.next_ring is None


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
