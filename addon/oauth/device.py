"""Sign-in on a device: device authorization (RFC 8628) with PKCE S256 (RFC 7636).

The device asks for a code, a person enters it on a page of the provider's, and the
device asks again and again until the person has decided. How often is for the server
to say; a server that cannot be reached for a moment is asked again, less often.

The device code and the verifier are secrets until the sign-in is over: they are in no
``repr``, no exception and no log line.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import urlsplit

from addon.oauth.grant import (
    OAuthError,
    OAuthRefused,
    OAuthUnreachable,
    TokenGrant,
    read_error,
    read_grant,
    read_object,
    read_seconds,
)

DEVICE_CODE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE: Final = "openid profile email model.completion"

_DEVICE_PATH: Final = "/api/v1/oauth2/device/code"
_TOKEN_PATH: Final = "/api/v1/oauth2/token"  # noqa: S105 - where tokens are, not one of them

_DEFAULT_INTERVAL_SECONDS: Final = 5.0
_SLOW_DOWN_SECONDS: Final = 5.0
"""RFC 8628 §3.2 and §3.5."""
_SHORTEST_INTERVAL_SECONDS: Final = 1.0
_LONGEST_INTERVAL_SECONDS: Final = 60.0
"""Whatever the server asks for: it is not to be hammered, and the person not to wait in vain."""
_DEFAULT_LIFE_SECONDS: Final = 900.0
_DECISIONS: Final = frozenset(
    {"authorization_pending", "slow_down", "access_denied", "expired_token"}
)
"""What RFC 8628 §3.5 has a server say, whatever its status."""
_LONGEST_TEXT: Final = 2048
"""No code and no address is longer; what is shown on a terminal is not to fill it."""


class SignInDenied(OAuthError):
    """The person at the page said no."""


class SignInExpired(OAuthError):
    """Nobody decided in time: the code is good no more."""


class DeviceEndpoint(Protocol):
    """Where forms are posted to; see OAuthClient."""

    @property
    def client_id(self) -> str:
        """The registered client."""

    async def post(
        self, path: str, form: Mapping[str, str], *, at: str | None = None
    ) -> tuple[str, int, bytes]:
        """The server that answered, the status and the body. Raises OAuthUnreachable."""


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """A sign-in that has begun: what to show to the person, and what to ask the server with."""

    user_code: str
    verification_uri: str
    """Where the person enters the code …"""
    verification_uri_complete: str | None
    """… and the same with the code in it, where the server offers one."""
    expires_at: float
    """Unix seconds."""
    interval_seconds: float
    server: str
    device_code: str = field(repr=False)
    code_verifier: str = field(repr=False)

    @property
    def page(self) -> str:
        """What to open."""
        return self.verification_uri_complete or self.verification_uri


class DeviceFlow:
    """One sign-in: ``begin``, show what it gives, then ``wait``."""

    def __init__(
        self,
        endpoint: DeviceEndpoint,
        *,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random_text: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        """``clock`` gives Unix seconds, ``pause`` waits for so many seconds.

        ``random_text`` is the verifier: 43 to 128 unreserved characters (RFC 7636 §4.1).
        """
        self._endpoint = endpoint
        self._clock = clock
        self._pause = pause
        self._random_text = random_text

    async def begin(self) -> DeviceAuthorization:
        """Ask for a code. Raises OAuthUnreachable, or OAuthRefused for an answer without one."""
        verifier = self._random_text()
        form = {
            "client_id": self._endpoint.client_id,
            "scope": SCOPE,
            "code_challenge": code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        server, status, body = await self._endpoint.post(_DEVICE_PATH, form)
        return _read_authorization(server, status, body, verifier=verifier, now=self._clock())

    async def wait(self, authorization: DeviceAuthorization) -> TokenGrant:
        """The tokens, once the person has decided. May be cancelled.

        Raises SignInDenied, SignInExpired, or OAuthRefused for any other refusal.
        """
        form = {
            "grant_type": DEVICE_CODE_GRANT,
            "client_id": self._endpoint.client_id,
            "device_code": authorization.device_code,
            "code_verifier": authorization.code_verifier,
        }
        interval = wait = authorization.interval_seconds
        while True:
            left = authorization.expires_at - self._clock()
            if left <= 0:
                raise SignInExpired("nobody confirmed the sign-in in time")
            await self._pause(min(wait, left))
            try:
                return await self._poll(authorization.server, form)
            except (OAuthUnreachable, OAuthRefused) as failure:
                if _is_out_of_order(failure):
                    # RFC 8628 §3.5: a client that meets time-outs asks less often, until they end
                    wait = min(wait * 2, _LONGEST_INTERVAL_SECONDS)
                else:
                    interval = wait = _interval_after(failure, interval)

    async def _poll(self, server: str, form: Mapping[str, str]) -> TokenGrant:
        _, status, body = await self._endpoint.post(_TOKEN_PATH, form, at=server)
        grant = read_grant(server, status, body, now_ms=int(self._clock() * 1000))
        if grant.refresh_token is None:
            raise OAuthRefused(status, None, f"{server} gave no refresh token")
        return grant


def code_challenge(verifier: str) -> str:
    """The S256 challenge of ``verifier`` (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _is_out_of_order(failure: OAuthError) -> bool:
    """Whether the server could not be asked, or could not answer."""
    if not isinstance(failure, OAuthRefused):
        return True
    return failure.status >= 500 and failure.code not in _DECISIONS


def _interval_after(refused: OAuthError, interval: float) -> float:
    """How long to wait before the next question. Raises where there is none to be asked."""
    assert isinstance(refused, OAuthRefused)  # else the server is out of order
    match refused.code:
        case "authorization_pending":
            return interval
        case "access_denied":
            raise SignInDenied("the sign-in was denied") from None
        case "expired_token":
            raise SignInExpired("the code has expired") from None
        case "slow_down":
            return interval + _SLOW_DOWN_SECONDS
        case None if refused.status == 429:
            return interval + _SLOW_DOWN_SECONDS
        case _:
            raise refused


def _read_authorization(
    server: str, status: int, body: bytes, *, verifier: str, now: float
) -> DeviceAuthorization:
    """RFC 8628 §3.2. Raises OAuthRefused."""
    answer = read_object(body)
    device_code, user_code = _text(answer.get("device_code")), _text(answer.get("user_code"))
    page = _page(answer.get("verification_uri"))
    if status != 200 or not device_code or not user_code or not page:
        raise read_error(server, status, answer, "did not begin a sign-in")
    life = read_seconds(answer.get("expires_in")) or _DEFAULT_LIFE_SECONDS
    interval = read_seconds(answer.get("interval")) or _DEFAULT_INTERVAL_SECONDS
    return DeviceAuthorization(
        user_code=user_code,
        verification_uri=page,
        verification_uri_complete=_page(answer.get("verification_uri_complete")),
        expires_at=now + life,
        interval_seconds=min(max(interval, _SHORTEST_INTERVAL_SECONDS), _LONGEST_INTERVAL_SECONDS),
        server=server,
        device_code=device_code,
        code_verifier=verifier,
    )


def _text(value: object) -> str | None:
    """A text that can be shown on a terminal, and sent."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
        return None
    return value if value.isascii() and value.isprintable() else None


def _page(value: object) -> str | None:
    """An address that a browser may be sent to: no file, no script."""
    url = _text(value)
    if url is None or " " in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None
