"""An OAuth server that cannot be reached: asked ever less often, and waited for once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from addon.accounts.file import JsonFileStore
from addon.broker import Broker
from addon.broker.surroundings import Surroundings
from addon.broker.token_server import TokenServer
from addon.errors import ApiError
from addon.oauth import OAuthRefused, OAuthUnreachable, Refresher, TokenGrant
from addon.settings import Settings
from tests.broker.world import CODER, START, Clock
from tests.support.accounts import api_key_account, oauth_account, write_accounts

TIMEOUT_SECONDS = 10.0

SAFETY_SECONDS = 30.0
"""A net, never a pace."""


class Server:
    """A server that answers, or is silent until whoever asks gives up."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked_at: list[float] = []
        self.is_down = True
        self.refusal: OAuthRefused | None = None

    async def refresh(self, refresh_token: str) -> TokenGrant:
        self.asked_at.append(self.clock.now - START)
        if self.is_down:
            over = asyncio.Event()
            self.clock.call_later(TIMEOUT_SECONDS, over.set)
            await over.wait()
            raise OAuthUnreachable("the server cannot be reached")
        if self.refusal is not None:
            raise self.refusal
        return TokenGrant(f"new-{refresh_token}", None, int((self.clock.now + 3600) * 1000), None)


# The server by itself


async def ask(server: TokenServer, clock: Clock) -> None:
    """Ask it, in vain."""
    with pytest.raises(OAuthUnreachable, match="the server cannot be reached"):
        await clock.give_time(server.refresh("r"))


async def test_it_is_asked_ever_less_often_while_it_is_down() -> None:
    clock = Clock()
    silent = Server(clock)
    server = TokenServer(silent, clock)
    while clock.now < START + 400:
        await ask(server, clock)
        await clock.advance(1)

    # a time-out of 10 s and a rest of 5, 10, 20, 40, 60, 60 … s after it
    assert silent.asked_at == [0, 15, 35, 65, 115, 185, 255, 325, 395]


async def test_while_one_goes_to_see_the_others_are_told_at_once() -> None:
    clock = Clock()
    silent = Server(clock)
    server = TokenServer(silent, clock)
    await ask(server, clock)
    await clock.advance(5)
    first = asyncio.create_task(server.refresh("r"))
    await clock.advance(0)

    with pytest.raises(OAuthUnreachable):
        await server.refresh("r")
    assert len(silent.asked_at) == 2
    await clock.advance(TIMEOUT_SECONDS)
    assert isinstance(first.exception(), OAuthUnreachable)


async def test_failures_of_one_moment_count_once() -> None:
    clock = Clock()
    server = TokenServer(Server(clock), clock)
    tasks = [asyncio.create_task(server.refresh("r")) for _ in range(5)]
    await clock.advance(TIMEOUT_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)

    assert server.free_at(clock.now) == clock.now + 5


async def test_whatever_it_answers_it_is_back() -> None:
    clock = Clock()
    silent = Server(clock)
    server = TokenServer(silent, clock)
    for _ in range(3):
        await ask(server, clock)
        await clock.advance(60)
    silent.is_down, silent.refusal = False, OAuthRefused(500, None, "No.")
    with pytest.raises(OAuthRefused):
        await server.refresh("r")

    assert not server.rests(clock.now)
    silent.is_down = True
    await ask(server, clock)
    assert server.free_at(clock.now) == clock.now + 5


async def test_a_clock_that_is_set_back_does_not_keep_it_away() -> None:
    clock = Clock()
    server = TokenServer(Server(clock), clock)
    await ask(server, clock)
    assert server.rests(clock.now)

    assert not server.rests(clock.now - 3600)


# With accounts, files and the real refresher


class Pool:
    """A broker over five sign-ins whose tokens have expired, and one server for all."""

    def __init__(self, path: Path, *accounts: dict[str, object]) -> None:
        self.clock = Clock()
        self.server = Server(self.clock)
        write_accounts(path, accounts or [expired(number) for number in range(5)])
        store = JsonFileStore(path)
        self.broker = Broker(
            store,
            Settings(max_rate_limit_wait_seconds=0),
            accounts_path=str(path),
            refresher=Refresher(store, self.server, clock=self.clock),
            surroundings=Surroundings(self.clock, self.clock.call_later, lambda: 0.0, 0),
        )

    async def request(self) -> ApiError | str:
        """What a request gets: a token, or an answer."""
        task = asyncio.create_task(self.broker.acquire(CODER))
        while not task.done():
            await asyncio.wait([task], timeout=0.01)  # locks and files are real
            if (when := self.clock.next_ring) is not None and not task.done():
                await self.clock.advance(when - self.clock.now)
        error = task.exception()
        assert error is None or isinstance(error, ApiError)
        return task.result().token if error is None else error


def expired(number: int) -> dict[str, object]:
    return oauth_account(
        f"old-{number}", refresh_token=f"r{number}", id=f"a{number}", expires=1, baseUrl="https://h"
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private" / "accounts.json"


async def test_a_request_waits_for_a_silent_server_once_not_for_each_account(path: Path) -> None:
    pool = Pool(path)

    answer = await pool.request()

    assert isinstance(answer, ApiError)
    assert (answer.status, answer.code) == (502, "upstream_unreachable")
    assert "the server cannot be reached" in answer.message
    assert pool.clock.now == START + TIMEOUT_SECONDS
    assert len(pool.server.asked_at) == 1
    await pool.request()
    assert pool.clock.now == START + TIMEOUT_SECONDS


async def test_an_account_that_needs_no_token_serves_after_one_short_wait_and_then_at_once(
    path: Path,
) -> None:
    key = api_key_account("sk-the-key", "https://h", id="k", priority=1)
    pool = Pool(path, expired(0), expired(1), expired(2), key)

    assert await pool.request() == "sk-the-key"
    waited_until = pool.clock.now
    assert waited_until < START + TIMEOUT_SECONDS / 2
    assert [await pool.request() for _ in range(3)] == ["sk-the-key"] * 3
    assert pool.clock.now < waited_until + 2  # as they go out one after the other


async def test_once_the_server_is_back_all_accounts_are(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pool = Pool(path)
    while pool.clock.now < START + 300:
        await pool.request()
        await pool.clock.advance(5)
    assert caplog.text.count("cannot be reached") == 1

    pool.server.is_down = False
    await pool.clock.advance(60)

    tokens: set[ApiError | str] = set()
    async with asyncio.timeout(SAFETY_SECONDS):
        while tokens != {f"new-r{number}" for number in range(5)}:
            tokens.add(await pool.request())
            await asyncio.sleep(0.001)  # a renewed token goes to disk in a thread, in its own time
