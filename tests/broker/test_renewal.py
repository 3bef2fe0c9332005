"""Tokens: renewed ahead of need, while requests wait, and after a 401."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from addon.accounts.account import Account
from addon.broker import LeaseNotOpen, RateLimited, Served, Unauthorized
from addon.errors import ApiError
from addon.oauth import RefreshFailed, SignInNeeded
from addon.settings import Settings
from tests.broker.world import (
    CODER,
    START,
    Memory,
    World,
    begin_tasks_at_once,
    idle,
    key,
    signed_in,
)

NOT_AHEAD = Settings(proactive_refresh=False)


def world_of(*accounts: Account, settings: Settings | None = None) -> World:
    return World(Memory(*accounts), settings)


# While a request waits


async def test_a_token_that_is_good_is_used_as_it_is() -> None:
    world = world_of(signed_in("a"))

    assert (await world.acquire()).token == "token"
    assert world.refresher.asked == []


@pytest.mark.parametrize("dead", [signed_in("a", seconds=0), signed_in("a", token=None)])
async def test_a_token_that_is_dead_is_renewed_before_it_is_used(dead: Account) -> None:
    world = world_of(dead, settings=NOT_AHEAD)

    lease = await world.acquire()

    assert lease.token == "token-1-of-a"
    assert lease.account.credential != dead.credential


async def test_those_who_wait_for_the_same_token_share_one_renewal() -> None:
    world = world_of(signed_in("a", seconds=0))
    world.refresher.held = asyncio.Event()
    waiting = [await world.ask() for _ in range(10)]

    world.refresher.held.set()
    await idle()

    assert {each.result().token for each in waiting} == {"token-1-of-a"}
    assert len(world.refresher.asked) == 1


async def test_a_renewal_goes_on_when_the_client_leaves() -> None:
    world = world_of(signed_in("a", seconds=0))
    world.refresher.held = asyncio.Event()
    leaver = await world.ask()

    leaver.cancel()
    await idle()
    assert world.broker.open_leases == 0
    world.refresher.held.set()
    await idle()

    assert (await world.acquire()).token == "token-1-of-a"
    assert len(world.refresher.asked) == 1


async def test_where_a_token_cannot_be_renewed_the_next_account_serves() -> None:
    world = world_of(signed_in("a", seconds=0), key("b"))
    world.refresher.trouble = RefreshFailed("The server is down.")

    assert [await world.serve() for _ in range(4)] == ["b"] * 4
    assert len(world.refresher.asked) == 1
    assert [view.in_flight for view in world.broker.snapshot()] == [0, 0]
    assert world.broker.snapshot()[0].health == 70


async def test_a_renewal_that_fails_at_once_is_a_failure_like_another() -> None:
    begin_tasks_at_once()
    world = world_of(signed_in("a", seconds=0), signed_in("b", seconds=0), key("c"))
    world.refresher.trouble = RefreshFailed("The file cannot be written.")
    world.broker.start()

    assert [await world.serve() for _ in range(4)] == ["c"] * 4
    assert len(world.refresher.asked) == 2


async def test_a_slow_renewal_is_waited_for_a_short_while_only_where_another_can_serve() -> None:
    world = world_of(signed_in("a", seconds=0), signed_in("b", seconds=0), key("c"))
    world.refresher.held = asyncio.Event()

    assert await world.serve() == "c"
    assert 0 < world.clock.now - START <= 5
    waited_until = world.clock.now
    assert [await world.serve() for _ in range(3)] == ["c"] * 3
    assert world.clock.now == waited_until
    assert [view.in_flight for view in world.broker.snapshot()] == [0, 0, 0]

    world.refresher.held.set()
    await idle()
    assert {await world.serve() for _ in range(4)} >= {"a", "b"}
    assert [account.id for account in world.refresher.asked] == ["a", "b"]


async def test_a_slow_renewal_is_waited_for_where_it_is_the_only_way() -> None:
    world = world_of(signed_in("a", seconds=0), key("b"))
    world.refresher.held = asyncio.Event()
    limited = await world.acquire()
    assert limited.account.name == "b"
    world.broker.settle(limited, RateLimited(600))
    waiting = await world.ask()
    await world.clock.advance(60)
    assert not waiting.done()

    world.refresher.held.set()
    await idle()

    assert waiting.result().token == "token-1-of-a"


async def test_who_leaves_while_a_renewal_is_slow_leaves_nothing_behind() -> None:
    world = world_of(signed_in("a", seconds=0), key("b"))
    world.refresher.held = asyncio.Event()
    leaver = await world.ask()
    leaver.cancel()
    await idle()
    assert world.broker.open_leases == 0

    world.refresher.held.set()
    await idle()
    assert (await world.acquire(prefer="a")).token == "token-1-of-a"


async def test_where_no_token_can_be_renewed_the_answer_says_why() -> None:
    world = world_of(signed_in("a", seconds=0))
    world.refresher.trouble = RefreshFailed("The server is down.")

    refused = await world.refusal()

    assert (refused.status, refused.code) == (502, "upstream_unreachable")
    assert refused.message == "The server is down."
    assert (await world.refusal()).message == "The server is down."


async def test_after_a_failure_it_is_tried_again_ever_less_often(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = world_of(signed_in("a", seconds=0), settings=NOT_AHEAD)
    world.refresher.trouble = RefreshFailed("The server is down.")
    tried_at: list[float] = []
    for _ in range(100):
        await world.refusal()
        if len(world.refresher.asked) > len(tried_at):
            tried_at.append(world.clock.now - START)
        await world.clock.advance(5)

    assert tried_at == [0, 5, 15, 35, 75, 155, 315]
    assert caplog.text.count("The server is down.") == 1


async def test_a_sign_in_that_is_over_is_told_once_and_not_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = world_of(signed_in("a", seconds=0), key("b"))
    world.refresher.trouble = SignInNeeded("Run this.")

    assert [await world.serve() for _ in range(3)] == ["b"] * 3
    assert caplog.text.count("Run this.") == 1
    assert len(world.refresher.asked) == 1
    assert world.broker.snapshot()[0].needs_sign_in


async def test_an_account_that_was_signed_in_again_serves_again() -> None:
    world = world_of(signed_in("a", seconds=0))
    world.refresher.trouble = SignInNeeded("Run this.")
    assert (await world.refusal()).code == "reauthentication_required"

    world.memory.put(signed_in("a", token="new"))

    assert (await world.acquire()).token == "new"


async def test_an_account_that_is_switched_off_before_it_has_a_token_is_passed_over() -> None:
    off = signed_in("a", token=None)
    world = world_of(key("b"), off)
    await world.meet(RateLimited(3600))
    await world.acquire()
    world.memory.put(off)  # the token that was renewed is lost again
    delayed = await world.ask()  # not at the same moment as the one before it
    assert (delayed.done(), world.broker.open_leases) == (False, 2)

    world.memory.put(Account(off.id, off.credential, enabled=False))
    world.broker.reload()
    await world.clock.advance(1)

    assert isinstance(delayed.exception(), ApiError)
    assert world.broker.open_leases == 1


async def test_a_plain_key_is_never_renewed() -> None:
    world = world_of(key("a"))
    world.broker.start()
    await world.serve()

    assert world.refresher.asked == []


# Ahead of need


async def test_a_token_that_is_about_to_expire_is_renewed_while_the_request_goes_on() -> None:
    world = world_of(signed_in("a", seconds=200))
    world.refresher.held = asyncio.Event()

    lease = await world.acquire()
    assert lease.token == "token"
    world.refresher.held.set()
    await idle()

    assert (await world.acquire()).token == "token-1-of-a"


async def test_where_it_is_not_wanted_no_token_is_renewed_ahead_of_need() -> None:
    world = world_of(signed_in("a", seconds=200), settings=NOT_AHEAD)
    world.broker.start()

    assert (await world.acquire()).token == "token"
    await world.clock.advance(199)
    assert world.refresher.asked == []


async def test_tokens_are_kept_fresh_without_any_request() -> None:
    world = world_of(signed_in("a", seconds=1000), signed_in("b", seconds=5000))
    world.broker.start()

    await world.clock.advance(699)
    assert world.refresher.asked == []
    await world.clock.advance(1)
    assert [account.id for account in world.refresher.asked] == ["a"]
    await world.clock.advance(3600)  # a's new token was good for 3600 - 300 seconds
    assert [account.id for account in world.refresher.asked] == ["a", "a"]


async def test_between_two_renewals_nobody_looks_at_the_clock() -> None:
    world = world_of(signed_in("a", seconds=1000), signed_in("b", seconds=5000))
    world.broker.start()

    assert world.clock.next_ring == START + 700


async def test_processes_that_share_a_file_do_not_renew_at_the_same_moment() -> None:
    world = world_of(signed_in("a", seconds=1000))
    world.jitter = 0.5
    world.broker.start()

    assert world.clock.next_ring == START + 700 + 30


async def test_a_token_that_another_process_has_renewed_is_not_renewed_again() -> None:
    world = world_of(signed_in("a", seconds=1000))
    world.broker.start()

    world.memory.put(signed_in("a", seconds=4000, token="of another"))
    await world.clock.advance(3000)

    assert world.refresher.asked == []


async def test_tokens_that_live_shorter_than_the_window_are_not_renewed_without_end() -> None:
    world = world_of(signed_in("a", seconds=60))
    world.refresher.lifetime_seconds = 60
    world.broker.start()

    await world.clock.advance(600)

    assert len(world.refresher.asked) == 1 + 600 / 30


async def test_a_server_that_gives_dead_tokens_is_not_asked_without_end() -> None:
    world = world_of(signed_in("a", seconds=0))
    world.refresher.lifetime_seconds = 0
    world.broker.start()

    await world.clock.advance(10)

    assert len(world.refresher.asked) == 1 + 10 / 0.5


async def test_of_many_tokens_only_a_few_are_renewed_at_once() -> None:
    world = world_of(*(signed_in(f"n{number}", seconds=0) for number in range(10)))
    world.refresher.held = asyncio.Event()
    world.broker.start()
    await idle()

    assert len(world.refresher.asked) == 4
    world.refresher.held.set()
    await idle()
    assert len(world.refresher.asked) == 10


async def test_accounts_that_are_out_of_use_are_not_kept_fresh() -> None:
    off = signed_in("off", seconds=0)
    over = signed_in("over", seconds=0)
    world = world_of(
        Account(off.id, off.credential, enabled=False),
        Account(over.id, over.credential, requires_reauth=True),
        signed_in("without a date", seconds=None),
    )
    world.broker.start()

    await world.clock.advance(10_000)

    assert world.refresher.asked == []


async def test_the_keeper_goes_on_after_failures() -> None:
    world = world_of(signed_in("a", seconds=1000))
    world.refresher.trouble = RefreshFailed("The server is down.")
    world.broker.start()
    await world.clock.advance(800)
    tries = len(world.refresher.asked)
    assert tries > 1

    world.refresher.trouble = None
    await world.clock.advance(200)

    assert len(world.refresher.asked) == tries + 1
    assert (await world.acquire()).token == f"token-{tries + 1}-of-a"


async def test_a_fault_of_our_own_is_a_failure_like_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = world_of(signed_in("a", seconds=0))
    world.refresher.trouble = ZeroDivisionError("a secret")
    world.broker.start()
    await world.clock.advance(60)

    assert len(world.refresher.asked) == 4
    assert "ZeroDivisionError" in (await world.refusal()).message
    assert "a secret" not in caplog.text


async def test_settings_of_renewal_take_effect_at_once() -> None:
    world = world_of(signed_in("a", seconds=1000))
    world.broker.start()

    world.broker.reconfigure(Settings(refresh_window_seconds=100))
    assert world.clock.next_ring == START + 900
    world.broker.reconfigure(NOT_AHEAD)
    assert world.clock.next_ring is None


async def test_other_oauth_servers_are_used_from_the_next_renewal_on() -> None:
    world = world_of(signed_in("a"))
    before = world.refresher.endpoint

    world.broker.reconfigure(Settings(max_attempts=5))
    assert world.refresher.endpoint is before
    world.broker.reconfigure(Settings(oauth_base_url="https://sign-in.example"))
    assert world.refresher.endpoint is not before


async def test_once_stopped_the_keeper_is_quiet() -> None:
    world = world_of(signed_in("a", seconds=1000))
    world.broker.start()

    await world.broker.stop()

    assert world.clock.next_ring is None


async def test_a_renewal_that_has_begun_is_waited_for_at_the_end() -> None:
    world = world_of(signed_in("a", seconds=0))
    world.refresher.held = asyncio.Event()
    world.broker.start()
    stopping = asyncio.create_task(world.broker.stop())
    await idle()
    assert not stopping.done()

    world.refresher.held.set()
    await stopping

    (account,) = world.memory.load().accounts
    assert account.token() == "token-1-of-a"


# After a 401


async def test_after_a_401_the_same_account_goes_on_with_another_token() -> None:
    world = world_of(signed_in("a"))
    lease = await world.acquire()

    again = await world.broker.after_unauthorized(lease)

    assert again is not None
    assert (again.account.name, again.token) == ("a", "token-1-of-a")
    assert world.broker.open_leases == 1
    with pytest.raises(LeaseNotOpen):
        world.broker.settle(lease, Unauthorized())
    world.broker.settle(again, Served())
    assert world.broker.open_leases == 0
    assert world.broker.snapshot()[0].health == 71


async def test_after_a_401_a_slow_renewal_is_left_to_others_to_wait_for() -> None:
    world = world_of(signed_in("a"), key("b"))
    world.refresher.held = asyncio.Event()
    refused = [await world.acquire(prefer="a") for _ in range(2)]

    renewing = world.broker.after_unauthorized(refused[0])
    assert await world.clock.give_time(renewing) is None
    assert 0 < world.clock.now - START <= 5
    alone = asyncio.create_task(world.broker.after_unauthorized(refused[1], exclude=frozenset("b")))
    await world.clock.advance(60)
    assert not alone.done()

    world.refresher.held.set()
    again = await alone
    assert again is not None
    assert again.token == "token-1-of-a"
    world.broker.settle(again, Served())
    assert world.broker.open_leases == 0


async def test_many_401s_of_one_token_are_one_renewal() -> None:
    world = world_of(signed_in("a"))
    leases = [await world.acquire() for _ in range(5)]

    again = await asyncio.gather(*map(world.broker.after_unauthorized, leases))

    assert {each and each.token for each in again} == {"token-1-of-a"}
    assert len(world.refresher.asked) == 1


async def test_a_401_that_comes_late_is_answered_with_the_token_that_is_there_by_then() -> None:
    world = world_of(signed_in("a"))
    early, late = await world.acquire(), await world.acquire()
    await world.broker.after_unauthorized(early)

    again = await world.broker.after_unauthorized(late)

    assert again is not None
    assert again.token == "token-1-of-a"
    assert len(world.refresher.asked) == 1


async def test_a_second_401_is_the_end_of_the_account_for_that_token() -> None:
    world = world_of(signed_in("a"))
    again = await world.broker.after_unauthorized(await world.acquire())
    assert again is not None

    assert await world.broker.after_unauthorized(again) is None

    assert world.broker.open_leases == 0
    assert (await world.refusal()).code == "reauthentication_required"
    assert len(world.refresher.asked) == 1


async def test_a_key_that_is_refused_has_no_second_chance(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = world_of(key("a"))

    assert await world.broker.after_unauthorized(await world.acquire()) is None
    assert (await world.refusal()).code == "reauthentication_required"
    assert "Account a is left out" in caplog.text


async def test_a_refused_key_is_tried_again_ever_less_often_and_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    world = world_of(key("a"))
    tried_at = []
    for _ in range(2000):
        with suppress(ApiError):
            lease = await world.broker.acquire(CODER)
            tried_at.append(world.clock.now - START)
            assert await world.broker.after_unauthorized(lease) is None
        await world.clock.advance(1)
    assert tried_at == [0, 60, 180, 420, 900, 1800]
    assert caplog.text.count("Account a is left out") == 1

    await world.clock.advance(900)
    await world.serve()
    await world.serve()

    assert caplog.text.count("Account a is accepted again") == 1
    await world.meet(Unauthorized())
    assert caplog.text.count("Account a is left out") == 2


async def test_a_refused_sign_in_is_tried_again_without_another_renewal() -> None:
    world = world_of(signed_in("a"))
    again = await world.broker.after_unauthorized(await world.acquire())
    assert again is not None
    assert await world.broker.after_unauthorized(again) is None

    for seconds in (60, 120, 240):
        await world.clock.advance(seconds)
        assert await world.broker.after_unauthorized(await world.acquire()) is None
    assert len(world.refresher.asked) == 1

    world.memory.put(signed_in("a", token="of a new sign-in"))
    assert await world.broker.after_unauthorized(await world.acquire()) is not None
    assert len(world.refresher.asked) == 2


async def test_while_the_others_are_limited_a_refused_key_is_tried_and_not_waited_for() -> None:
    world = world_of(key("a"), key("b"), settings=Settings(max_rate_limit_wait_seconds=100))
    await world.meet(Unauthorized())
    await world.meet(RateLimited(90))

    waiting = await world.ask()
    await world.clock.advance(59)
    assert not waiting.done()
    await world.clock.advance(1)
    assert (await waiting).account.name == "a"
    world.broker.settle(await waiting, Unauthorized())
    await world.meet(RateLimited(3600))

    assert (await world.refusal()).code == "rate_limit_exceeded"


async def test_after_a_401_a_sign_in_that_is_over_ends_the_account() -> None:
    world = world_of(signed_in("a"))
    world.refresher.trouble = SignInNeeded("Run this.")

    assert await world.broker.after_unauthorized(await world.acquire()) is None
    assert (await world.refusal()).code == "reauthentication_required"


async def test_after_a_401_a_token_that_cannot_be_renewed_yet_counts_as_dead() -> None:
    world = world_of(signed_in("a"))
    world.broker.start()
    world.refresher.trouble = RefreshFailed("The server is down.")
    lease = await world.acquire()

    assert await world.broker.after_unauthorized(lease) is None
    assert (await world.refusal()).message == "The server is down."
    world.refresher.trouble = None
    await world.clock.advance(10)  # the keeper tries again

    assert (await world.acquire()).token == "token-2-of-a"


async def test_a_client_that_leaves_during_a_renewal_keeps_its_lease_to_settle() -> None:
    world = world_of(signed_in("a"))
    world.refresher.held = asyncio.Event()
    lease = await world.acquire()
    task = asyncio.create_task(world.broker.after_unauthorized(lease))
    await idle()

    task.cancel()
    await idle()

    assert world.broker.open_leases == 1
    world.broker.settle(lease, Unauthorized())
    assert world.broker.open_leases == 0
