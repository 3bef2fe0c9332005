"""What a token endpoint's answer means."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.oauth.grant import InvalidGrant, OAuthError, OAuthRefused, TokenGrant, read_grant

SERVER = "https://oauth.example"
NOW_MS = 1_800_000_000_000


def grant(**answer: object) -> TokenGrant:
    body = json.dumps({"access_token": "access-0123456789", **answer}).encode()
    return read_grant(SERVER, 200, body, now_ms=NOW_MS)


def told(status: int, body: bytes) -> str:
    with pytest.raises(OAuthRefused) as caught:
        read_grant(SERVER, status, body, now_ms=NOW_MS)
    return str(caught.value)


def test_only_the_access_token_is_required() -> None:
    assert grant() == TokenGrant("access-0123456789", None, None, None)


def test_an_empty_refresh_token_is_none() -> None:
    assert grant(refresh_token="").refresh_token is None


@pytest.mark.parametrize(
    ("expires_in", "expires_at_ms"),
    [
        (21600, NOW_MS + 21_600_000),
        ("21600", NOW_MS + 21_600_000),
        (1.5, NOW_MS + 1500),
        (None, None),
        (0, None),
        (-5, None),
        (True, None),
        ("soon", None),
        pytest.param(10**400, None, id="huge"),
        (1_800_000_000, None),
        ([], None),
    ],
    ids=repr,
)
def test_a_lifetime_that_makes_no_sense_is_as_good_as_none(
    expires_in: object, expires_at_ms: int | None
) -> None:
    assert grant(expires_in=expires_in).expires_at_ms == expires_at_ms


@pytest.mark.parametrize(
    ("resource_url", "kept"),
    [
        ("portal.qwen.ai", "portal.qwen.ai"),
        ("https://dashscope.example/v1", "https://dashscope.example/v1"),
        ("http://portal.qwen.ai", None),
        ("http://169.254.169.254/latest", None),
        ("http://127.0.0.1:8081/v1", None),
        ("https://127.0.0.1:8081/v1", None),
        ("localhost", None),
        ("[::1]:8081", None),
        ("not a host", None),
        ("", None),
        (7, None),
    ],
)
def test_a_resource_url_to_which_no_token_may_go_is_left_out(
    resource_url: object, kept: str | None
) -> None:
    assert grant(resource_url=resource_url).resource_url == kept


@pytest.mark.parametrize("url", ["http://localhost:8081/v1", "https://127.0.0.1/v1"])
def test_a_server_on_this_machine_may_name_this_machine(url: str) -> None:
    body = json.dumps({"access_token": "access-0123456789", "resource_url": url}).encode()
    for server in ("http://127.0.0.1:9000", "http://localhost:9000"):
        assert read_grant(server, 200, body, now_ms=NOW_MS).resource_url == url


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "in two\nlines"},
        {"refresh_token": "in two\nlines"},
        {"refresh_token": 7},
    ],
)
def test_a_token_that_could_not_be_sent_or_kept_is_none(answer: dict[str, object]) -> None:
    with pytest.raises(OAuthRefused):
        grant(**answer)


@pytest.mark.parametrize("status", [400, 401])
def test_an_invalid_grant_ends_the_sign_in(status: int) -> None:
    with pytest.raises(InvalidGrant):
        read_grant(SERVER, status, b'{"error": "invalid_grant"}', now_ms=NOW_MS)


def test_with_any_other_status_it_ends_nothing() -> None:
    assert told(503, b'{"error": "invalid_grant"}').endswith("(HTTP 503, invalid_grant)")


def test_an_error_that_is_not_registered_is_not_repeated() -> None:
    body = b'{"error": "refresh-0123456789", "error_description": "refresh-0123456789"}'
    assert told(400, body) == f"{SERVER} gave no token (HTTP 400)"


@given(st.integers(100, 599), st.binary() | st.text().map(str.encode))
def test_any_answer_is_a_grant_or_a_refusal(status: int, body: bytes) -> None:
    with pytest.raises(OAuthError):
        read_grant(SERVER, status, body, now_ms=NOW_MS)
