"""Where an account stands: the hybrid formula, worked by hand."""

from __future__ import annotations

import math

import pytest

from addon.rotation.bucket import TokenBucket
from addon.rotation.health import HealthScore
from addon.rotation.moments import NEVER
from addon.rotation.policy import BucketPolicy, HealthPolicy, Policy, Strategy
from addon.rotation.state import AccountState
from addon.rotation.strategies import Grade, Standing, standing

NOW = 10_000.0


def account_with(
    health: float, tokens: float, unused_seconds: float, in_flight: int = 0
) -> AccountState:
    return AccountState(
        health=HealthScore(health, NOW),
        bucket=TokenBucket(tokens, NOW),
        last_used=NOW - unused_seconds,
        in_flight=in_flight,
    )


@pytest.mark.parametrize(
    ("health", "tokens", "size", "unused_seconds", "score"),
    [
        # twice the health, five times the tokens out of fifty, a tenth of the seconds up to 3600
        pytest.param(100, 50, 50, math.inf, 200 + 250 + 360, id="perfect and never used"),
        pytest.param(70, 50, 50, math.inf, 140 + 250 + 360, id="new"),
        pytest.param(70, 49, 50, 0, 140 + 245 + 0, id="just used for the first time"),
        pytest.param(60, 12, 50, 120, 120 + 60 + 12, id="limited once, two minutes ago"),
        pytest.param(0, 0, 50, 0, 0, id="nothing left"),
        pytest.param(70, 10, 10, 0, 140 + 250, id="a small bucket counts as much when full"),
        pytest.param(70, 5, 10, 0, 140 + 125, id="and half as much when half full"),
        pytest.param(70, 100, 200, 0, 140 + 125, id="so does a large one"),
        pytest.param(70, 0, 50, 3599, 140 + 359.9, id="almost an hour unused"),
        pytest.param(70, 0, 50, 7200, 140 + 360, id="two hours count as one"),
    ],
)
def test_the_hybrid_score_is_the_formula(
    health: float, tokens: float, size: float, unused_seconds: float, score: float
) -> None:
    policy = Policy(bucket=BucketPolicy(max_tokens=size))

    where = standing(account_with(health, tokens, unused_seconds), NOW, policy)

    assert where.score == pytest.approx(score)


@pytest.mark.parametrize(
    ("health", "tokens", "tired"),
    [(50, 1, False), (49.9, 1, True), (50, 0.9, True), (100, 0, True), (0, 50, True)],
)
def test_under_min_usable_or_without_a_whole_token_an_account_is_tired(
    health: float, tokens: float, *, tired: bool
) -> None:
    grade = standing(account_with(health, tokens, 0), NOW, Policy()).grade

    assert (grade is Grade.TIRED) is tired


@pytest.mark.parametrize(
    ("state", "per_second"),
    [
        pytest.param(account_with(70, 10, 0), 2 * 2 / 3600 + 5 * 0.1 + 0.1, id="all three rise"),
        pytest.param(account_with(70, 10, 0, in_flight=1), 0.5 + 0.1, id="busy: health does not"),
        pytest.param(account_with(70, 50, 9999), 2 * 2 / 3600, id="health alone"),
        pytest.param(account_with(100, 50, 9999), 0, id="nothing left to gain"),
    ],
)
def test_a_score_rises_by_what_still_has_room(state: AccountState, per_second: float) -> None:
    assert standing(state, NOW, Policy()).rises_per_second == pytest.approx(per_second)


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        pytest.param(account_with(70, 0, 9999), 10, id="a whole token"),
        pytest.param(account_with(70, 40, 9999), 100, id="a full bucket"),
        pytest.param(account_with(70, 50, 3590), 10, id="rested for an hour"),
        pytest.param(account_with(49, 50, 9999), 1800, id="usable again"),
        pytest.param(account_with(99, 50, 9999), 1800, id="in perfect health"),
        pytest.param(account_with(100, 50, 9999), math.inf, id="nothing to come"),
    ],
)
def test_a_standing_holds_until_the_next_rise_ends(state: AccountState, seconds: float) -> None:
    assert standing(state, NOW, Policy()).holds_until == pytest.approx(NOW + seconds)


def test_what_holds_is_the_straight_line_to_that_moment() -> None:
    state, policy = account_with(49, 0, 3590), Policy()
    first = standing(state, NOW, policy)

    last = standing(state, first.holds_until, policy)

    gained = first.rises_per_second * (first.holds_until - NOW)
    assert last.score == pytest.approx(first.score + gained)


def test_rates_of_zero_never_promise_a_change() -> None:
    frozen = Policy(
        health=HealthPolicy(recovery_rate_per_hour=0),
        bucket=BucketPolicy(regeneration_rate_per_minute=0),
    )
    where = standing(account_with(10, 0, 9999), NOW, frozen)

    assert (where.rises_per_second, where.holds_until) == (0, math.inf)


def test_an_account_that_was_never_used_is_as_fresh_as_can_be() -> None:
    state = AccountState.fresh(NOW, Policy())

    assert state.last_used == NEVER
    assert standing(state, NOW, Policy()).score == 140 + 250 + 360


@pytest.mark.parametrize("strategy", [Strategy.ROUND_ROBIN, Strategy.SEQUENTIAL])
def test_by_file_order_all_accounts_stand_alike(strategy: Strategy) -> None:
    weary = account_with(1, 0, 0, in_flight=9)

    assert standing(weary, NOW, Policy(strategy=strategy)) == Standing()
