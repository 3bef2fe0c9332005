"""How long an account rests when nobody knows how long, and how it comes back."""

from __future__ import annotations

import pytest

from addon.rotation.backoff import RESTED, TIERS_SECONDS
from addon.rotation.policy import RetryStrategy
from addon.rotation.recovery import LAST_PAUSE_SECONDS, WELL, Recovery

NOW = 1000.0


@pytest.mark.parametrize("strategy", RetryStrategy)
def test_each_refusal_in_a_row_raises_the_tier_up_to_the_last(strategy: RetryStrategy) -> None:
    backoff, rests = RESTED, []
    for number in range(12):
        backoff = backoff.after_refusal(NOW + number * 10, 0)
        rests.append(backoff.rest_seconds(strategy, 0.0))

    tiers = TIERS_SECONDS[strategy]
    assert rests == [*tiers, *[tiers[-1]] * (12 - len(tiers))]


def test_a_rest_of_the_minute_or_the_day_grows_until_it_is_the_days() -> None:
    backoff, rests = RESTED, []
    for number in range(6):
        backoff = backoff.after_refusal(NOW + number * 10_000, 0)
        rests.append(backoff.allocation_rest_seconds(50_000))

    assert rests == [60, 300, 1800, 7200, 50_000, 50_000]
    assert backoff.allocation_rest_seconds(20) == 20


def test_jitter_is_full_and_never_leaves_no_rest_at_all() -> None:
    backoff = RESTED.after_refusal(NOW, 0).after_refusal(NOW + 5, 0)

    rests = [backoff.rest_seconds(RetryStrategy.BALANCED, jitter) for jitter in (0.0, 0.5, 0.999)]
    assert rests == pytest.approx([5, 2.5, 0.005])


def test_refusals_within_two_seconds_count_once() -> None:
    backoff = RESTED.after_refusal(NOW, 0)

    assert [backoff.counts(NOW + later) for later in (0, 1.9, 2)] == [False, False, True]


def test_a_success_ends_the_row() -> None:
    backoff = RESTED.after_refusal(NOW, 0).after_end(served=True)

    assert backoff.refusals == 0


def test_a_success_that_was_on_its_way_before_the_refusal_does_not() -> None:
    backoff = RESTED.after_refusal(NOW, in_flight=2)
    for _ in range(2):
        backoff = backoff.after_end(served=True)
        assert backoff.refusals == 1

    assert backoff.after_end(served=True).refusals == 0


def test_from_a_rest_requests_come_back_one_by_one_and_soon_all() -> None:
    recovery, now, moments = Recovery.from_rest(NOW), NOW, []
    for _ in range(6):
        moments.append(now - NOW)
        recovery = recovery.after_start(now)
        now = recovery.next_start

    assert moments == pytest.approx([0, 0.5, 0.75, 0.875, 0.9375, 0.9875])
    assert recovery.after_start(now).next_start == pytest.approx(now + LAST_PAUSE_SECONDS)
    assert recovery.after_start(NOW + 60) == recovery


def test_one_request_is_let_in_ahead_of_its_time() -> None:
    first = Recovery.from_rest(NOW).after_start(NOW)
    assert (first.shut_until, first.next_start) == (NOW, NOW + 0.5)

    second = first.after_start(NOW)
    assert (second.shut_until, second.next_start) == (NOW + 0.5, NOW + 0.75)


def test_an_account_that_was_never_limited_takes_all_at_once() -> None:
    assert WELL.after_start(NOW) == WELL
