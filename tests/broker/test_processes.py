"""Several processes on one pool: what they count adds up, what one finds out the others heed."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from addon.accounts.file import JsonFileStore
from addon.broker import Broker, Needs, Outcome, RateLimited, RequestRefused, Served, Usage
from addon.settings import Settings
from tests.broker.world import CODER, Refresher, a_key
from tests.support.accounts import write_accounts

# fork would hand the locks and threads of the test run down
CONTEXT = multiprocessing.get_context("spawn")
PROCESSES = 3
REQUESTS = 20


def broker_over(path: Path) -> Broker:
    settings = Settings(max_rate_limit_wait_seconds=0)
    return Broker(JsonFileStore(path), settings, accounts_path=str(path), refresher=Refresher())


async def meet(broker: Broker, outcome: Outcome, needs: Needs = CODER) -> None:
    broker.settle(await broker.acquire(needs), outcome)


# What runs in the other processes


def serve_many(path: Path, start: Barrier) -> None:
    async def serve() -> None:
        broker = broker_over(path)
        broker.start()
        start.wait()
        for number in range(REQUESTS):
            await meet(broker, Served(Usage(100, 10, 80)) if number % 4 else RequestRefused(400))
            await broker._statistics.stop()  # which writes what there is, as every second does
        await broker.stop()

    asyncio.run(serve())


def run_into_a_limit(path: Path, seconds: float) -> None:
    async def run() -> None:
        broker = broker_over(path)
        await meet(broker, RateLimited(seconds))
        await broker.stop()

    asyncio.run(run())


def days(path: Path) -> list[dict[str, Any]]:
    entries = json.loads(path.read_text("utf-8"))["accounts"]
    return [day for entry in entries for day in entry["days"].values()]


def test_what_processes_count_adds_up_over_them_and_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "private" / "accounts.json"
    write_accounts(path, [a_key("a"), a_key("b")])
    for _ in range(2):
        start = CONTEXT.Barrier(PROCESSES)
        processes = [
            CONTEXT.Process(target=serve_many, args=(path, start)) for _ in range(PROCESSES)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(timeout=60)
            assert process.exitcode == 0

    total = 2 * PROCESSES * REQUESTS
    counted = days(path)
    assert sum(day["requests"] for day in counted) == total
    assert sum(day["refused"] for day in counted) == total / 4
    assert sum(day["inputTokens"] for day in counted) == 100 * total * 3 / 4
    assert sum(day["cachedTokens"] for day in counted) == 80 * total * 3 / 4


async def test_a_limit_that_one_process_meets_keeps_another_away_while_it_runs(
    tmp_path: Path,
) -> None:
    path = tmp_path / "private" / "accounts.json"
    write_accounts(path, [a_key("a")])
    broker = broker_over(path)
    await meet(broker, Served())
    assert broker.snapshot()[0].cooling_until is None

    other = CONTEXT.Process(target=run_into_a_limit, args=(path, 600))
    other.start()
    await asyncio.to_thread(other.join, 60)
    assert other.exitcode == 0
    broker.reload()

    (account,) = broker.snapshot()
    assert account.cooling_until is not None
    await broker.stop()
    kept = json.loads(path.read_text("utf-8"))["accounts"][0]
    assert kept["rateLimitResetAt"] == round(account.cooling_until * 1000)
    assert sum(day["requests"] for day in days(path)) == 2
