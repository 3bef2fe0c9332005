"""Learning an account's limit from when it was refused."""

from __future__ import annotations

from addon.rotation.limits import Allowance, UpstreamLimits
from addon.rotation.moments import NEVER
from addon.rotation.prediction import Forecast, LearnedLimit

NOW = 10_000.0


def after(starts: int, *, refused_at: float | None = None, every: float = 1.0) -> Forecast:
    """A forecast after so many requests, the last of which was refused."""
    forecast = Forecast()
    for number in range(starts):
        forecast.start(NOW + number * every)
    forecast.refuse(NOW + starts * every if refused_at is None else refused_at, teaches=True)
    return forecast


def test_nothing_is_foreseen_of_an_account_that_was_never_refused() -> None:
    forecast = Forecast()
    for number in range(500):
        forecast.start(NOW + number / 100)

    assert forecast.spent_until(NOW + 5) == NEVER


def test_what_was_taken_within_a_minute_before_a_refusal_is_the_limit() -> None:
    assert after(31).learned == LearnedLimit(30, NOW + 31)


def test_refusals_of_one_burst_bring_the_limit_down_to_what_was_taken() -> None:
    forecast = Forecast()
    for _ in range(30):
        forecast.start(NOW)
    for _ in range(10):
        forecast.refuse(NOW + 0.2, teaches=True)

    assert forecast.learned == LearnedLimit(20, NOW + 0.2)


def test_it_is_spent_one_short_of_the_limit_until_there_is_room_again() -> None:
    forecast = after(21, every=0.0, refused_at=NOW)
    assert forecast.spent_until(NOW) == NOW + 60
    later = NOW + 60
    for _ in range(18):
        forecast.start(later)

    assert forecast.spent_until(later) == NEVER
    forecast.start(later + 5)
    assert forecast.spent_until(later + 5) == later + 60
    assert forecast.spent_until(later + 60) == NEVER


def test_at_the_limit_itself_it_is_full() -> None:
    forecast = after(21, every=0.0, refused_at=NOW)

    assert forecast.full_until(NOW) == NOW + 60
    later = NOW + 60
    for number in range(20):
        assert forecast.full_until(later) == NEVER, number
        forecast.start(later)
    assert forecast.full_until(later) == later + 60


def test_a_refusal_after_hardly_any_request_teaches_nothing() -> None:
    assert after(3).learned is None


def test_a_refusal_for_another_reason_teaches_nothing() -> None:
    forecast = Forecast()
    for _ in range(30):
        forecast.start(NOW)
    forecast.refuse(NOW, teaches=False)

    assert forecast.learned is None


def test_requests_served_beyond_the_limit_raise_it_one_by_one() -> None:
    forecast = after(11)
    for number in range(5):
        forecast.start(NOW + 12)
        forecast.serve(NOW + 13 + number)

    assert forecast.learned == LearnedLimit(15, NOW + 17)


def test_what_was_learned_is_forgotten_after_an_hour() -> None:
    forecast = after(11)
    for _ in range(50):
        forecast.start(NOW + 3700)

    assert forecast.spent_until(NOW + 3700) == NEVER


def test_a_header_that_says_nothing_is_left_holds_the_account_back_until_its_reset() -> None:
    forecast = Forecast()
    forecast.observe(UpstreamLimits((Allowance(2, NOW + 30),)))
    assert forecast.spent_until(NOW) == NEVER
    forecast.start(NOW)
    forecast.start(NOW)

    assert forecast.spent_until(NOW) == NOW + 30
    assert forecast.spent_until(NOW + 30) == NEVER


def test_tokens_that_are_left_are_not_counted_down_by_requests() -> None:
    forecast = Forecast()
    forecast.observe(UpstreamLimits((Allowance(500, NOW + 30, in_tokens=True),)))
    forecast.start(NOW)
    assert forecast.spent_until(NOW) == NEVER

    forecast.observe(UpstreamLimits((Allowance(0, NOW + 30, in_tokens=True),)))
    assert forecast.spent_until(NOW) == NOW + 30


def test_a_clock_that_is_set_back_moves_the_last_minute_along() -> None:
    forecast = after(21, every=0.0, refused_at=NOW)
    forecast.set_back(3600)

    assert forecast.spent_until(NOW - 3600) == NOW - 3600 + 60
