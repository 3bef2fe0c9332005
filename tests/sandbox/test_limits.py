"""The rate limit: so many requests in any sixty seconds, for each account."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.sandbox.limits import RateLimiter


def test_the_request_over_the_limit_waits_for_the_oldest_to_leave_the_window() -> None:
    limiter = RateLimiter(2)
    assert limiter.admit("a", 100) is None
    assert limiter.admit("a", 110) is None
    assert limiter.admit("a", 115) == 45
    assert limiter.admit("a", 160) is None
    assert limiter.admit("a", 160) == 10


def test_a_refused_request_does_not_count() -> None:
    limiter = RateLimiter(1)
    limiter.admit("a", 0)
    assert [limiter.admit("a", now) for now in (10, 20, 30)] == [50, 40, 30]
    assert limiter.admit("a", 60) is None


def test_accounts_do_not_share_a_limit() -> None:
    limiter = RateLimiter(1)
    assert limiter.admit("a", 0) is None
    assert limiter.admit("b", 0) is None
    assert limiter.admit("a", 0) is not None


def test_a_limit_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RateLimiter(0)


@given(st.lists(st.floats(0, 200), max_size=60).map(sorted), st.integers(1, 5))
def test_no_sixty_seconds_hold_more_than_the_limit(times: list[float], limit: int) -> None:
    limiter = RateLimiter(limit)
    admitted = [now for now in times if limiter.admit("a", now) is None]
    for start in admitted:
        assert sum(start <= now < start + 60 for now in admitted) <= limit


@given(st.lists(st.floats(0, 200), min_size=1, max_size=60).map(sorted), st.integers(1, 5))
def test_who_waits_as_long_as_told_is_admitted(times: list[float], limit: int) -> None:
    limiter = RateLimiter(limit)
    for now in times:
        wait_seconds = limiter.admit("a", now)
        if wait_seconds is not None:
            assert 0 < wait_seconds <= 60.001
            assert limiter.admit("a", now + wait_seconds + 1e-6) is None
            return
