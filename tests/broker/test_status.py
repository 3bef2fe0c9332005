"""What is told of an account: by what stands in its way first, and without its credential."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from addon.broker import Failed, Outcome, RateLimited, Served, Unauthorized, Usage
from addon.broker.status import AccountStatus, Standing
from addon.settings import Settings
from tests.broker.world import CODER, START, Memory, World, a_key, file_world, key
from tests.support.accounts import oauth_account

ACCESS = "an-access-token-that-must-never-show"
REFRESH = "a-refresh-token-that-must-never-show"


@pytest.fixture
def desk(tmp_path: Path) -> World:
    return file_world(tmp_path / "opencode" / "accounts.json")


def told(world: World) -> AccountStatus:
    (status,) = world.broker.statuses()
    return status


async def told_after(world: World, *outcomes: Outcome) -> AccountStatus:
    """What is told of a key once its requests have come to these ends."""
    world.write(a_key("work"))
    for outcome in outcomes:
        await world.meet(outcome)
    return told(world)


async def test_what_it_did_today_and_how_it_is(desk: World) -> None:
    status = await told_after(desk, Served(Usage(100, 20, 40)), Served(), Unauthorized())
    assert (status.name, status.kind, status.base_url) == (
        "work",
        "key",
        "https://keys.example/v1",
    )
    today = status.today
    assert (today.requests, today.served, today.refused) == (3, 2, 1)
    assert (today.input_tokens, today.output_tokens, today.cached_tokens) == (100, 20, 40)
    assert (status.last_used_ms, status.health) == (START * 1000, 72.0)
    assert (status.bucket, status.bucket_size) == (47.0, 50.0)


async def test_a_request_under_way_is_counted_until_it_is_over(desk: World) -> None:
    desk.write(a_key("work"))
    lease = await desk.acquire()
    assert told(desk).in_flight == 1
    desk.broker.settle(lease, Served())
    assert told(desk).in_flight == 0


async def test_one_that_is_well_is_ready(desk: World) -> None:
    status = await told_after(desk, Served())
    assert (status.standing, status.until_ms, status.reason) == (Standing.READY, None, "")


async def test_one_that_is_limited_is_cooling_until_it_is_free_and_says_why(desk: World) -> None:
    limited = RateLimited(retry_after_seconds=90.0, reason="Slow down.")
    status = await told_after(desk, limited)
    assert (status.standing, status.reason) == (Standing.COOLING, "Slow down.")
    assert status.until_ms == (START + 90) * 1000


async def test_a_limit_on_one_model_is_told_beside(desk: World) -> None:
    status = await told_after(desk, RateLimited(retry_after_seconds=90.0, model=CODER.model))
    assert status.standing is Standing.READY
    assert status.models_cooling == {CODER.model: (START + 90) * 1000}


async def test_one_that_fails_again_and_again_is_tripped(tmp_path: Path) -> None:
    settings = Settings.model_validate({"breaker_failures": 2, "breaker_probe_seconds": 30})
    status = await told_after(
        file_world(tmp_path / "accounts.json", settings), Failed("reset"), Failed("reset")
    )
    assert (status.standing, status.until_ms) == (Standing.TRIPPED, (START + 30) * 1000)
    assert (status.breaker, status.breaker_until_ms) == ("open", (START + 30) * 1000)


async def test_one_in_poor_health_is_tired(desk: World) -> None:
    status = await told_after(desk, Failed("reset"), Failed("reset"))
    assert (status.standing, status.breaker) == (Standing.TIRED, "closed")


async def test_a_key_that_is_not_accepted_is_refused_until_it_is_tried_again(desk: World) -> None:
    status = await told_after(desk, Unauthorized())
    assert status.standing is Standing.REFUSED
    assert status.until_ms is not None
    assert status.until_ms > START * 1000


async def test_a_sign_in_that_has_ended_must_be_done_again(desk: World) -> None:
    entry = oauth_account(ACCESS, refresh_token=REFRESH, requiresReauth=True)
    desk.write(entry)
    desk.broker.reload()
    status = told(desk)
    assert (status.standing, status.kind) == (Standing.SIGN_IN, "sign-in")
    assert status.token_expires_ms == entry["expires"]


async def test_one_that_is_switched_off_is_disabled(desk: World) -> None:
    desk.write(a_key("work", enabled=False))
    desk.broker.reload()
    assert told(desk).standing is Standing.DISABLED


async def test_one_that_may_send_its_token_nowhere_is_unusable() -> None:
    desk = World(Memory(replace(key("work"), base_url="http://plain.example/v1")))
    desk.broker.reload()
    status = told(desk)
    assert (status.standing, status.base_url) == (Standing.UNUSABLE, None)
    assert "https" in status.reason


async def test_no_credential_is_told(desk: World) -> None:
    desk.write(a_key("work"), oauth_account(ACCESS, refresh_token=REFRESH))
    desk.broker.reload()
    document = "".join(status.model_dump_json() for status in desk.broker.statuses())
    assert len(desk.broker.statuses()) == 2
    assert "must-never-show" not in document


async def test_what_is_told_reads_back_the_same_and_what_a_later_version_adds_is_passed_over(
    desk: World,
) -> None:
    status = await told_after(desk, RateLimited(retry_after_seconds=90.0, reason="Slow down."))
    later = status.model_dump(mode="json") | {"mood": "sunny"}
    assert AccountStatus.model_validate(later) == status
