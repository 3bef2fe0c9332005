"""What a refusal means, for the account and for the client."""

from __future__ import annotations

import pytest
from mitmproxy import http

from addon.broker import (
    Declined,
    Failed,
    LimitKind,
    Outcome,
    RateLimited,
    RequestRefused,
    Served,
    Unauthorized,
)
from addon.proxy.exchange import UpstreamRefusal
from addon.proxy.verdict import judge, outcome_untouched
from addon.translate import UpstreamError

NOW = 1_790_000_000.0


def refused(
    status: int | None,
    error: UpstreamError,
    headers: dict[str, str] | None = None,
    *,
    in_disguise: bool = False,
) -> UpstreamRefusal:
    return UpstreamRefusal(
        status=status,
        error=error,
        headers=http.Headers([(k.encode(), v.encode()) for k, v in (headers or {}).items()]),
        in_disguise=in_disguise,
    )


ERROR = UpstreamError("No.", "some_code")
QUOTA = UpstreamError("Free allocated quota exceeded.", "insufficient_quota")

VERDICTS: list[tuple[UpstreamRefusal, Outcome, int, str]] = [
    (refused(401, ERROR), Unauthorized(), 401, "some_code"),
    (refused(429, ERROR, {"retry-after": "7"}), RateLimited(7.0), 429, "rate_limit_exceeded"),
    (refused(429, UpstreamError("No.")), RateLimited(), 429, "rate_limit_exceeded"),
    (refused(403, QUOTA), RateLimited(6400.0, kind=LimitKind.DAY), 429, "rate_limit_exceeded"),
    (
        refused(402, UpstreamError("Pay first.")),
        RateLimited(6400.0, kind=LimitKind.BALANCE),
        429,
        "rate_limit_exceeded",
    ),
    (refused(403, ERROR), RequestRefused(403), 403, "some_code"),
    (refused(400, ERROR), RequestRefused(400), 400, "some_code"),
    (refused(404, ERROR), RequestRefused(404), 404, "some_code"),
    (refused(413, ERROR), RequestRefused(413), 413, "some_code"),
    (refused(422, ERROR), RequestRefused(422), 422, "some_code"),
    (refused(500, ERROR), Failed("500: No."), 500, "some_code"),
    (refused(503, ERROR), Failed("503: No."), 503, "some_code"),
    (refused(None, UpstreamError("reset")), Failed("reset"), 502, "upstream_unreachable"),
    (
        refused(200, QUOTA, in_disguise=True),
        RateLimited(6400.0, kind=LimitKind.DAY),
        429,
        "rate_limit_exceeded",
    ),
    (refused(200, ERROR, in_disguise=True), Failed("502: No."), 502, "some_code"),
]


@pytest.mark.parametrize(("refusal", "outcome", "status", "code"), VERDICTS)
def test_every_refusal_has_its_row(
    refusal: UpstreamRefusal, outcome: Outcome, status: int, code: str
) -> None:
    verdict = judge(refusal, NOW, model="coder")
    assert verdict.outcome == outcome
    assert (verdict.error.status, verdict.error.code) == (status, code)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_service_that_lists_no_models_may_serve_chat_all_the_same(status: int) -> None:
    verdict = judge(refused(status, ERROR), NOW, model=None)
    assert verdict.outcome == Declined(status)
    assert (verdict.error.status, verdict.error.code) == (status, "some_code")


@pytest.mark.parametrize(
    ("refusal", "outcome"),
    [
        (refused(429, ERROR), RateLimited()),
        (refused(403, QUOTA), RateLimited(6400.0, kind=LimitKind.DAY)),
        (refused(400, ERROR), RequestRefused(400)),
        (refused(500, ERROR), Failed("500: No.")),
    ],
)
def test_limits_and_failures_count_where_models_are_listed_too(
    refusal: UpstreamRefusal, outcome: Outcome
) -> None:
    assert judge(refusal, NOW, model=None).outcome == outcome


def test_a_redirect_is_not_followed() -> None:
    verdict = judge(refused(302, UpstreamError("Found")), NOW, model="coder")
    assert isinstance(verdict.outcome, Failed)
    assert (verdict.error.status, verdict.error.code) == (502, "upstream_invalid_response")


def test_a_spent_quota_reaches_the_client_as_a_wait_in_the_upstreams_words() -> None:
    error = judge(refused(403, QUOTA), NOW, model="coder").error
    assert (error.status, error.message) == (429, "Free allocated quota exceeded.")
    assert error.headers()["retry-after"] == "6400"


def test_the_wait_that_the_upstream_asks_for_reaches_the_client() -> None:
    verdict = judge(refused(429, ERROR, {"retry-after-ms": "1500"}), NOW, model="coder")
    assert verdict.error.headers()["retry-after"] == "2"
    assert verdict.error.headers()["retry-after-ms"] == "1500"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Served()),
        (304, Served()),
        (400, RequestRefused(400)),
        (401, Unauthorized()),
        (429, RateLimited(7.0)),
        (500, Failed("500: Internal Server Error")),
    ],
)
def test_an_answer_that_is_handed_on_untouched_is_judged_by_its_head(
    status: int, outcome: Outcome
) -> None:
    response = http.Response.make(status, b"", {"retry-after": "7"})
    assert outcome_untouched(response, NOW) == outcome
