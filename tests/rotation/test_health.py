"""Health: one number that rewards, punishes and heals."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from addon.rotation.health import HealthScore

HOUR = 3600.0


def test_health_recovers_by_the_hour_up_to_a_hundred() -> None:
    health = HealthScore(70, as_of=0)

    assert health.at(HOUR / 2, recovery_rate_per_hour=2).score == 71
    assert health.at(15 * HOUR, recovery_rate_per_hour=2).score == 100
    assert health.at(99 * HOUR, recovery_rate_per_hour=2).score == 100


def test_without_a_recovery_rate_only_the_moment_moves() -> None:
    assert HealthScore(70, as_of=0).at(HOUR, 0) == HealthScore(70, as_of=HOUR)


def test_a_clock_that_was_set_back_recovers_nothing() -> None:
    assert HealthScore(70, as_of=HOUR).at(0, 2) == HealthScore(70, as_of=0)


@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.none()), max_size=30),
    st.floats(0, 1e3),
)
def test_health_stays_within_its_bounds_whatever_happens(
    events: list[float | None], rate: float
) -> None:
    health = HealthScore(70, as_of=0)
    for number, points in enumerate(events):
        health = health.at(number * HOUR, rate) if points is None else health.changed_by(points)
        assert 0 <= health.score <= 100
