"""One account: what it allows, which token it has, and where that may be sent."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.accounts.account import (
    Account,
    ApiKeyCredential,
    BadBaseUrl,
    OAuthCredential,
    check_base_url,
    is_loopback,
    mask,
    resolve_base_url,
)

DEFAULT = "https://portal.qwen.ai/v1"
KEY = Account("k", ApiKeyCredential("sk-0123456789abcdef"))


def signed_in(*, has_token: bool = True, expires_at_ms: int | None = 1000) -> Account:
    token = "access-0123456789" if has_token else None
    return Account("o", OAuthCredential("refresh-0123456789", token, expires_at_ms))


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("sk-0123456789abcdef", "sk-0...cdef"),
        ("0123456789abcdef", "0123...cdef"),
        ("0123456789abcde", "***"),
        ("", "***"),
        ("0123456789abcdef\n", "***"),
        ("schlüssel-0123456789", "***"),
    ],
)
def test_a_mask_shows_the_ends_of_a_long_secret_and_nothing_of_a_short_one(
    secret: str, shown: str
) -> None:
    assert mask(secret) == shown


def test_no_credential_shows_in_a_repr() -> None:
    shown = repr([KEY, signed_in()])
    assert "0123456789" not in shown


def test_an_account_goes_by_its_label_else_by_its_id() -> None:
    assert Account("k", KEY.credential, label="work").name == "work"
    assert KEY.name == "k"


def test_models_restrict_and_the_map_renames() -> None:
    account = Account(
        "k", KEY.credential, models=frozenset({"coder"}), model_map={"coder": "qwen3-coder-plus"}
    )
    assert account.allows("coder")
    assert not account.allows("vision")
    assert account.allows(None)
    assert KEY.allows("vision")
    assert account.upstream_model("coder") == "qwen3-coder-plus"
    assert account.upstream_model("vision") == "vision"


@pytest.mark.parametrize(
    ("account", "needs"),
    [
        (KEY, False),
        (signed_in(expires_at_ms=1001), False),
        (signed_in(expires_at_ms=1000), True),
        (signed_in(expires_at_ms=None), False),
        (signed_in(has_token=False), True),
        (Account("k", KEY.credential, requires_reauth=True), True),
    ],
)
def test_who_needs_to_sign_in(account: Account, needs: bool) -> None:
    assert account.needs_sign_in(now_ms=1000) is needs


def test_the_token_is_the_key_or_the_access_token() -> None:
    assert KEY.token() == "sk-0123456789abcdef"
    assert signed_in().token() == "access-0123456789"


OWN, CONFIGURED = "https://own.example/v1", "https://configured.example/v1"


@pytest.mark.parametrize(
    ("own", "configured", "resource", "url"),
    [
        (OWN, CONFIGURED, "portal.example", OWN),
        (None, CONFIGURED, "portal.example", CONFIGURED),
        (None, None, "portal.example", "https://portal.example/v1"),
        (None, None, "https://portal.example/v1/", "https://portal.example/v1"),
        (None, None, None, DEFAULT),
    ],
)
def test_the_base_url_is_the_accounts_own_else_the_users_else_the_resource_else_the_default(
    own: str | None, configured: str | None, resource: str | None, url: str
) -> None:
    credential = OAuthCredential("r", resource_url=resource)
    account = Account("o", credential, base_url=own)
    assert resolve_base_url(account, configured=configured, default=DEFAULT) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://host/v1",
        "https://host.example:8443/compatible-mode/v1",
        "http://localhost:8000/v1",
        "http://127.8.9.1/v1",
        "http://[::1]:8000/v1",
    ],
)
def test_tokens_go_over_https_or_to_this_machine(url: str) -> None:
    assert check_base_url(f"{url}/") == url


NO_URL = "must be a base URL such as https://host/v1"
TOO_MUCH = "must be a base URL of only host, port and path"
NO_TLS = "must be https: over http a token would travel in the clear"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", NO_URL),
        ("host/v1", NO_URL),
        ("ftp://host/v1", NO_URL),
        ("https:///v1", NO_URL),
        ("https://[::1/v1", NO_URL),
        ("https://host:0/v1", NO_URL),
        ("https://host:99999/v1", NO_URL),
        ("https://host/v 1", NO_URL),
        ("https://host/\nv1", NO_URL),
        ("https://host\\.evil.example/v1", NO_URL),
        ("https://me:secret@host/v1", TOO_MUCH),
        ("https://host/v1?key=secret", TOO_MUCH),
        ("https://host/v1#secret", TOO_MUCH),
        ("http://host/v1", NO_TLS),
        ("http://localhost.evil.example/v1", NO_TLS),
        ("http://128.0.0.1/v1", NO_TLS),
    ],
)
def test_other_urls_are_refused_without_repeating_them(url: str, reason: str) -> None:
    with pytest.raises(BadBaseUrl) as raised:
        check_base_url(url)
    assert str(raised.value) == reason


@given(st.text())
def test_any_text_is_a_base_url_or_refused(text: str) -> None:
    with contextlib.suppress(BadBaseUrl):
        assert check_base_url(text).startswith(("https://", "http://"))


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "127.0.0.1", "127.255.0.3", "::1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "localhost.example", "", "::2"])  # noqa: S104
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)
