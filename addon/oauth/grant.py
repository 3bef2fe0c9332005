"""What a token endpoint answers, and what it means (RFC 6749 §5).

Pure. No error repeats what the server said beyond the registered error codes: a
server that echoes a request would echo its token.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from pydantic_core import from_json

from addon.accounts.account import (
    BadBaseUrl,
    OAuthCredential,
    check_base_url,
    is_loopback,
    is_sendable,
    resource_base_url,
)

_CODES: Final = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "slow_down",
        "access_denied",
        "authorization_pending",
        "expired_token",
    }
)
"""RFC 6749 §5.2 and §4.1.2.1, RFC 8628 §3.5."""

_LONGEST_SECONDS: Final = 10 * 365 * 86_400
"""No token is meant to live longer; a larger number says something else."""


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What the server gave: tokens, and how long and where they are good."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    """None: the one that was used stays good."""
    expires_at_ms: int | None
    """Unix milliseconds; None where the server does not say."""
    resource_url: str | None

    def sign_in(self) -> OAuthCredential:
        """The credential that a new sign-in leaves; it has a refresh token."""
        assert self.refresh_token is not None  # DeviceFlow gives no grant without
        return OAuthCredential(
            refresh_token=self.refresh_token,
            access_token=self.access_token,
            expires_at_ms=self.expires_at_ms,
            resource_url=self.resource_url,
        )


class OAuthError(Exception):
    """A token could not be renewed. The message holds no credential."""


class InvalidGrant(OAuthError):
    """The server knows the refresh token no more: only a new sign-in helps."""


class OAuthUnreachable(OAuthError):
    """No server could be reached, or the one that was did not answer to the end."""


class OAuthRefused(OAuthError):
    """The server answered with anything but a token."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        """``code`` is ``error`` of RFC 6749 §5.2, None for one that is not registered."""
        super().__init__(message)
        self.status = status
        self.code = code


def read_grant(server: str, status: int, body: bytes, *, now_ms: int) -> TokenGrant:
    """The tokens in the answer of ``server`` that came at ``now_ms`` (Unix milliseconds).

    Raises InvalidGrant, or OAuthRefused for any other answer without a token, be it an
    empty one with status 200.
    """
    answer = read_object(body)
    if status == 200:
        grant = _grant(server, answer, now_ms)
        if grant is None:
            raise OAuthRefused(status, None, f"{server} answered without a token (HTTP 200)")
        return grant
    refused = read_error(server, status, answer, "gave no token")
    if refused.code == "invalid_grant" and status in (400, 401):
        raise InvalidGrant(f"{server} does not accept the refresh token any more")
    raise refused


def read_error(server: str, status: int, answer: Mapping[str, object], what: str) -> OAuthRefused:
    """The refusal in ``answer`` (RFC 6749 §5.2): ``what`` is what ``server`` did not do."""
    error = answer.get("error")
    code = error if isinstance(error, str) and error in _CODES else None
    told = f"HTTP {status}, {code}" if code else f"HTTP {status}"
    return OAuthRefused(status, code, f"{server} {what} ({told})")


def read_object(body: bytes) -> Mapping[str, object]:
    """The JSON object in ``body``; an empty one where there is none."""
    try:
        answer = from_json(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _grant(server: str, answer: Mapping[str, object], now_ms: int) -> TokenGrant | None:
    """None where there is no token, or one that could be neither sent nor kept."""
    access_token, refresh_token = answer.get("access_token"), answer.get("refresh_token") or None
    if not isinstance(access_token, str) or not is_sendable(access_token):
        return None
    if refresh_token is not None and not (
        isinstance(refresh_token, str) and is_sendable(refresh_token)
    ):
        return None
    seconds = read_seconds(answer.get("expires_in"))
    return TokenGrant(
        access_token=access_token,
        refresh_token=refresh_token,
        expires_at_ms=None if seconds is None else now_ms + int(seconds * 1000),
        resource_url=_resource_url(server, answer.get("resource_url")),
    )


def read_seconds(expires_in: object) -> float | None:
    """A time in seconds (``expires_in``, ``interval``); some servers send it as a text.

    One that makes no sense is as good as none.
    """
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float | str):
        return None
    try:
        seconds = float(expires_in)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and 0 < seconds <= _LONGEST_SECONDS else None


def _resource_url(server: str, url: object) -> str | None:
    """Where the server says that the token is good, unless that is no place to send one.

    Nor does a server elsewhere know anything of this machine: what it said of it would have us
    send what clients ask to whatever listens here.
    """
    if not isinstance(url, str) or not url:
        return None
    try:
        base_url = check_base_url(resource_base_url(url))
    except BadBaseUrl:
        return None
    return url if not _is_here(base_url) or _is_here(server) else None


def _is_here(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")
