"""Requests that wait for an account: for how long, in which order, and how they leave."""

from __future__ import annotations

import asyncio

import pytest

from addon.broker import Failed, Lease, LimitKind, Needs, RateLimited, Served
from addon.errors import ApiError
from addon.settings import Settings
from tests.broker.world import CODER, START, Memory, World, idle, key

VISION = Needs(model="vision")


async def limited_world(*seconds: float, settings: Settings | None = None) -> World:
    """A world of accounts ``a``, ``b`` …, each limited for so long."""
    world = World(
        Memory(*(key(name) for name, _ in zip("abcdef", seconds, strict=False))), settings
    )
    for each in seconds:
        await world.meet(RateLimited(each))
    return world


def told(task: asyncio.Task[Lease]) -> ApiError:
    """What the request was told instead of a lease."""
    error = task.exception()
    assert isinstance(error, ApiError)
    return error


def leased(task: asyncio.Task[Lease]) -> str:
    return task.result().account.name


# For how long


async def test_a_request_waits_until_the_first_account_comes_free() -> None:
    world = await limited_world(90.5, 30.25)

    lease = await world.acquire()

    assert lease.account.name == "b"
    assert world.clock.now == START + 30.25
    assert lease.waited_seconds == 30.25


async def test_a_wait_longer_than_allowed_is_not_begun() -> None:
    world = await limited_world(301)

    assert told(await world.ask()).retry_after_seconds == 301
    assert world.broker.waiting == 0


async def test_what_a_request_has_waited_before_counts() -> None:
    world = await limited_world(200)

    assert told(await world.ask(waited_seconds=101)).retry_after_seconds == 200
    waiting = await world.ask(waited_seconds=99)
    await world.clock.advance(200)

    assert (await waiting).waited_seconds == 299


async def test_when_all_are_limited_the_answer_says_exactly_for_how_long() -> None:
    world = await limited_world(90.5, 30.25, settings=Settings(max_rate_limit_wait_seconds=0))
    await world.clock.advance(10)

    refused = await world.refusal()

    assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
    assert refused.headers()["retry-after"] == "21"
    assert refused.headers()["retry-after-ms"] == "20250"


async def test_the_answer_repeats_what_the_first_to_come_free_was_refused_with() -> None:
    world = World(Memory(key("a"), key("b")), Settings(max_rate_limit_wait_seconds=0))
    await world.meet(RateLimited(60, reason="Slow down."))
    await world.meet(RateLimited(3600, kind=LimitKind.DAY, reason="Come back tomorrow."))

    assert (await world.refusal()).message.endswith("in 60 s. Its last refusal: Slow down.")
    assert (await world.refusal(CODER, "a")).message.endswith("Come back tomorrow.")


async def test_where_failures_are_why_nobody_serves_no_old_refusal_is_repeated() -> None:
    settings = Settings(max_rate_limit_wait_seconds=0, breaker_failures=1)
    world = World(Memory(key("a")), settings)
    await world.meet(RateLimited(1, reason="Slow down."))
    await world.clock.advance(61)
    await world.meet(Failed("503"))

    assert (await world.refusal()).message.endswith("free again in 30 s.")


async def test_a_wait_ends_at_once_when_it_has_become_too_long() -> None:
    world = World(Memory(key("a")))
    slow = await world.acquire()
    await world.meet(RateLimited(60))
    waiting = await world.ask()
    await world.clock.advance(20)

    world.broker.settle(slow, RateLimited(3600))
    await idle()

    assert told(waiting).retry_after_seconds == 3600


async def test_an_account_that_is_limited_again_is_waited_for_again() -> None:
    world = World(Memory(key("a")))
    slow = await world.acquire()
    await world.meet(RateLimited(60))
    waiting = await world.ask()

    world.broker.settle(slow, RateLimited(200))
    await world.clock.advance(199)
    assert not waiting.done()
    await world.clock.advance(1)

    assert leased(waiting) == "a"


