"""What a person has the broker do while it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from addon.broker import Failed, NotDone, RateLimited, Unauthorized
from addon.oauth import RefreshFailed
from tests.broker.world import CODER, Memory, World, a_key, file_world, idle, key, signed_in

LIMITED = RateLimited(200.0)


async def test_an_account_that_is_disabled_serves_no_more_until_it_is_enabled(
    tmp_path: Path,
) -> None:
    desk = file_world(tmp_path / "accounts.json")
    desk.write(a_key("a", priority=-1, note="mine"), a_key("b"))
    assert await desk.serve() == "a"

    await desk.broker.set_enabled("a", enabled=False)

    assert await desk.serve() == "b"
    disabled, _ = json.loads(desk.path.read_text("utf-8"))["accounts"]
    assert (disabled["enabled"], disabled["note"]) == (False, "mine")
    await desk.broker.set_enabled("a", enabled=True)
    assert await desk.serve() == "a"


async def test_who_waits_is_served_once_a_rest_is_ended() -> None:
    world = World(Memory(key("a")))
    await world.meet(LIMITED)
    waiting = await world.ask()
    assert not waiting.done()

    await world.broker.end_rest("a")
    await idle()

    assert waiting.result().account.name == "a"
    assert {"a": {"rateLimitResetAt": None, "modelResets": None, "breaker": None}} in (
        world.memory.writes
    )


async def test_what_cannot_be_written_is_said() -> None:
    world = World(Memory(key("a")))
    await world.meet(LIMITED)
    world.memory.fault = "The disk is full."

    with pytest.raises(NotDone, match="The disk is full"):
        await world.broker.end_rest("a")
    with pytest.raises(NotDone, match="The disk is full"):
        await world.broker.set_enabled("a", enabled=False)

    assert await world.serve() == "a"


async def test_an_account_that_is_gone_is_told() -> None:
    world = World(Memory(key("a")))
    with pytest.raises(NotDone, match="no longer"):
        await world.broker.set_enabled("b", enabled=False)
    await world.broker.end_rest("b")


async def test_a_token_is_renewed_before_its_time() -> None:
    world = World(Memory(signed_in("a")))
    world.broker.start()
    await world.broker.renew("a")
    lease = await world.acquire(CODER)
    assert lease.token == "token-1-of-a"
    world.broker.settle(lease, Failed("503"))
    await world.broker.stop()


async def test_a_renewal_that_fails_says_why() -> None:
    world = World(Memory(signed_in("a"), key("b")))
    world.broker.reload()
    world.refresher.trouble = RefreshFailed("The server is down.")
    with pytest.raises(NotDone, match="The server is down"):
        await world.broker.renew("a")
    with pytest.raises(NotDone, match="no sign-in"):
        await world.broker.renew("b")


async def test_a_refused_credential_is_tried_at_once() -> None:
    world = World(Memory(key("a")))
    await world.meet(Unauthorized())
    assert (await world.refusal()).status == 401

    await world.broker.end_rest("a")

    assert await world.serve() == "a"
