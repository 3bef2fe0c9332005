"""Processes that share one accounts file are killed at any moment: no refresh token is lost or
used twice.

Their tokens expire every second. One loss cannot be helped: a process that is killed after the
server has let go of the old token, and before the new one is on disk, takes it along. So each
token that is missing, or was used again, must have been given to a process that died of it; the
person then signs in anew. CRASH_KILLS in the environment says how many are to be killed.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import pytest

from addon.accounts.account import Account, OAuthCredential
from addon.accounts.document import Document, parse, with_account
from addon.accounts.file import JsonFileStore
from addon.oauth import OAuthClient, Refresher, RefreshFailed, SignInNeeded
from tests.support.accounts import write_accounts
from tests.support.oauth_grants import Exchange
from tests.support.oauth_server import SAFETY_SECONDS, OAuthServer

KILLS: Final = int(os.environ.get("CRASH_KILLS", "5"))
PROCESSES: Final = 8 if KILLS > 20 else 3
ACCOUNTS: Final = ("a", "b", "c", "d")

DYING_SECONDS: Final = 1.0
"""Longer ago than this before its death, a process had kept what it was given."""

# fork would hand the locks and threads of the test run down
CONTEXT: Final = multiprocessing.get_context("spawn")


# What runs in the other processes


def keep_renewing(path: Path, server_url: str, name: str) -> None:
    asyncio.run(_keep_renewing(path, server_url, name))


async def _keep_renewing(path: Path, server_url: str, name: str) -> None:
    store = JsonFileStore(path)
    refresher = Refresher(store, OAuthClient(server_url, client_id=name))
    faults = path.with_name("faults")
    while not path.with_name("stop").exists():
        accounts = store.load().accounts
        try:
            await asyncio.gather(*(_renew(refresher, account) for account in accounts))
            await store.save_state({each.id: {"lastUsed": _now_ms()} for each in accounts})
        except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to know
            with faults.open("a") as file:
                file.write(f"{name}: {error!r}\n")
        await asyncio.sleep(random.uniform(0.0, 0.2))  # noqa: S311
    await refresher.aclose()


async def _renew(refresher: Refresher, account: Account) -> None:
    if account.requires_reauth or not account.needs_sign_in(_now_ms()):
        return
    try:
        await refresher.refresh(account)
    except SignInNeeded:
        pass  # the judge asks why
    except RefreshFailed as failed:
        # a kill can leave the lock of nobody, but never one that stands for long
        raise AssertionError(str(failed)) from failed


def _now_ms() -> int:
    return int(time.time() * 1000)


# What looks on


@dataclass
class Storm:
    """The processes, the killing, and the judgement."""

    path: Path
    server: OAuthServer
    clients: set[str] = field(default_factory=set)
    killed: dict[str, float] = field(default_factory=dict)
    """Name of a process → when it was killed."""
    left_behind: set[str] = field(default_factory=set)
    """Refresh tokens in whose place a new sign-in came."""
    processes: dict[str, BaseProcess] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(11))  # noqa: S311

    def start_one(self) -> None:
        name = f"process-{len(self.clients)}"
        self.clients.add(name)
        process = CONTEXT.Process(
            target=keep_renewing, args=(self.path, self.server.url, name), name=name
        )
        process.start()
        self.processes[name] = process

    def kill_one(self) -> None:
        at_work = {exchange.client_id for exchange in self.server.book.exchanges}
        alive = [name for name in self.processes if name in at_work]
        if not alive:
            return
        name = self.chance.choice(alive)
        process = self.processes.pop(name)
        process.kill()
        self.killed[name] = time.monotonic()
        process.join()

    def rage(self, kills: int) -> None:
        """Kill so many, each followed by another."""
        while len(self.killed) < kills:
            while len(self.processes) < PROCESSES:
                self.start_one()
            self.strike()

    def strike(self) -> None:
        """Kill one at any moment, once some have been at work since the last time."""
        before = len(self.server.book.exchanges)
        self.look_until(lambda: len(self.server.book.exchanges) > before)
        kill_at = time.monotonic() + self.chance.uniform(0.0, 1.2)
        self.look_until(lambda: time.monotonic() >= kill_at)
        self.kill_one()

    def look_until(self, condition: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + SAFETY_SECONDS
        while not condition():
            assert time.monotonic() < give_up_at
            self.look()
            time.sleep(0.001)  # the server lives in this process

    def look(self) -> None:
        """The file is whole at every instant; whose sign-in is over signs in again."""
        found = parse(self.path.read_bytes())
        assert tuple(account.id for account in found.accounts) == ACCOUNTS
        for account in found.accounts:
            if account.requires_reauth:
                self.left_behind.add(refresh_token(account))
                JsonFileStore(self.path).update(partial(self.signed_in, account_id=account.id))

    def signed_in(self, found: Document, account_id: str) -> Document:
        """What a person's new sign-in makes of the file."""
        account = found.account(account_id)
        assert account is not None
        anew = self.server.sign_in(account_id)
        credential = OAuthCredential(anew.refresh_token, anew.access_token, anew.expires_ms)
        return with_account(found, replace(account, credential=credential, requires_reauth=False))

    def end(self) -> None:
        """Let the processes come to their end by themselves."""
        self.path.with_name("stop").touch()
        for process in self.processes.values():
            process.join(timeout=60)
            assert process.exitcode == 0

    def died_of(self, exchange: Exchange) -> bool:
        """Whether the process that was given a token was killed before it could keep it."""
        killed_at = self.killed.get(exchange.client_id)
        return killed_at is not None and killed_at - exchange.at < DYING_SECONDS

    def judge(self) -> None:
        book = self.server.book
        by_spent = {exchange.spent: exchange for exchange in book.exchanges}
        unexplained = [again for again in book.reused if not self.died_of(by_spent[again.spent])]
        assert not unexplained, "refresh tokens were used twice"
        book.reused.clear()

        kept = {refresh_token(each) for each in parse(self.path.read_bytes()).accounts}
        lost = [
            exchange
            for exchange in book.exchanges
            if exchange.issued not in kept | self.left_behind | by_spent.keys()
            and not self.died_of(exchange)
        ]
        assert not lost, "refresh tokens were lost"
        assert not self.path.with_name("faults").exists(), self.path.with_name("faults").read_text()


def refresh_token(account: Account) -> str:
    assert isinstance(account.credential, OAuthCredential)
    return account.credential.refresh_token


@pytest.fixture
def storm(tmp_path: Path) -> Iterator[Storm]:
    clients: set[str] = set()
    path = tmp_path / "opencode" / "accounts.json"
    with OAuthServer(token_seconds=1, clients=clients) as server:
        write_accounts(path, [server.sign_in(account).entry() for account in ACCOUNTS])
        storm = Storm(path, server, clients)
        try:
            yield storm
        finally:
            for process in storm.processes.values():
                process.kill()
                process.join()


def test_no_refresh_token_is_lost_or_used_twice(storm: Storm) -> None:
    storm.rage(KILLS)
    storm.end()

    storm.judge()
    entries: list[dict[str, Any]] = json.loads(storm.path.read_text())["accounts"]
    assert all(entry["lastUsed"] for entry in entries)
