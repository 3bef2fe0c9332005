"""Requests that wait for an account on a real mitmdump: in line, and for nobody who has left."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Final

import httpx2

from tests.proxy.conftest import PoolWith
from tests.support.chat import MODEL
from tests.support.pool import Pool
from tests.support.proxy import Books
from tests.support.replies import Reply, refusal


def limited(**headers: str) -> Reply:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal(429, "rate_limit_exceeded", "Slow down.", headers=fields)


FOR_LONG: Final = limited(retry_after="200")
"""Yet not longer than a request may wait."""


def test_a_request_waits_until_an_account_is_free_again(pool_with: PoolWith) -> None:
    pool = pool_with()
    pool.has("only")
    pool.upstream.replies(limited(retry_after="1"))
    answer = pool.ask()
    assert answer.status_code == httpx2.codes.OK
    assert answer.headers["x-qwen-attempts"] == "2"
    assert pool.asked == ["only", "only"]


async def test_who_waits_is_served_in_order_and_who_leaves_frees_the_place(
    pool_with: PoolWith,
) -> None:
    pool = pool_with()
    pool.has("only")
    pool.refusing["only"] = FOR_LONG
    async with pool.recorder.async_client() as client:
        first = await in_line(pool, client, "first", waiting=1)
        leaver = await in_line(pool, client, "leaver", waiting=2)
        last = await in_line(pool, client, "last", waiting=3)

        leaver.cancel()
        await until_waiting(pool, 2)
        await asyncio.to_thread(add_one_that_is_soon_free, pool)

        answers = await asyncio.gather(first, last)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert pool.asked == ["only", "other", "other"]
    texts = [request.messages[-1]["content"] for request in pool.upstream.requests]
    assert texts == ["first", "first", "last"]


async def in_line(
    pool: Pool, client: httpx2.AsyncClient, text: str, *, waiting: int
) -> asyncio.Task[httpx2.Response]:
    """A request that is in the line by now, as one of so many."""
    body = {"model": MODEL, "input": text}
    task = asyncio.create_task(client.post(f"{pool.proxy.base_url}/responses", json=body))
    await until_waiting(pool, waiting)
    return task


async def until_waiting(pool: Pool, count: int) -> None:
    await asyncio.to_thread(
        pool.proxy.wait_for_books, lambda books: books.waiting == count, f"{count} in the line"
    )


def add_one_that_is_soon_free(pool: Pool) -> None:
    """One that was limited as well: they come back with pauses between the first requests."""
    free_at_ms = int(time.time() * 1000) + 200
    other = pool.fresh("other", rateLimitResetAt=free_at_ms)
    pool.edit(lambda entries: [*entries, other])


def test_where_no_request_may_wait_it_is_told_when_to_come_back(pool_with: PoolWith) -> None:
    pool = pool_with(max_rate_limit_wait_seconds="0")
    pool.has("later", "sooner")
    pool.refusing |= {"later": FOR_LONG, "sooner": limited(retry_after_ms="6500")}
    answer = pool.ask()
    assert answer.status_code == httpx2.codes.TOO_MANY_REQUESTS
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"
    milliseconds = int(answer.headers["retry-after-ms"])
    assert 0 < milliseconds <= 6500
    assert int(answer.headers["retry-after"]) == math.ceil(milliseconds / 1000)
    assert pool.proxy.books() == Books()
