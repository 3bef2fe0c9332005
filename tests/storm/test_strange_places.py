"""Many streams where the machine itself is in trouble: no room on the disk, a clock that jumps.

STORM_TIMES in the environment says how many requests, or jumps; 200 for a long form.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.storm.clients import Came, Client, Ending, Judge
from tests.storm.rounds import OPTIONS
from tests.storm.runs import authorities
from tests.storm.sky import Sky
from tests.storm.storm import serves_slowly
from tests.storm.weather import FAULTS, Fault, Place
from tests.support import jumping_clock
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, Json
from tests.support.oauth_server import OAuthServer
from tests.support.proxy import REVERSE, ROOT, SAFETY_SECONDS, MitmProcess, Setup

TIMES: Final = int(os.environ.get("STORM_TIMES", "10"))
AT_ONCE: Final = 10

GOOD: Final = "sk-good-the-key-of-the-account-that-serves"
BAD: Final = "sk-bad-the-key-of-the-account-that-is-refused"
SLOW: Final = Fault("slow", serves_slowly(longest_pause=0.3))
BROKEN: Final = next(fault for fault in FAULTS if fault.name == "reset")


@contextlib.asynccontextmanager
async def sky_over(folder: Path, fates: dict[str, Fault | None]) -> AsyncIterator[Sky]:
    """By token, what a request meets; with any other it is served."""
    trusted, untrusted = authorities(folder)
    sky = Sky(fates.get, trusted)
    async with sky.opened(untrusted):
        yield sky
    assert not sky.faults


async def ask(proxy: MitmProcess, serials: Iterator[int]) -> list[Ending]:
    """How each of so many requests at once ends."""
    judge = Judge()

    async def one() -> Came:
        client = Client(proxy.ports[0])
        try:
            return await client.ask(f"marker-{next(serials)}", MODEL)
        finally:
            client.close()

    all_came = await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return [judge.verdict(came).ending for came in all_came]


# --- the clock


async def test_no_stream_takes_harm_where_the_clock_jumps_by_an_hour_either_way(
    tmp_path: Path,
) -> None:
    async with sky_over(tmp_path, {GOOD: SLOW, BAD: BROKEN}) as sky:
        url = sky.url(Place.PLAIN)
        accounts = [api_key_account(BAD, url, priority=-1), api_key_account(GOOD, url)]
        setup = Setup(
            accounts=accounts,
            modes=[REVERSE],
            script=Path(jumping_clock.__file__),
            env={"PYTHONPATH": str(ROOT)},
            options=OPTIONS,
        )
        with MitmProcess(tmp_path / "proxy", setup) as proxy:
            serials, endings = itertools.count(), list[Ending]()
            jumps = itertools.cycle((jumping_clock.ON, *[jumping_clock.BACK] * 2, jumping_clock.ON))
            for _ in range(max(1, TIMES // AT_ONCE)):
                asking = asyncio.create_task(ask(proxy, serials))
                for jump in itertools.islice(jumps, AT_ONCE):
                    proxy.send_signal(jump)
                    await asyncio.sleep(0.1)
                endings += await asking
            assert {*endings} == {Ending.COMPLETED}
            assert (await asyncio.to_thread(proxy.calm)).is_at_rest


# --- the disk


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """``folder`` is a file system of its own, with little room."""
    folder.mkdir(parents=True, mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "storm", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """No byte more can be written."""
    filling = folder / "filling"
    with contextlib.suppress(OSError), filling.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 512)
    yield
    filling.unlink()


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nor can anything else be changed; root is not asked what its modes say."""
    # a mount on top: the one below is busy while a proxy has a file open
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
    yield
    subprocess.run(["umount", "--lazy", folder], check=True)


async def test_all_are_served_where_nothing_can_be_kept_and_it_is_kept_once_it_can(
    tmp_path: Path,
) -> None:
    fates: dict[str, Fault | None] = {GOOD: None, BAD: BROKEN}
    with small_disk(tmp_path / "proxy" / "accounts"), OAuthServer() as server:
        expired = server.sign_in("expired").entry(id="expired", priority=-2, expires=1_000)
        async with sky_over(tmp_path, fates) as sky:
            url = sky.url(Place.PLAIN)
            accounts: list[Json] = [
                {**expired, "baseUrl": url},
                api_key_account(BAD, url, id="bad", priority=-1),
                api_key_account(GOOD, url, id="good"),
            ]
            options = {**OPTIONS, "qwen_oauth_base_url": server.url}
            setup = Setup(accounts=accounts, modes=[REVERSE], options=options)
            with MitmProcess(tmp_path / "proxy", setup) as proxy:
                serials, endings = itertools.count(), list[Ending]()
                for trouble in (full, read_only):
                    with trouble(proxy.accounts_file.parent):
                        for _ in range(max(1, TIMES // AT_ONCE)):
                            endings += await ask(proxy, serials)
                        assert server.book.exchanges == [], "a token was renewed that is not kept"
                assert {*endings} == {Ending.COMPLETED}
                await ask(proxy, serials)
                await until_kept(proxy.accounts_file, "good")


async def until_kept(path: Path, account_id: str) -> None:
    """Wait until the file knows of the account that it was used."""
    give_up_at = time.monotonic() + SAFETY_SECONDS
    while True:
        entries = {each["id"]: each for each in json.loads(path.read_text("utf-8"))["accounts"]}
        if "lastUsed" in entries[account_id]:
            return
        assert time.monotonic() < give_up_at, entries
        await asyncio.sleep(0.05)
