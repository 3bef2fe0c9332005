"""What upstreams' refusals mean for the account: the facts' table, row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from addon.rotation.outcome import (
    Failed,
    LimitKind,
    Outcome,
    RateLimited,
    RequestRefused,
    Unauthorized,
)
from addon.rotation.refusals import ASKED_AGAIN_SECONDS, Refused, outcome_of

WEDNESDAY_NOON = datetime(2026, 8, 5, 12, 0, tzinfo=UTC).timestamp()
BEIJING = timezone(timedelta(hours=8))
DAY = (datetime(2026, 8, 6, tzinfo=BEIJING)).timestamp() - WEDNESDAY_NOON
MONDAY = (datetime(2026, 8, 10, tzinfo=BEIJING)).timestamp() - WEDNESDAY_NOON


def limited(refused: Refused, now: float = WEDNESDAY_NOON) -> RateLimited:
    outcome = outcome_of(refused, now)
    assert isinstance(outcome, RateLimited), outcome
    return outcome


@pytest.mark.parametrize(
    "code", ["rate_limit_exceeded", "Throttling.RateQuota", "Throttling", None]
)
@pytest.mark.parametrize("wait", [None, 7.0])
def test_too_many_a_minute_passes_when_the_upstream_says_or_nobody_knows(
    code: str | None, wait: float | None
) -> None:
    refused = Refused(429, code, None, "Too many requests.", wait)

    assert outcome_of(refused, WEDNESDAY_NOON) == RateLimited(wait, kind=LimitKind.RATE)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "seconds"),
    [
        (429, "insufficient_quota", "You exceeded your current quota.", LimitKind.DAY, DAY),
        (403, "insufficient_quota", "No.", LimitKind.DAY, DAY),
        (429, "quota_exceeded", "No.", LimitKind.DAY, DAY),
        (403, None, "free allocated quota exceeded", LimitKind.DAY, DAY),
        (429, None, "Free allocated quota exceeded.", LimitKind.DAY, DAY),
        (429, None, "hour allocated quota exceeded", LimitKind.HOURS, ASKED_AGAIN_SECONDS),
        (429, None, "week allocated quota exceeded", LimitKind.WEEK, MONDAY),
        (429, None, "month allocated quota exceeded", LimitKind.MONTH, DAY),
        (429, "rate_limit_exceeded", "week allocated quota exceeded", LimitKind.WEEK, MONDAY),
        (429, "Throttling.AllocationQuota", "Slow down.", LimitKind.RATE, None),
        (
            429,
            "Throttling.AllocationQuota",
            "Allocated quota exceeded, please increase your quota limit",
            LimitKind.ALLOCATION,
            None,
        ),
        (429, "Throttling.AllocationQuota", "Free allocated quota exceeded.", LimitKind.DAY, DAY),
        (429, "Throttling.AllocationQuota", "week allocated quota", LimitKind.WEEK, MONDAY),
        (
            429,
            "Throttling.AllocationQuota",
            "Quota exceeded: tokens per minute",
            LimitKind.RATE,
            None,
        ),
        (429, "Throttling.AllocationQuota", "hour allocated quota", LimitKind.HOURS, 900),
        (429, "rate_limit_exceeded", "Quota exceeded: 60 per minute", LimitKind.RATE, None),
        (429, "rate_limit_exceeded", "Request quota exceeded", LimitKind.RATE, None),
        (403, "Throttling.RateQuota", "Slow down.", LimitKind.RATE, None),
        (402, None, "Insufficient Balance", LimitKind.BALANCE, DAY),
        (400, "Arrearage", "Access denied.", LimitKind.BALANCE, DAY),
    ],
)
def test_what_is_spent_and_when_it_is_back(
    status: int, code: str | None, message: str, kind: LimitKind, seconds: float | None
) -> None:
    outcome = limited(Refused(status, code, None, message))

    assert (outcome.kind, outcome.retry_after_seconds) == (kind, seconds)


def test_how_long_an_allocation_is_spent_is_the_upstreams_to_say() -> None:
    refused = Refused(429, "Throttling.AllocationQuota", None, "Quota exceeded.", 7.0)

    assert limited(refused) == RateLimited(7.0, kind=LimitKind.ALLOCATION)


def test_a_type_tells_what_a_code_may() -> None:
    assert limited(Refused(429, None, "insufficient_quota", "No.")).kind is LimitKind.DAY


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 8, 5, 15, 59, tzinfo=UTC), 1 / 60),
        (datetime(2026, 8, 5, 16, 15, tzinfo=UTC), 23.75),
        (datetime(2026, 12, 31, 20, 0, tzinfo=UTC), 20),
    ],
)
def test_the_day_ends_at_midnight_in_beijing(now: datetime, hours: float) -> None:
    outcome = limited(Refused(403, "quota_exceeded"), now.timestamp())

    assert outcome.retry_after_seconds == pytest.approx(hours * 3600)


@pytest.mark.parametrize(
    ("now", "days"),
    [
        (datetime(2026, 8, 9, 15, 59, 59, tzinfo=UTC), 1 / 86_400),
        (datetime(2026, 8, 9, 16, 15, tzinfo=UTC), 7 - 1 / 96),
        (datetime(2026, 8, 10, 16, 0, tzinfo=UTC), 6),
    ],
)
def test_the_week_ends_on_monday_in_beijing(now: datetime, days: float) -> None:
    outcome = limited(Refused(429, message="week allocated quota exceeded"), now.timestamp())

    assert outcome.retry_after_seconds == pytest.approx(days * 86_400)


@pytest.mark.parametrize(
    "words", ["Free allocated quota exceeded", "week allocated quota exceeded"]
)
@pytest.mark.parametrize("late_seconds", [0, 1, 899])
def test_a_quota_that_is_not_back_on_the_dot_is_asked_for_once_more(
    words: str, late_seconds: int
) -> None:
    monday = datetime(2026, 8, 10, tzinfo=BEIJING).timestamp()

    outcome = limited(Refused(429, message=words), monday + late_seconds)

    assert outcome.retry_after_seconds == 900 - late_seconds


@pytest.mark.parametrize(("said", "seconds"), [(2.0, DAY), (7200.0, 7200.0)])
def test_a_spent_quota_is_not_believed_to_be_back_within_minutes(
    said: float, seconds: float
) -> None:
    refused = Refused(429, "insufficient_quota", retry_after_seconds=said)

    assert limited(refused).retry_after_seconds == seconds


@pytest.mark.parametrize(("said", "seconds"), [(0.0, None), (-1.0, None), (1e12, 31 * 86_400)])
def test_a_wait_that_makes_no_sense_is_made_to(said: float, seconds: float | None) -> None:
    assert limited(Refused(429, retry_after_seconds=said)).retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("refused", "outcome"),
    [
        (Refused(401, None, None, "invalid access token or token expired"), Unauthorized()),
        (Refused(403, None, None, "invalid api-key"), Unauthorized()),
        (Refused(403, "invalid_api_key", None, "No."), Unauthorized()),
        (Refused(403, "access_denied", None, "Not yours."), RequestRefused(403)),
        (Refused(400, "invalid_request", None, "Too long: over quota."), RequestRefused(400)),
        (Refused(404), RequestRefused(404)),
        (Refused(413), RequestRefused(413)),
        (Refused(422), RequestRefused(422)),
        (Refused(408, message="Slow."), Failed("408: Slow.")),
        (Refused(500, message="Oops."), Failed("500: Oops.")),
        (Refused(503, message="quota service down"), Failed("503: quota service down")),
    ],
)
def test_refusals_that_are_no_limits(refused: Refused, outcome: Outcome) -> None:
    assert outcome_of(refused, WEDNESDAY_NOON) == outcome


@pytest.mark.parametrize(
    ("code", "message", "model"),
    [
        (None, "Too many requests.", None),
        ("model_rate_limited", "Too many requests.", "coder"),
        ("Model.Throttled", "Too many requests.", "coder"),
        (None, "Rate limit reached for coder.", "coder"),
        (None, "vendor/qwen3-coder is temporarily limited upstream", "coder"),
        (None, "Rate limit reached for qwen3-coder-plus.", None),
        (None, "Rate limit reached for encoder.", None),
    ],
)
def test_a_refusal_about_one_model_is_told_apart(
    code: str | None, message: str, model: str | None
) -> None:
    refused = Refused(429, code, None, message, None, "coder", "qwen3-coder")

    assert limited(refused).model == model
