"""What the pool does in bad weather: limits, failures, crowds, restarts."""

from __future__ import annotations

import pytest

from addon.rotation.decision import Chosen, Limited, Needs, Pace
from addon.rotation.ledger import DayCount
from addon.rotation.limits import Allowance, UpstreamLimits
from addon.rotation.moments import next_midnight_in_beijing
from addon.rotation.outcome import (
    Failed,
    LimitKind,
    Outcome,
    RateLimited,
    Served,
    Unauthorized,
    Usage,
)
from addon.rotation.policy import BreakerPolicy, Policy, RateLimitAction, Strategy
from addon.rotation.pool import Pool
from addon.rotation.prediction import LearnedLimit
from addon.rotation.record import AccountRecord
from addon.rotation.strategies import Grade
from tests.rotation.builders import ANY, START, chosen, key, pool_of, serve, view

PACING = Policy(rate_limit_action=RateLimitAction.PACE)
CODER = Needs(model="coder")


def settle(pool: Pool, name: str, outcome: Outcome, now: float, jitter: float = 0.0) -> None:
    pool.take(name, ANY, now)
    pool.settle(key(name), ANY, outcome, now, jitter=jitter)


# Limits


def test_a_limit_of_unknown_length_rests_for_a_tier_with_jitter() -> None:
    pool = pool_of(key("a"))
    settle(pool, "a", RateLimited(), START, jitter=0.25)

    assert pool.choose(ANY, START) == Limited(START + 1.5)


def test_refusals_within_two_seconds_cost_health_once() -> None:
    pool = pool_of(key("a"))
    for later in (0.0, 0.1, 1.9):
        settle(pool, "a", RateLimited(30), START + later)
    assert view(pool, "a", START + 2).health == pytest.approx(60, abs=0.01)

    settle(pool, "a", RateLimited(30), START + 2)
    assert view(pool, "a", START + 2).health == pytest.approx(50, abs=0.01)


def test_a_spent_quota_cools_and_costs_no_health() -> None:
    pool = pool_of(key("a"))
    settle(pool, "a", RateLimited(7200, kind=LimitKind.DAY), START)

    assert pool.choose(ANY, START) == Limited(START + 7200)
    assert view(pool, "a").health == 70


ALLOCATION = RateLimited(kind=LimitKind.ALLOCATION)


def refused_at_each_return(pool: Pool, times: int, now: float) -> list[float]:
    """How long the account rests each time when it's refused so often in a row, from ``now``."""
    rests = []
    for _ in range(times):
        settle(pool, "a", ALLOCATION, now, jitter=0.9)
        decision = pool.choose(ANY, now)
        assert isinstance(decision, Limited)
        rests.append(decision.free_at - now)
        now = decision.free_at
    return rests


def test_an_allocation_that_is_one_of_the_minute_costs_a_minute() -> None:
    pool = pool_of(key("a"))

    assert refused_at_each_return(pool, 1, START) == [60]
    serve(pool, Served(), START + 60)
    assert refused_at_each_return(pool, 1, START + 600) == [60]
    assert view(pool, "a", START + 600).health == pytest.approx(71, abs=0.5)


def test_an_allocation_that_stays_spent_is_left_for_longer_up_to_the_days_end() -> None:
    pool = pool_of(key("a"))
    midnight = next_midnight_in_beijing(START)

    rests = refused_at_each_return(pool, 5, START)

    assert rests[:4] == [60, 300, 1800, 7200]
    assert START + sum(rests) == midnight
    assert refused_at_each_return(pool, 2, midnight) == [900, 86_400 - 900]


def test_requests_that_meet_a_spent_allocation_together_count_once() -> None:
    pool = pool_of(key("a"))
    for _ in range(5):
        pool.take("a", ANY, START)
    for second in range(5):
        pool.settle(key("a"), ANY, ALLOCATION, START + second)

    assert pool.choose(ANY, START + 5) == Limited(START + 60)


def test_pace_waits_for_the_same_account_if_it_will_not_be_long() -> None:
    pool = pool_of(key("a"), key("b"), policy=PACING)
    for name in "ab":
        pool.take(name, ANY, START)

    assert pool.settle(key("a"), ANY, RateLimited(5), START) == Pace(5)
    assert pool.settle(key("b"), ANY, RateLimited(11), START) is None
    assert chosen(pool, START + 5) == "a"


