"""What a mitmdump knew of its accounts is known to the next one: it stands in the accounts file."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final, cast

import pytest

from tests.conftest import StartMitm
from tests.support.chat import MODEL
from tests.support.pool import COST, Pool
from tests.support.proxy import REVERSE, Setup
from tests.support.recorder import Recorder
from tests.support.replies import refusal
from tests.support.upstream import Upstream

LIMITED: Final = refusal(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "900"})
MODEL_LIMITED: Final = refusal(
    429, None, f"Too many requests for {MODEL}.", headers={"retry-after": "900"}
)
DAY_SPENT: Final = refusal(403, "insufficient_quota", "Free allocated quota exceeded.")


@pytest.fixture
def pool(start_mitm: StartMitm, upstream: Upstream, recorder: Recorder) -> Pool:
    proxy = start_mitm(Setup(accounts=[], modes=[REVERSE]))
    return Pool(proxy, upstream).begin(recorder)


@pytest.mark.parametrize("after_kill", [False, True], ids=["SIGTERM", "SIGKILL"])
def test_an_account_that_rests_is_not_asked_by_the_next_process(
    pool: Pool, after_kill: bool
) -> None:
    pool.has(
        pool.fresh("model", priority=-3),
        pool.fresh("minute", priority=-2),
        pool.fresh("day", priority=-1),
        "serving",
    )
    pool.refusing |= {"model": MODEL_LIMITED, "minute": LIMITED, "day": DAY_SPENT}
    assert pool.account_for() == "serving"
    if after_kill:
        pool.wait_until_resting("minute", "day")

    pool.proxy.restart(after_kill=after_kill)

    assert pool.account_for() == "serving"
    assert pool.asked == ["model", "minute", "day", "serving", "serving"]


def counted(pool: Pool) -> dict[str, Counter[str]]:
    """By label, what the accounts did today, or yesterday where midnight came between."""
    counts = {}
    for entry in pool.entries():
        days = cast(dict[str, dict[str, int]], entry["days"])
        assert set(days) <= {time.strftime("%F", time.gmtime(time.time() - s)) for s in (0, 60)}
        counts[str(entry["label"])] = sum(map(Counter, days.values()), Counter[str]())
    return counts


def test_tokens_of_answers_that_are_handed_on_untouched_are_counted_too(pool: Pool) -> None:
    pool.has("serving")
    with pool.recorder.client() as client:
        for stream in (True, False):
            messages = [{"role": "user", "content": "Hi"}]
            body = {"model": MODEL, "messages": messages, "stream": stream}
            client.post(f"{pool.proxy.base_url}/chat/completions", json=body).raise_for_status()
    pool.proxy.stop()

    assert counted(pool) == {
        "serving": {
            "requests": 2,
            "served": 2,
            "inputTokens": 2 * COST.prompt,
            "outputTokens": 2 * COST.completion,
            "cachedTokens": 2 * COST.cached,
        },
    }


def test_requests_refusals_and_tokens_are_counted_for_each_account_and_day(pool: Pool) -> None:
    pool.has(pool.fresh("refused", priority=-1), "serving")
    pool.refusing["refused"] = LIMITED
    for stream in (True, False):
        assert pool.account_for(stream=stream) == "serving"
    pool.proxy.restart()
    assert pool.account_for() == "serving"
    pool.proxy.stop()

    assert counted(pool) == {
        "refused": {"requests": 1, "refused": 1},
        "serving": {
            "requests": 3,
            "inputTokens": 3 * COST.prompt,
            "outputTokens": 3 * COST.completion,
            "cachedTokens": 3 * COST.cached,
            "served": 3,
        },
    }