# In which order


async def test_who_came_first_is_served_first() -> None:
    world = await limited_world(30)
    order: list[int] = []

    async def request(number: int) -> None:
        await world.broker.acquire(CODER)
        order.append(number)

    async with asyncio.TaskGroup() as requests:
        for number in range(10):
            requests.create_task(request(number))
        await idle()
        await world.clock.advance(40)

    assert order == list(range(10))


async def test_nobody_overtakes_those_who_wait() -> None:
    world = await limited_world(30)
    first = await world.ask()
    world.clock.now += 30  # and no timer has rung yet

    late = await world.ask()
    await world.clock.advance(5)

    assert first.result().id < late.result().id


async def test_nobody_waits_behind_a_request_for_another_model() -> None:
    world = World(Memory(key("a", models=frozenset({"coder"})), key("b")))
    await world.meet(RateLimited(60))
    await world.meet(RateLimited(30, model="coder"))
    await world.clock.advance(5)
    coder = await world.ask(CODER)

    vision = await world.ask(VISION)

    assert leased(vision) == "b"
    await world.clock.advance(25)
    assert leased(coder) == "b"


async def test_many_who_were_waiting_do_not_start_all_at_once() -> None:
    world = await limited_world(30)
    waiting = [await world.ask() for _ in range(5)]
    await world.clock.advance(30)

    assert sum(each.done() for each in waiting) == 1
    await world.clock.advance(2)
    assert all(each.done() for each in waiting)


# What ends a wait early


async def test_an_account_that_is_added_to_the_file_ends_the_wait_within_a_second() -> None:
    world = await limited_world(300)
    waiting = await world.ask()

    world.memory.put(key("new"))
    await world.clock.advance(1)

    assert leased(waiting) == "new"


async def test_a_change_that_anybody_notices_ends_the_wait_at_once() -> None:
    world = await limited_world(300)
    waiting = await world.ask()

    world.memory.put(key("new"))
    world.broker.reload()
    await idle()

    assert leased(waiting) == "new"


async def test_an_account_that_recovers_while_it_is_probed_ends_the_wait() -> None:
    world = World(Memory(key("a")), Settings(breaker_failures=1, breaker_probe_seconds=30))
    await world.meet(Failed("503"))
    probe, waiting = await world.ask(), await world.ask()
    await world.clock.advance(30)
    assert (probe.done(), waiting.done()) == (True, False)

    world.broker.settle(probe.result(), Served())
    await world.clock.advance(0.5)

    assert leased(waiting) == "a"


async def test_less_patience_ends_the_wait_of_those_who_come_later_only() -> None:
    world = await limited_world(100)
    waiting = await world.ask()

    world.broker.reconfigure(Settings(max_rate_limit_wait_seconds=5))

    assert told(await world.ask()).retry_after_seconds == 100
    assert not waiting.done()
    waiting.cancel()


async def test_when_no_account_is_left_the_wait_ends_with_the_reason() -> None:
    world = await limited_world(100)
    waiting = await world.ask()

    world.memory.only(key("a", enabled=False))
    world.broker.reload()
    await idle()

    assert told(waiting).code == "no_accounts"


async def test_a_clock_that_jumps_ahead_ends_the_wait() -> None:
    world = await limited_world(200)
    waiting = await world.ask()
    rings_at = world.clock.next_ring
    assert rings_at is not None

    world.clock.set_ahead(3600)
    await world.clock.advance(1)

    assert leased(waiting) == "a"


# How a request leaves


async def test_a_client_that_leaves_frees_its_place_at_once() -> None:
    world = await limited_world(30)
    leaver, stayer = await world.ask(), await world.ask()

    leaver.cancel()
    await idle()

    assert world.broker.waiting == 1
    await world.clock.advance(30)
    assert leased(stayer) == "a"
    assert world.broker.open_leases == 1


