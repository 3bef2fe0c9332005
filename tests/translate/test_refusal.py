"""What upstreams say when they refuse, of every shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from addon.translate import UpstreamError, error_in, read_error_body, retry_after_seconds

NOW = 1_790_000_000.0

BODIES: list[tuple[str, bytes, UpstreamError]] = [
    (
        "OpenAI",
        b'{"error": {"message": "No.", "type": "t", "param": "p", "code": "c"}}',
        UpstreamError("No.", "c", "t", "p"),
    ),
    ("a text for an error", b'{"error": "No."}', UpstreamError("No.")),
    (
        "DashScope",
        b'{"code": "Throttling.RateQuota", "message": "No.", "request_id": "r"}',
        UpstreamError("No.", "Throttling.RateQuota"),
    ),
    ("FastAPI", b'{"detail": "Not Found"}', UpstreamError("Not Found")),
    (
        "a number for a code",
        b'{"error": {"message": "No.", "code": 429}}',
        UpstreamError("No.", "429"),
    ),
    ("an event", b'data: {"error": {"message": "No."}}\n\n', UpstreamError("No.")),
    (
        "DashScope's event",
        b'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"c","message":"No."}\n',
        UpstreamError("No.", "c"),
    ),
    ("a list of one", b'[{"error": {"message": "No.", "code": 400}}]', UpstreamError("No.", "400")),
    ("another name for the message", b'{"error_msg": "No."}', UpstreamError("No.")),
    ("a message alone", b'{"message": "No."}', UpstreamError("No.")),
    ("an object for a message", b'{"error": {"message": {"a": "b"}}}', UpstreamError('{"a": "b"}')),
    ("a list for detail", b'{"detail": ["a"]}', UpstreamError('["a"]')),
    (
        "a page of tags alone",
        b"<html><body></body></html>",
        UpstreamError("<html><body></body></html>"),
    ),
    ("no message", b'{"error": {"code": "c"}}', UpstreamError("c", "c")),
    (
        "a page",
        b"<html><head><style>p {}</style><title>502</title></head><body>Bad  gateway</body></html>",
        UpstreamError("502 Bad gateway"),
    ),
    ("nothing", b"", UpstreamError("The upstream answered 502 Bad Gateway without saying why.")),
    ("bytes", b"\xff\xfe", UpstreamError("\ufffd\ufffd")),
    ("JSON of another kind", b"[1]", UpstreamError("[1]")),
]


@pytest.mark.parametrize(
    ("body", "expected"), [row[1:] for row in BODIES], ids=[r[0] for r in BODIES]
)
def test_every_body_gives_an_error_in_the_upstreams_words(
    body: bytes, expected: UpstreamError
) -> None:
    assert read_error_body(body, 502) == expected


def test_a_long_page_is_cut_short() -> None:
    assert len(read_error_body(b"x" * 100_000, 500).message) == 500


@pytest.mark.parametrize(
    "answer",
    [
        {"choices": []},
        {"choices": [{}], "error": None},
        {"object": "ping"},
        {"usage": {}},
        [],
        "x",
        None,
    ],
)
def test_an_answer_is_no_error(answer: object) -> None:
    assert error_in(answer) is None


STATUSES: list[tuple[str | None, str | None, int]] = [
    ("429", None, 429),
    ("Throttling.RateQuota", None, 429),
    ("insufficient_quota", None, 429),
    (None, "rate_limit_error", 429),
    ("invalid_api_key", "invalid_request_error", 401),
    ("model_not_found", None, 404),
    (None, "invalid_request_error", 400),
    (None, "server_error", 500),
    ("1234", None, 502),
    (None, None, 502),
]


@pytest.mark.parametrize(("code", "kind", "status"), STATUSES)
def test_an_error_without_a_status_implies_one(
    code: str | None, kind: str | None, status: int
) -> None:
    assert UpstreamError("No.", code, kind).implied_status() == status


@pytest.mark.parametrize(
    ("message", "code", "kind", "status"),
    [
        ("hour allocated quota exceeded", None, None, 429),
        ("week allocated quota exceeded", None, "invalid_request_error", 429),
        ("You exceeded your current quota.", "error", None, 429),
        ("Rate limit exceeded, slow down.", None, None, 429),
        ("Requests throttling triggered.", None, None, 429),
        ("invalid access token or token expired", None, None, 401),
        ("invalid api-key", None, "invalid_request_error", 401),
        ("The quota field is unknown.", None, "invalid_request_error", 400),
        ("Rate limit must be a number.", "invalid_parameter_error", None, 400),
        ("The engine fell over.", None, None, 502),
    ],
)
def test_where_the_code_says_nothing_the_message_does(
    message: str, code: str | None, kind: str | None, status: int
) -> None:
    assert UpstreamError(message, code, kind).implied_status() == status


def test_the_client_reads_openais_shape() -> None:
    error = UpstreamError("Slow down.", "Throttling").to_api_error(429, retry_after_seconds=1.25)
    assert json.loads(error.body()) == {
        "error": {
            "message": "Slow down.",
            "type": "rate_limit_error",
            "param": None,
            "code": "Throttling",
        }
    }
    assert error.headers()["retry-after"] == "2"
    assert error.headers()["retry-after-ms"] == "1250"


@pytest.mark.parametrize(
    "message",
    [
        "Range of input length should be [1, 258048]",
        "This model's maximum context length is 8192 tokens.",
        "The context window has been exceeded.",
    ],
)
def test_a_context_that_is_too_long_has_openais_code(message: str) -> None:
    error = UpstreamError(message, "invalid_parameter_error").to_api_error(400)
    assert error.code == "context_length_exceeded"


DATE = datetime.fromtimestamp(NOW + 90, UTC)
WAITS: list[tuple[dict[str, str], float | None]] = [
    ({}, None),
    ({"retry-after": "7"}, 7.0),
    ({"retry-after": "0.5"}, 0.5),
    ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
    ({"retry-after": format_datetime(DATE, usegmt=True)}, 90.0),
    ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
    ({"retry-after": "soon"}, None),
    ({"retry-after": "-5"}, None),
    ({"retry-after": "nan"}, None),
    ({"retry-after-ms": "x", "retry-after": "3"}, 3.0),
]


@pytest.mark.parametrize(("headers", "seconds"), WAITS, ids=[str(row[0]) for row in WAITS])
def test_how_long_to_wait_is_read_from_either_header(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_seconds(headers, NOW) == seconds
