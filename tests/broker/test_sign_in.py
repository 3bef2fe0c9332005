"""An account that is signed in while the proxy runs, at a real OAuth server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from addon.accounts.account import OAuthCredential
from addon.broker.sign_in import SignInFailed, SignIns, SignInStage, SignInStatus
from addon.broker.surroundings import Surroundings
from addon.oauth import OAuthClient
from tests.broker.world import START, Clock, Memory, idle, signed_in
from tests.support.oauth_server import CLIENT_ID, OAuthServer


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with OAuthServer() as server:
        yield server


class World:
    """Sign-ins at ``server``, in a time that passes when the test says so."""

    def __init__(self, server: OAuthServer) -> None:
        self.server = server
        self.clock = Clock()
        self.memory = Memory(signed_in("old"))
        self.kept = 0
        surroundings = Surroundings(clock=self.clock, call_later=self.clock.call_later)
        self.sign_ins = SignIns(self.memory, self._endpoint, surroundings, kept=self._keep)

    def _endpoint(self) -> OAuthClient:
        return OAuthClient(self.server.url, client_id=CLIENT_ID, clock=self.clock)

    def _keep(self) -> None:
        self.kept += 1

    @property
    def status(self) -> SignInStatus:
        assert self.sign_ins.status is not None
        return self.sign_ins.status

    def tokens(self) -> dict[str, str]:
        """By account, the refresh token that is kept."""
        found = {}
        for each in self.memory.load().accounts:
            assert isinstance(each.credential, OAuthCredential)
            found[each.id] = each.credential.refresh_token
        return found

    async def until_it_ends(self) -> None:
        for _ in range(300):
            if self.status.stage is not SignInStage.WAITING:
                return
            if self.clock.next_ring is not None:
                await self.clock.advance(self.clock.next_ring - self.clock.now)
            await asyncio.sleep(0.01)  # the server is a real one
        pytest.fail("it does not end")


@pytest.fixture
def world(server: OAuthServer) -> World:
    return World(server)


async def test_a_person_who_confirms_has_an_account_more(world: World) -> None:
    begun = await world.sign_ins.begin()
    assert begun == world.status
    assert (begun.stage, begun.expires_at) == (SignInStage.WAITING, START + 900)
    assert begun.page == f"{world.server.url}/authorize"
    world.server.decide(begun.user_code, "somebody")

    await world.until_it_ends()

    assert (world.status.stage, world.status.told) == (SignInStage.DONE, "new is signed in.")
    assert set(world.tokens()) == {"old", "new"}
    assert world.kept == 1


async def test_an_account_whose_sign_in_had_ended_gets_the_new_one(world: World) -> None:
    before = world.tokens()["old"]
    begun = await world.sign_ins.begin("old")
    world.server.decide(begun.user_code, "somebody")
    await world.until_it_ends()
    assert set(world.tokens()) == {"old"}
    assert world.tokens()["old"] != before


async def test_a_person_who_denies_is_told_so(world: World) -> None:
    begun = await world.sign_ins.begin()
    world.server.decide(begun.user_code, None)
    await world.until_it_ends()
    assert (world.status.stage, world.status.told) == (
        SignInStage.FAILED,
        "It was denied on the provider's page.",
    )
    assert world.kept == 0


async def test_a_code_that_nobody_confirms_ends_in_time(world: World) -> None:
    await world.sign_ins.begin()
    await world.until_it_ends()
    assert world.status.told == "Nobody confirmed it in time."
    assert world.clock.now >= START + 900


async def test_tokens_that_cannot_be_kept_are_a_failure(world: World) -> None:
    begun = await world.sign_ins.begin()
    world.memory.fault = "The disk is full."
    world.server.decide(begun.user_code, "somebody")
    await world.until_it_ends()
    assert world.status.told == "The tokens could not be kept: The disk is full."


async def test_who_begins_another_gives_up_the_one_before(world: World) -> None:
    first = await world.sign_ins.begin()
    second = await world.sign_ins.begin()
    assert first.user_code != second.user_code
    world.server.decide(first.user_code, "first")
    world.server.decide(second.user_code, "second")
    await world.until_it_ends()
    assert world.status.user_code == second.user_code
    assert world.kept == 1


async def test_one_that_is_given_up_is_forgotten_and_asks_no_more(world: World) -> None:
    begun = await world.sign_ins.begin()
    world.server.decide(begun.user_code, "somebody")
    world.sign_ins.give_up()
    await idle()
    assert world.sign_ins.status is None
    assert world.clock.next_ring is None
    assert world.server.requests == 0


async def test_a_proxy_that_stops_waits_for_nobody(world: World) -> None:
    await world.sign_ins.begin()
    await world.sign_ins.stop()
    assert world.sign_ins.status is None


async def test_a_server_that_is_away_is_named() -> None:
    with OAuthServer() as gone:
        world = World(gone)
    with pytest.raises(SignInFailed, match=r"^No sign-in could be begun: http://127\.0\.0\.1:\d+ "):
        await world.sign_ins.begin()
    assert world.sign_ins.status is None


async def test_no_token_is_logged_or_shown(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    begun = await world.sign_ins.begin()
    (device_code,) = world.server.book.devices
    world.server.decide(begun.user_code, "somebody")
    await world.until_it_ends()
    shown = f"{caplog.text}{world.status!r}"
    assert "new is signed in" in shown
    assert not [each for each in (world.tokens()["new"], device_code) if each in shown]
