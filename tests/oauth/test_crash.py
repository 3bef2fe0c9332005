"""Processes that do nothing but renew tokens are killed at any moment: no refresh token is lost
or used twice.

See ``tests/support/crashes.py`` for the rules, and for how to make it a long one.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import pytest

from addon.accounts.account import Account
from addon.accounts.file import JsonFileStore
from addon.oauth import OAuthClient, Refresher, RefreshFailed, SignInNeeded
from tests.support.crashes import Storm, brewing
from tests.support.oauth_server import OAuthServer

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


@dataclass(frozen=True, slots=True)
class Renewing:
    """One of the other processes."""

    process: BaseProcess

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def end(self) -> None:
        """Let it come to its end by itself, as it is told to."""
        self.process.join(timeout=60)
        assert self.process.exitcode == 0


@pytest.fixture
def storm(tmp_path: Path) -> Iterator[Storm[Renewing]]:
    path = tmp_path / "opencode" / "accounts.json"

    def start(server: OAuthServer, name: str) -> Renewing:
        process = CONTEXT.Process(target=keep_renewing, args=(path, server.url, name), name=name)
        process.start()
        return Renewing(process)

    with brewing(path, start, processes=3, kills=5) as storm:
        yield storm


def test_no_refresh_token_is_lost_or_used_twice(storm: Storm[Renewing]) -> None:
    storm.rage()
    storm.path.with_name("stop").touch()
    for renewing in storm.alive.values():
        renewing.end()

    storm.judge()
    faults = storm.path.with_name("faults")
    assert not faults.exists(), faults.read_text()
    entries: list[dict[str, Any]] = json.loads(storm.path.read_text())["accounts"]
    assert all(entry["lastUsed"] for entry in entries)