def test_the_account_that_is_preferred_serves_if_it_can() -> None:
    pool = pool_of(key("a"), key("b"))
    pool.take("b", ANY, START)

    assert pool.choose(ANY, START, prefer="b") == Chosen(key("b"))
    pool.settle(key("b"), ANY, RateLimited(5), START)
    assert chosen(pool, START) == "a"
    assert pool.choose(ANY, START + 5, frozenset("b"), prefer="b") == Chosen(key("b"))


# Crowds


@pytest.mark.parametrize("outcome", [RateLimited(60), Failed("503"), Unauthorized()], ids=repr)
def test_requests_that_fall_over_to_one_account_together_go_out_one_after_the_other(
    outcome: Outcome,
) -> None:
    pool = pool_of(key("a"), key("b"))
    settle(pool, "a", outcome, START)

    delays = []
    for _ in range(3):
        decision = pool.choose(ANY, START, frozenset("a"))
        assert isinstance(decision, Chosen)
        delays.append(decision.delay_seconds)
        pool.take("b", ANY, START)
    assert delays == pytest.approx([0, 0.1, 0.2], abs=1e-6)


def test_an_account_back_from_its_rest_is_not_run_down_by_all_who_waited() -> None:
    pool = pool_of(key("a"))
    settle(pool, "a", RateLimited(60), START)
    back = START + 60
    delays = []
    while isinstance(decision := pool.choose(ANY, back), Chosen):
        delays.append(decision.delay_seconds)
        pool.take("a", ANY, back)

    assert delays == [0, 0.5]
    assert decision == Limited(back + 0.5)


# Failures


def test_an_account_that_keeps_failing_is_left_alone_and_probed() -> None:
    pool = pool_of(key("a"), key("b"), policy=Policy(breaker=BreakerPolicy(2, 30)))
    for _ in range(2):
        pool.take("a", ANY, START)
        pool.settle(key("a"), ANY, Failed("503"), START)
    assert pool.choose(ANY, START, frozenset("b")) == Limited(START + 30)
    assert view(pool, "a").tripped_until == START + 30
    assert view(pool, "a").cooling_until is None

    assert chosen(pool, START + 30, exclude="b") == "a"
    pool.take("a", ANY, START + 30)
    assert pool.choose(ANY, START + 30, frozenset("b")) == Limited(START + 60)
    pool.settle(key("a"), ANY, Served(), START + 31)
    assert chosen(pool, START + 31, exclude="b") == "a"


# Prediction


@pytest.mark.parametrize(
    "breaker", [BreakerPolicy(3, 10), BreakerPolicy(9, 600)], ids=["shorter rest", "more failures"]
)
def test_another_policy_holds_for_an_open_breaker_too(breaker: BreakerPolicy) -> None:
    pool = pool_of(key("a"), policy=Policy(breaker=BreakerPolicy(3, 600)))
    for _ in range(3):
        settle(pool, "a", Failed("503"), START)
    assert pool.choose(ANY, START + 10) == Limited(START + 600)

    pool.reconfigure(Policy(breaker=breaker), START)

    assert chosen(pool, START + 10) == "a"


def test_an_account_short_of_its_limit_is_held_back_while_others_can_serve() -> None:
    policy = Policy(strategy=Strategy.SEQUENTIAL)
    pool = pool_of(key("a"), key("b"), policy=policy)
    pool.restore("a", AccountRecord(learned=LearnedLimit(10, START)))

    assert [serve(pool, Served()) for _ in range(11)] == [*"aaaaaaaaa", "b", "b"]
    assert (view(pool, "a").grade, view(pool, "b").grade) == (Grade.SPENT, Grade.FIT)
    assert chosen(pool, START, exclude="b") == "a"


def test_what_the_upstream_says_is_left_counts_as_well() -> None:
    pool = pool_of(key("a"), key("b"))
    pool.observe("a", UpstreamLimits((Allowance(0, START + 20),)), START)
    pool.observe("gone", UpstreamLimits((Allowance(0, START + 20),)), START)

    assert chosen(pool) == "b"
    assert chosen(pool, exclude="b") == "a"
    assert view(pool, "a").spent_until == START + 20


# What is kept


