"""What upstreams say of their limits in headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.rotation.limits import Allowance, UpstreamLimits, read_limits

NOW = 1_767_225_600.0
"""2026-01-01 00:00 UTC."""


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        ("120ms", 0.12),
        ("30", 30),
        ("0.5", 0.5),
        ("1767225660", 60),
        ("1767225660000", 60),
        ("2026-01-01T00:01:00Z", 60),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60),
    ],
)
def test_a_reset_is_understood_in_every_form_that_is_seen(reset: str, seconds: float) -> None:
    headers = {"X-RateLimit-Remaining-Requests": "3", "X-RateLimit-Reset-Requests": reset}

    limits = read_limits(headers, NOW)

    assert limits is not None
    assert limits.allowances[0].reset_at == pytest.approx(NOW + seconds)


def test_each_remaining_goes_with_its_own_reset() -> None:
    headers = {
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "2s",
        "ratelimit-remaining": "1",
        "ratelimit-reset": "3",
    }

    assert read_limits(headers, NOW) == UpstreamLimits(
        (
            Allowance(59, NOW + 1),
            Allowance(0, NOW + 2, in_tokens=True),
            Allowance(1, NOW + 3),
        )
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/event-stream"},
        {"x-ratelimit-remaining": "3"},
        {"x-ratelimit-remaining": "some", "x-ratelimit-reset": "30"},
        {"x-ratelimit-remaining": "3", "x-ratelimit-reset": "later"},
        {"x-ratelimit-remaining": "3", "x-ratelimit-reset": "-5"},
        {"x-ratelimit-remaining": "3", "x-ratelimit-reset": "0"},
        {"x-ratelimit-remaining": "3", "x-ratelimit-reset": "900000000"},
        {"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-tokens": "3"},
    ],
)
def test_what_makes_no_sense_says_nothing(headers: dict[str, str]) -> None:
    assert read_limits(headers, NOW) is None


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_header_is_too_strange(remaining: str, reset: str) -> None:
    read_limits({"x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset}, NOW)
