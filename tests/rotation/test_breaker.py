"""When an account that keeps failing is left alone, and when it is tried again."""

from __future__ import annotations

from addon.rotation.breaker import CLOSED
from addon.rotation.moments import NEVER
from addon.rotation.policy import BreakerPolicy

NOW = 1000.0
POLICY = BreakerPolicy(failures=3, probe_seconds=30)


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = CLOSED.after_failure(NOW, POLICY).after_failure(NOW, POLICY)
    assert breaker.shut_until == NEVER

    assert breaker.after_failure(NOW, POLICY).shut_until == NOW + 30


def test_an_answer_between_failures_starts_the_row_anew() -> None:
    breaker = CLOSED.after_failure(NOW, POLICY).after_failure(NOW, POLICY).after_answer()

    assert breaker.after_failure(NOW, POLICY).shut_until == NEVER


def test_an_open_one_lets_one_request_through_each_time() -> None:
    breaker = CLOSED
    for _ in range(3):
        breaker = breaker.after_failure(NOW, POLICY)
    probing = breaker.after_start(NOW + 30, POLICY)

    assert probing.shut_until == NOW + 60
    assert probing.after_failure(NOW + 31, POLICY).shut_until == NOW + 61
    assert probing.after_answer() == CLOSED
    assert probing.after_nothing().shut_until == NEVER
    assert probing.after_nothing().after_start(NOW + 32, POLICY).shut_until == NOW + 62