def test_a_restart_forgets_nothing_that_matters() -> None:
    pool = pool_of(key("a"), key("b"))
    serve(pool, Served(Usage(100, 10, 80)))
    serve(pool, RateLimited(600))
    serve(pool, RateLimited(60, model="coder"), needs=CODER)
    serve(pool, Failed("503"))
    before = pool.views(START)

    again = pool_of(key("a"), key("b"))
    for name in "ab":
        again.restore(name, AccountRecord.from_json(pool.record(name).to_json()))

    assert again.views(START) == before
    assert sum(each.today.requests for each in before) == 4
    assert sum(each.today.refused for each in before) == 2
    assert sum(each.today.cached_tokens for each in before) == 80


def test_what_changed_is_dirty_until_it_is_kept() -> None:
    pool = pool_of(key("a"), key("b"))
    serve(pool, Served())
    assert pool.dirty() == {"a"}

    first = pool.record("a")
    assert pool.dirty() == {"a"}
    pool.keep("a", first)
    assert pool.dirty() == frozenset()


def test_what_happens_while_a_record_is_written_is_for_the_next() -> None:
    pool = pool_of(key("a"))
    serve(pool, Served(Usage(100, 10)))
    first = pool.record("a")
    serve(pool, Served(Usage(1, 1)))
    pool.keep("a", first)

    assert pool.dirty() == {"a"}
    (second,) = pool.record("a").days.values()
    assert second == DayCount(requests=1, served=1, input_tokens=1, output_tokens=1)


def test_the_day_is_what_all_processes_did() -> None:
    pool = pool_of(key("a"))
    serve(pool, Served(Usage(100, 10)))
    (day,) = pool.record("a").days
    pool.hear("a", AccountRecord(days={day: DayCount(requests=7, input_tokens=900)}))

    assert view(pool, "a").today == DayCount(8, 0, 1000, 10, served=1)


def test_our_own_word_read_back_from_the_file_lifts_no_later_limit() -> None:
    pool = pool_of(key("a"))
    settle(pool, "a", RateLimited(30), START)
    written = pool.record("a").rate_limit_reset_at_ms
    settle(pool, "a", RateLimited(600), START + 1)
    pool.update_accounts([key("a", reset_at_ms=written)], START + 2)

    assert pool.choose(ANY, START + 2) == Limited(START + 601)


def test_a_cooldown_for_a_model_is_recorded_until_it_is_over() -> None:
    pool = pool_of(key("a"))
    serve(pool, RateLimited(30, model="coder"), needs=CODER)
    assert pool.record("a").model_cooling_until == {"coder": START + 30}

    pool.views(START + 30)
    assert pool.record("a").model_cooling_until == {}


# What other processes find out


def test_a_longer_rest_that_another_process_wrote_is_taken_over_and_a_shorter_is_not() -> None:
    pool = pool_of(key("a"))
    settle(pool, "a", RateLimited(60), START)

    pool.update_accounts([key("a", reset_at_ms=int((START + 30) * 1000))], START)
    assert pool.choose(ANY, START) == Limited(START + 60)
    pool.update_accounts([key("a", reset_at_ms=int((START + 90) * 1000))], START)
    assert pool.choose(ANY, START) == Limited(START + 90)


def test_a_rest_beyond_reason_is_not_taken_over() -> None:
    pool = pool_of(key("a"))
    pool.update_accounts([key("a", reset_at_ms=10**14)], START)

    assert pool.choose(ANY, START) == Limited(START + 31 * 86_400)


def test_our_own_word_read_back_from_the_file_does_not_bring_a_rest_back() -> None:
    pool = pool_of(key("a"))
    settle(pool, "a", RateLimited(600), START)
    written = pool.record("a").rate_limit_reset_at_ms
    pool.update_accounts([key("a", reset_at_ms=written)], START + 1)
    pool.update_accounts([key("a")], START + 2)  # somebody took it out of the file by hand
    assert chosen(pool, START + 2) == "a"

    pool.update_accounts([key("a", reset_at_ms=written)], START + 3)

    assert chosen(pool, START + 3) == "a"


def test_an_old_rest_that_comes_up_does_not_slow_the_return_from_a_newer() -> None:
    pool = pool_of(key("a"))
    settle(pool, "a", RateLimited(60), START)
    for _ in range(2):
        pool.take("a", ANY, START + 60)
    assert pool.choose(ANY, START + 60) == Limited(START + 60.5)

    pool.update_accounts([key("a", reset_at_ms=int((START + 30) * 1000))], START + 60)

    assert pool.choose(ANY, START + 60) == Limited(START + 60.5)
