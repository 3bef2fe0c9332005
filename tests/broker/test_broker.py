"""Acquire and settle, over a real accounts file."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from pathlib import Path

import pytest

from addon.accounts.account import Account, ApiKeyCredential
from addon.broker import (
    ClientGone,
    Failed,
    Lease,
    LeaseNotOpen,
    Needs,
    RateLimited,
    Served,
    Unauthorized,
)
from addon.errors import ApiError
from addon.settings import Settings
from tests.broker.world import CODER, KEY, START, Memory, World, a_key, file_world
from tests.support.accounts import api_key_account, oauth_account

NO_PATIENCE = Settings(max_rate_limit_wait_seconds=0)


@pytest.fixture
def desk(tmp_path: Path) -> World:
    return file_world(tmp_path / "opencode" / "accounts.json")


# What a lease holds


async def test_a_lease_holds_all_that_the_wire_needs(desk: World) -> None:
    desk.write(a_key("work", modelMap={"coder": "qwen3-coder-plus"}))

    lease = await desk.acquire()

    assert lease.account.name == "work"
    assert lease.token == f"{KEY}-work"
    assert lease.base_url == "https://keys.example/v1"
    assert lease.upstream_model == "qwen3-coder-plus"
    assert lease.taken_at == START


async def test_a_request_without_a_model_gets_a_lease_without_one(desk: World) -> None:
    desk.write(a_key("work"))

    assert (await desk.acquire(Needs())).upstream_model is None


async def test_a_lease_never_shows_its_token(desk: World) -> None:
    desk.write(a_key("work"))

    assert KEY not in repr(await desk.acquire())


async def test_an_oauth_account_goes_to_its_own_resource(desk: World) -> None:
    desk.write(oauth_account("token-of-the-portal", resource_url="portal.example"))

    lease = await desk.acquire()

    assert (lease.token, lease.base_url) == ("token-of-the-portal", "https://portal.example/v1")
    assert desk.broker.base_urls() == {"https://portal.example/v1"}


async def test_a_base_url_that_the_user_set_outranks_the_resource(desk: World) -> None:
    desk.write(oauth_account("token", resource_url="portal.example"))
    await desk.serve()

    desk.broker.reconfigure(Settings(base_url="https://mine.example/v1"))

    assert (await desk.acquire()).base_url == "https://mine.example/v1"


# Settling


async def test_leases_are_counted_until_they_are_settled(desk: World) -> None:
    desk.write(a_key("work"))
    first, second = await desk.acquire(), await desk.acquire()

    assert first.id != second.id
    assert desk.broker.open_leases == 2
    desk.broker.settle(first, Served())
    desk.broker.settle(second, ClientGone())
    assert desk.broker.open_leases == 0
    assert [each.in_flight for each in desk.broker.snapshot()] == [0]


async def test_a_lease_is_settled_once_and_no_more(desk: World) -> None:
    desk.write(a_key("work"))
    lease = await desk.acquire()
    desk.broker.settle(lease, Served())

    with pytest.raises(LeaseNotOpen, match="work"):
        desk.broker.settle(lease, Failed("503"))
    assert desk.broker.snapshot()[0].health == 71


async def test_a_lease_outlives_its_account(desk: World) -> None:
    desk.write(a_key("work"), a_key("home"))
    lease = await desk.acquire()
    desk.write(a_key("home"))
    await desk.serve()

    desk.broker.settle(lease, Served())

    assert desk.broker.open_leases == 0


async def test_requests_at_the_same_moment_spread_out(desk: World) -> None:
    desk.write(*(a_key(name) for name in "abcde"))

    leases: list[Lease] = await asyncio.gather(*(desk.broker.acquire(CODER) for _ in range(50)))

    assert set(Counter(lease.account.name for lease in leases).values()) == {10}


# Why there is no account


async def test_without_a_file_the_answer_says_which_and_how(desk: World) -> None:
    refused = await desk.refusal()

    assert (refused.status, refused.code) == (401, "no_accounts")
    assert str(desk.path) in refused.message
    assert "qwen-proxy accounts add" in refused.message


async def test_without_an_account_the_answer_says_so(desk: World) -> None:
    desk.write()

    refused = await desk.refusal()

    assert (refused.status, refused.code) == (401, "no_accounts")
    assert f"{desk.path} holds no accounts" in refused.message


async def test_a_broken_file_is_named_with_the_place_of_the_fault(desk: World) -> None:
    desk.write()
    desk.path.write_text('{"version": 1,\n "accounts": [,]}')

    refused = await desk.refusal()

    assert (refused.status, refused.code) == (401, "no_accounts")
    assert f"{desk.path}:2:" in refused.message


async def test_when_the_file_breaks_the_accounts_from_before_go_on(
    desk: World, caplog: pytest.LogCaptureFixture
) -> None:
    desk.write(a_key("work"))
    await desk.serve()
    desk.path.write_text("{")

    assert await desk.serve() == "work"
    assert str(desk.path) in caplog.text


async def test_disabled_accounts_are_told_apart_from_none(desk: World) -> None:
    desk.write(a_key("work", enabled=False))

    refused = await desk.refusal()

    assert (refused.status, refused.code) == (401, "no_accounts")
    assert "disabled" in refused.message


async def test_a_model_that_no_account_may_serve_does_not_exist(desk: World) -> None:
    desk.write(a_key("work", models=["coder", "vision"]))

    refused = await desk.refusal(Needs(model="gpt-5"))

    assert (refused.status, refused.code) == (404, "model_not_found")
    assert (refused.type, refused.param) == ("invalid_request_error", "model")
    assert "'gpt-5'" in refused.message
    assert "coder, vision" in refused.message


async def test_accounts_that_need_a_new_sign_in_are_named(desk: World) -> None:
    desk.write(
        oauth_account("token-1", refresh_token="r1", label="work", requiresReauth=True),
        oauth_account("token-2", refresh_token="r2", label="home", requiresReauth=True),
    )

    refused = await desk.refusal()

    assert (refused.status, refused.code) == (401, "reauthentication_required")
    assert "work, home" in refused.message


async def test_of_very_many_accounts_only_some_are_named(desk: World) -> None:
    desk.write(
        *(
            oauth_account("t", refresh_token=f"r{number}", label=f"n{number}", requiresReauth=True)
            for number in range(12)
        )
    )

    assert "n8, n9 and 2 more" in (await desk.refusal()).message


async def test_a_key_that_was_refused_needs_another(desk: World) -> None:
    desk.write(a_key("work"))
    desk.broker.settle(await desk.acquire(), Unauthorized())

    assert (await desk.refusal()).code == "reauthentication_required"
    desk.write(api_key_account("sk-another-one", "https://keys.example/v1", id="work"))
    assert (await desk.acquire()).token == "sk-another-one"


async def test_when_every_account_was_tried_the_answer_says_so(desk: World) -> None:
    desk.write(a_key("a"), a_key("b"))

    refused = await desk.refusal(CODER, "a", "b")

    assert (refused.status, refused.code) == (502, "upstream_unreachable")


# Changes while running


async def test_an_account_that_is_added_serves_at_once(desk: World) -> None:
    desk.write(a_key("a"))
    await desk.serve()
    desk.write(a_key("a"), a_key("b"))

    assert await desk.serve() == "b"


async def test_what_is_known_of_accounts_survives_a_change_of_file_and_settings(
    desk: World,
) -> None:
    desk.write(a_key("a"), a_key("b"))
    desk.broker.settle(await desk.acquire(), RateLimited(60))
    desk.write(a_key("c", enabled=False), a_key("b"), a_key("a", priority=-1))

    desk.broker.reconfigure(Settings(rotation_strategy="sequential"))

    assert [await desk.serve() for _ in range(3)] == ["b", "b", "b"]


async def test_settings_of_health_and_bucket_reach_the_pool(desk: World) -> None:
    desk.write(a_key("a"))
    desk.broker.reconfigure(
        Settings.model_validate(
            {"health_score": {"success_reward": 7.0}, "token_bucket": {"max_tokens": 3.0}}
        )
    )
    await desk.serve()

    (account,) = desk.broker.snapshot()
    assert (account.health, account.tokens) == (77, 2)


async def test_a_pid_offset_starts_the_order_elsewhere(desk: World) -> None:
    desk.write(a_key("a"), a_key("b"))
    desk.broker.reconfigure(Settings(pid_offset_enabled=True))

    assert (await desk.acquire(Needs(pid=1))).account.name == "b"


# What is said, and what is not


async def test_an_account_whose_token_would_travel_in_the_clear_is_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    account = Account("bare", ApiKeyCredential(KEY), base_url="http://far.example/v1")
    world = World(Memory(account))

    for _ in range(2):
        with pytest.raises(ApiError, match="bare is left out: its base URL must be https"):
            await world.broker.acquire(CODER)
        world.broker.reconfigure(Settings())

    assert caplog.text.count("bare is left out") == 1


async def test_what_is_wrong_with_the_file_is_logged_once(
    desk: World, caplog: pytest.LogCaptureFixture
) -> None:
    desk.write(a_key("a"), a_key("b", priority="high"))
    for _ in range(3):
        await desk.serve()

    assert caplog.text.count("accounts[1].priority") == 1


async def test_no_secret_reaches_the_log_or_an_answer(
    desk: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    desk.write(a_key("a"), a_key("b", baseUrl="http://far.example/v1"))
    lease = await desk.acquire()
    desk.broker.settle(lease, Unauthorized())
    refused = await desk.refusal()
    with pytest.raises(LeaseNotOpen) as twice:
        desk.broker.settle(lease, Served())

    said = [caplog.text, refused.message, str(refused.body()), str(twice.value)]
    said += [repr(each) for each in (lease, desk.broker.snapshot(), desk.broker.__dict__)]
    assert not [text for text in said if KEY in text]
