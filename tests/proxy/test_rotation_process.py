"""Which account serves next, on a real mitmdump: seen by the keys that come to the upstream."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

import pytest

from tests.proxy.conftest import PoolWith
from tests.support.chat import MODEL, Json, sse
from tests.support.replies import Reply, refusal, stream_reply

LIMITED: Final = refusal(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "900"})
OTHER_MODEL: Final = "qwen3-vl-plus"


def test_hybrid_spreads_requests_over_all_accounts(pool_with: PoolWith) -> None:
    pool = pool_with(rotation_strategy="hybrid")
    pool.has("a", "b", "c", "d")
    assert {pool.account_for() for _ in range(4)} == {"a", "b", "c", "d"}


def test_round_robin_takes_turns_in_the_order_of_the_file(pool_with: PoolWith) -> None:
    pool = pool_with(rotation_strategy="round-robin")
    pool.has("a", "b", "c")
    assert [pool.account_for() for _ in range(5)] == ["a", "b", "c", "a", "b"]


def test_sequential_stays_with_an_account_until_it_is_refused(pool_with: PoolWith) -> None:
    pool = pool_with(rotation_strategy="sequential")
    pool.has("a", "b", "c")
    assert [pool.account_for() for _ in range(3)] == ["a"] * 3

    pool.refusing["a"] = LIMITED
    assert [pool.account_for() for _ in range(3)] == ["b"] * 3

    assert pool.asked == ["a"] * 4 + ["b"] * 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says whose a connection is")
def test_the_order_starts_at_an_offset_of_the_clients_own_process(pool_with: PoolWith) -> None:
    pool = pool_with(rotation_strategy="sequential", pid_offset_enabled="true")
    client, proxy = os.getpid(), pool.proxy.pid
    count = next(n for n in range(2, 20) if client % n not in (0, proxy % n))
    labels = [str(number) for number in range(count)]
    pool.has(*labels)
    assert [pool.account_for() for _ in range(2)] == [labels[client % count]] * 2


@pytest.mark.parametrize("strategy", ["hybrid", "round-robin", "sequential"])
def test_a_lower_priority_serves_before_a_higher_one(pool_with: PoolWith, strategy: str) -> None:
    pool = pool_with(rotation_strategy=strategy)
    pool.has(pool.fresh("last", priority=7), "usual", pool.fresh("first", priority=-1))
    assert [pool.account_for() for _ in range(3)] == ["first"] * 3

    pool.refusing["first"] = LIMITED
    assert [pool.account_for() for _ in range(3)] == ["usual"] * 3

    pool.refusing["usual"] = LIMITED
    assert [pool.account_for() for _ in range(3)] == ["last"] * 3


def test_an_account_serves_the_models_that_it_lists(pool_with: PoolWith) -> None:
    pool = pool_with(rotation_strategy="hybrid")
    pool.has(
        pool.fresh("text", models=[MODEL]),
        pool.fresh("images", models=[OTHER_MODEL, "pictures"], modelMap={"pictures": OTHER_MODEL}),
    )
    assert [pool.account_for() for _ in range(2)] == ["text"] * 2
    assert [pool.account_for(model=OTHER_MODEL) for _ in range(2)] == ["images"] * 2
    assert pool.account_for(model="pictures") == "images"
    assert pool.upstream.requests[-1].json()["model"] == OTHER_MODEL

    refused = pool.ask(model="sounds")
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "model_not_found"


SESSIONS: Final[dict[str, Json]] = {
    "x-session-id": {"headers": {"x-session-id": "mine"}},
    "prompt_cache_key": {"prompt_cache_key": "mine"},
}


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_a_session_stays_with_the_account_whose_cache_it_has_warmed(
    pool_with: PoolWith, session: Any
) -> None:
    pool = pool_with(rotation_strategy="hybrid")
    pool.has("a", "b", "c")
    mine = pool.account_for(**session)
    assert {pool.account_for() for _ in range(2)} == {"a", "b", "c"} - {mine}
    assert [pool.account_for(**session) for _ in range(3)] == [mine] * 3


def test_a_session_moves_on_when_its_account_is_refused(pool_with: PoolWith) -> None:
    pool = pool_with(rotation_strategy="hybrid")
    pool.has("a", "b")
    mine = pool.account_for(prompt_cache_key="mine")

    pool.refusing[mine] = LIMITED
    (other,) = {"a", "b"} - {mine}
    assert [pool.account_for(prompt_cache_key="mine") for _ in range(2)] == [other] * 2


# --- limits


def test_a_limit_that_names_the_model_holds_for_that_model_alone(pool_with: PoolWith) -> None:
    pool = pool_with(rotation_strategy="hybrid")
    pool.has(pool.fresh("first", priority=-1), "second")
    pool.upstream.replies(
        refusal(429, None, f"Too many requests for {MODEL}.", headers={"retry-after": "900"})
    )
    assert pool.account_for() == "second"
    assert pool.account_for(model=OTHER_MODEL) == "first"
    assert pool.account_for() == "second"
    assert pool.asked == ["first", "second", "first", "second"]


def test_a_refusal_in_disguise_is_known_by_its_words(pool_with: PoolWith) -> None:
    pool = pool_with(rotation_strategy="hybrid")
    pool.has(pool.fresh("first", priority=-1), "second")
    spent = {"error": {"message": "hour allocated quota exceeded"}}
    pool.upstream.replies(stream_reply([sse(spent)]))
    assert [pool.account_for(stream=True) for _ in range(2)] == ["second"] * 2
    assert pool.asked == ["first", "second", "second"]


def test_pacing_waits_for_the_account_that_is_soon_free(pool_with: PoolWith) -> None:
    pool = pool_with(rate_limit_action="pace")
    pool.has(pool.fresh("first", priority=-1), "second")
    pool.upstream.replies(refusal(429, None, "Slow down.", headers={"retry-after-ms": "50"}))
    assert pool.account_for() == "first"
    assert pool.asked == ["first", "first"]


@pytest.mark.parametrize(
    "limit",
    [LIMITED, refusal(429, None, "Slow down.")],
    ids=["free again in a long time", "free again at an unknown time"],
)
def test_pacing_goes_on_to_the_next_account_otherwise(pool_with: PoolWith, limit: Reply) -> None:
    pool = pool_with(rate_limit_action="pace")
    pool.has(pool.fresh("first", priority=-1), "second")
    pool.upstream.replies(limit)
    assert pool.account_for() == "second"
    assert pool.asked == ["first", "second"]


def test_pacing_believes_an_account_once(pool_with: PoolWith) -> None:
    pool = pool_with(rate_limit_action="pace")
    pool.has(pool.fresh("first", priority=-1), "second")
    pool.refusing["first"] = refusal(429, None, "Slow down.", headers={"retry-after-ms": "50"})
    assert pool.account_for() == "second"
    assert pool.asked == ["first", "first", "second"]


# --- what others do to the file meanwhile


def test_an_account_that_was_removed_or_disabled_is_asked_no_more(pool_with: PoolWith) -> None:
    pool = pool_with(rotation_strategy="round-robin")
    pool.has("a", "b", "c")
    assert [pool.account_for() for _ in range(3)] == ["a", "b", "c"]

    pool.edit(lambda entries: [{**entries[0], "enabled": False}, entries[2]])
    assert [pool.account_for() for _ in range(2)] == ["c"] * 2


def test_an_account_that_was_added_takes_its_turn(pool_with: PoolWith) -> None:
    pool = pool_with(rotation_strategy="round-robin")
    pool.has("a", "b")
    assert pool.account_for() == "a"

    new = pool.fresh("new")
    pool.edit(lambda entries: [entries[0], new, entries[1]])
    assert [pool.account_for() for _ in range(3)] == ["new", "b", "a"]


@pytest.mark.parametrize("comes_back", [False, True], ids=["moved", "removed and put back"])
def test_what_is_known_of_an_account_stays_with_it(pool_with: PoolWith, comes_back: bool) -> None:
    pool = pool_with(rotation_strategy="sequential")
    pool.has("limited", "other")
    pool.refusing["limited"] = LIMITED
    assert pool.account_for() == "other"
    limited, other = pool.entries()

    if comes_back:
        pool.has(other)
        assert pool.account_for() == "other"
    pool.has(other, {**limited, "label": "renamed", "priority": -1})
    assert pool.account_for() == "other"
    assert pool.asked.count("limited") == 1
