"""A token is renewed once, and kept: over a real accounts file and a real OAuth server."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from addon.accounts.account import Account, ApiKeyCredential
from addon.accounts.file import JsonFileStore
from addon.oauth import OAuthClient, Refresher, RefreshFailed, SignInNeeded
from tests.support.accounts import write_accounts
from tests.support.oauth_server import CLIENT_ID, OAuthServer, SignIn, Trouble


@dataclass
class Machine:
    """One process's view: a store of its own over the shared file, and a refresher."""

    path: Path
    server: OAuthServer
    tls: ssl.SSLContext
    store: JsonFileStore = field(init=False)
    refresher: Refresher = field(init=False)

    def __post_init__(self) -> None:
        self.store = JsonFileStore(self.path)
        client = OAuthClient(self.server.url, client_id=CLIENT_ID, answer_seconds=2, tls=self.tls)
        self.refresher = Refresher(self.store, client)

    def another(self) -> Machine:
        return Machine(self.path, self.server, self.tls)

    def write(self, *entries: dict[str, object]) -> None:
        write_accounts(self.path, entries)

    def read(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = json.loads(self.path.read_text())["accounts"]
        return entries

    def account(self, account_id: str = "work") -> Account:
        return next(each for each in self.store.load().accounts if each.id == account_id)

    async def signed_in(self, account_id: str = "work", **fields: object) -> SignIn:
        signed_in = self.server.sign_in(account_id)
        self.write(signed_in.entry(**fields))
        return signed_in

    async def in_flight(self, account: Account, requests: int = 1) -> asyncio.Task[Account]:
        """A refresh whose request has reached the server."""
        task = asyncio.create_task(self.refresher.refresh(account))
        await asyncio.to_thread(self.server.wait_for_requests, requests)
        return task


@pytest.fixture
def machine(tmp_path: Path, server: OAuthServer, tls: ssl.SSLContext) -> Machine:
    return Machine(tmp_path / "opencode" / "accounts.json", server, tls)


def live_on_disk(machine: Machine, server: OAuthServer) -> bool:
    return all(server.book.is_live(entry["refreshToken"]) for entry in machine.read())


# The way it should be


async def test_the_renewed_token_is_on_disk_by_the_time_it_is_given(
    machine: Machine, server: OAuthServer
) -> None:
    spent = await machine.signed_in(label="Work", note="mine")

    renewed = await machine.refresher.refresh(machine.account())

    assert server.book.account_of(renewed.token() or "") == "work"
    [entry] = machine.read()
    assert entry["accessToken"] == renewed.token() != spent.access_token
    assert entry["expires"] > spent.expires_ms - 1
    assert (entry["label"], entry["note"]) == ("Work", "mine")
    assert live_on_disk(machine, server)
    assert machine.account() == renewed


async def test_a_server_that_does_not_rotate_leaves_the_refresh_token(
    machine: Machine, server: OAuthServer
) -> None:
    server.book.rotates = False
    spent = await machine.signed_in()

    for _ in range(2):
        await machine.refresher.refresh(machine.account())

    assert machine.read()[0]["refreshToken"] == spent.refresh_token


async def test_a_renewed_account_needs_no_sign_in_any_more(machine: Machine) -> None:
    await machine.signed_in(accessToken=None, expires=None)
    assert machine.account().needs_sign_in(0)

    renewed = await machine.refresher.refresh(machine.account())

    assert not renewed.needs_sign_in(int(time.time() * 1000))


# One at a time


async def test_many_callers_share_one_refresh(machine: Machine, server: OAuthServer) -> None:
    await machine.signed_in()
    account = machine.account()

    renewed = await asyncio.gather(*(machine.refresher.refresh(account) for _ in range(20)))

    assert len({each.token() for each in renewed}) == 1
    assert server.requests == 1


async def test_different_accounts_are_renewed_side_by_side(
    machine: Machine, server: OAuthServer
) -> None:
    machine.write(server.sign_in("a").entry(), server.sign_in("b").entry())
    with server.held():
        first = await machine.in_flight(machine.account("a"))
        second = await machine.in_flight(machine.account("b"), requests=2)
    assert {(await first).id, (await second).id} == {"a", "b"}
    assert live_on_disk(machine, server)


async def test_of_two_processes_the_loser_uses_the_winners_token(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    other = machine.another()
    known = other.account()
    with server.held():
        winner = await machine.in_flight(machine.account())
        loser = asyncio.create_task(other.refresher.refresh(known))
    assert (await loser).token() == (await winner).token()
    assert server.requests == 1


async def test_a_token_that_another_renewed_before_is_used_without_a_refresh(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    known = machine.account()
    renewed = await machine.another().refresher.refresh(known)

    assert await machine.refresher.refresh(known) == renewed
    assert server.requests == 1


async def test_one_that_another_renewed_and_that_has_expired_since_is_renewed_again(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    known = machine.account()
    server.token_seconds = 0
    await machine.another().refresher.refresh(known)
    server.token_seconds = 3600
    entry = machine.read()[0]
    machine.write(entry | {"expires": 1})

    renewed = await machine.refresher.refresh(known)

    assert server.book.account_of(renewed.token() or "") == "work"
    assert server.requests == 2


async def test_a_new_token_that_is_refused_in_its_turn_is_renewed_again(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()

    renewed = await machine.refresher.refresh(machine.account())
    again = await machine.refresher.refresh(renewed)

    assert again.token() != renewed.token()
    assert server.requests == 2


# Callers that leave


async def test_a_caller_that_leaves_does_not_take_the_token_along(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    with server.held():
        caller = await machine.in_flight(machine.account())
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
    await machine.refresher.aclose()
    assert live_on_disk(machine, server)


async def test_closing_waits_for_an_exchange_and_lets_go_of_who_waits_for_a_lock(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    other = machine.another()
    with server.held():
        exchanging = await machine.in_flight(machine.account())
        waiting = asyncio.create_task(other.refresher.refresh(other.account()))
        await asyncio.sleep(0)
        await other.refresher.aclose()
        assert not exchanging.done()
    await machine.refresher.aclose()
    assert await exchanging == machine.account()
    with pytest.raises(asyncio.CancelledError):
        await waiting


# What goes wrong


async def test_a_sign_in_that_is_over_is_marked_and_told(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in(label="Work")
    server.book.end_sign_in("work")

    with pytest.raises(SignInNeeded) as caught:
        await machine.refresher.refresh(machine.account())

    assert str(caught.value) == (
        "The sign-in of Work has come to its end. Sign in again: run qwen-proxy login."
    )
    assert machine.read()[0]["requiresReauth"] is True
    assert machine.account().requires_reauth


async def test_the_server_is_not_asked_again_about_a_sign_in_that_is_over(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    known = machine.account()
    server.book.end_sign_in("work")
    for _ in range(2):
        with pytest.raises(SignInNeeded):
            await machine.refresher.refresh(known)
    assert server.requests == 1


async def test_a_new_sign_in_is_used(machine: Machine, server: OAuthServer) -> None:
    await machine.signed_in()
    known = machine.account()
    server.book.end_sign_in("work")
    with pytest.raises(SignInNeeded):
        await machine.refresher.refresh(known)

    anew = await machine.signed_in()

    assert (await machine.refresher.refresh(known)).token() == anew.access_token
    assert server.requests == 1


async def test_a_new_sign_in_during_the_exchange_is_not_marked(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    server.book.end_sign_in("work")
    with server.held():
        refresh = await machine.in_flight(machine.account())
        anew = await machine.signed_in()
    assert (await refresh).token() == anew.access_token
    assert "requiresReauth" not in machine.read()[0]


async def test_nor_is_it_overwritten_by_what_the_exchange_brings(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    with server.held():
        refresh = await machine.in_flight(machine.account())
        anew = await machine.signed_in()
    assert (await refresh).token() == anew.access_token
    assert machine.read()[0]["refreshToken"] == anew.refresh_token


@pytest.mark.parametrize(
    "trouble", [Trouble.SERVER_ERROR, Trouble.EMPTY, Trouble.HTML, Trouble.CUT]
)
async def test_trouble_at_the_server_changes_nothing_and_the_next_refresh_works(
    trouble: Trouble, machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in(label="Work")
    before = machine.read()
    server.troubles.append(trouble)

    with pytest.raises(RefreshFailed, match=r"^The token of Work was not renewed: http.*\.$"):
        await machine.refresher.refresh(machine.account())

    assert machine.read() == before
    renewed = await machine.refresher.refresh(machine.account())
    assert server.book.account_of(renewed.token() or "") == "work"


async def test_an_account_that_was_removed_cannot_be_renewed(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    known = machine.account()
    machine.write()
    with pytest.raises(RefreshFailed, match="it has been removed"):
        await machine.refresher.refresh(known)
    assert server.requests == 0


async def test_an_account_that_became_a_key_is_used_as_that(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    known = machine.account()
    machine.write({"id": "work", "apiKey": "sk-0123456789abcdef"})
    renewed = await machine.refresher.refresh(known)
    assert renewed.credential == ApiKeyCredential("sk-0123456789abcdef")
    assert server.requests == 0


# Where the token cannot be kept


async def test_as_long_as_the_file_is_broken_no_token_is_spent(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    known = machine.account()
    machine.path.write_text("{")
    with pytest.raises(RefreshFailed, match="is not JSON"):
        await machine.refresher.refresh(known)
    assert server.requests == 0


async def test_what_could_not_be_kept_is_kept_by_whoever_renews_it_next(
    machine: Machine, server: OAuthServer
) -> None:
    await machine.signed_in()
    known = machine.account()
    whole = machine.path.read_text()
    with server.held():
        refresh = await machine.in_flight(known)
        machine.path.write_text("{")
    with pytest.raises(RefreshFailed, match="is left as it is"):
        await refresh
    machine.path.write_text(whole)

    renewed = await machine.another().refresher.refresh(known)

    assert server.book.account_of(renewed.token() or "") == "work"
    assert server.requests == 1
    assert live_on_disk(machine, server)


async def test_another_endpoint_is_used_from_the_next_refresh_on(
    machine: Machine, server: OAuthServer, tls: ssl.SSLContext
) -> None:
    with OAuthServer() as other:
        machine.write(other.sign_in("work").entry())
        machine.refresher.endpoint = OAuthClient(other.url, client_id=CLIENT_ID, tls=tls)
        renewed = await machine.refresher.refresh(machine.account())
        assert other.book.account_of(renewed.token() or "") == "work"
    assert server.requests == 0