async def test_a_client_that_leaves_in_the_moment_of_its_turn_leaves_nothing_behind() -> None:
    world = await limited_world(30)
    leaver = await world.ask()
    world.clock.now += 30
    world.broker.reconfigure(Settings())  # its turn: it just has not run yet

    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver

    assert (world.broker.waiting, world.broker.open_leases) == (0, 0)
    assert [view.in_flight for view in world.broker.snapshot()] == [0]


async def test_what_a_client_gives_back_in_the_moment_of_its_turn_goes_to_the_next() -> None:
    settings = Settings(breaker_failures=1, breaker_probe_seconds=30)
    world = World(Memory(key("a")), settings)
    await world.meet(Failed("503"))
    leaver, stayer = await world.ask(), await world.ask()
    world.clock.now += 30
    world.broker.reconfigure(settings)  # one may go to see whether it serves again

    leaver.cancel()
    await idle()

    assert leased(stayer) == "a"


async def test_a_client_that_has_just_left_is_not_called_up() -> None:
    world = await limited_world(30)
    leaver, stayer = await world.ask(), await world.ask()
    world.clock.now += 30

    leaver.cancel()
    world.broker.reconfigure(Settings())  # before the one who left has noticed it itself
    await idle()

    assert leased(stayer) == "a"
    assert world.broker.open_leases == 1


async def test_a_client_that_leaves_before_its_start_leaves_nothing_behind() -> None:
    world = World(Memory(key("a"), key("b")))
    await world.meet(RateLimited(300))
    first, second = await world.ask(), await world.ask()
    assert (first.done(), second.done(), world.broker.open_leases) == (True, False, 2)

    second.cancel()
    await idle()

    assert world.broker.open_leases == 1


async def test_when_the_proxy_stops_whoever_waits_is_told() -> None:
    world = await limited_world(30)
    waiting = await world.ask()

    await world.broker.stop()
    await idle()

    assert told(waiting).retry_after_seconds == 30


# Which account, once others have refused


async def test_an_account_that_refused_the_request_is_asked_again_once_no_other_is_left() -> None:
    world = World(Memory(key("a"), key("b")))
    await world.meet(RateLimited(2))
    both, limited = frozenset("ab"), frozenset("a")

    lease = await world.acquire(exclude=both, limited=limited)

    assert lease.account.name == "a"
    assert lease.waited_seconds == 2


async def test_an_account_whose_limit_is_over_is_asked_again_at_once() -> None:
    world = await limited_world(2)
    await world.clock.advance(5)

    lease = await world.acquire(exclude=frozenset("a"), limited=frozenset("a"))

    assert (lease.account.name, lease.waited_seconds) == ("a", 0)


async def test_nobody_waits_for_an_account_that_is_excluded() -> None:
    world = await limited_world(10, 20)

    waiting = asyncio.create_task(world.broker.acquire(CODER, exclude=frozenset("a")))
    await world.clock.advance(10)
    assert not waiting.done()
    await world.clock.advance(10)

    assert leased(waiting) == "b"


async def test_where_all_are_excluded_nobody_waits_at_all() -> None:
    world = await limited_world(10)

    refused = await world.refusal(CODER, "a")

    assert (refused.status, world.clock.now) == (502, START)


async def test_a_request_may_stay_with_the_account_that_it_prefers() -> None:
    world = World(Memory(*(key(name) for name in "abc")))

    for _ in range(5):
        assert (await world.acquire(exclude=frozenset("b"), prefer="b")).account.name == "b"
    assert (await world.acquire(prefer="gone")).account.name in "ac"


async def test_a_short_limit_may_be_waited_out_on_the_same_account() -> None:
    world = World(Memory(key("a"), key("b")), Settings(rate_limit_action="pace"))
    lease = await world.acquire()

    assert world.broker.settle(lease, RateLimited(3)) == 3
    world.broker.reconfigure(Settings(rate_limit_action="rotate"))
    other = await world.acquire()
    assert world.broker.settle(other, RateLimited(3)) is None
