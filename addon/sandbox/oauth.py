"""Who may use the sandbox: its accounts, their tokens, and the OAuth server that hands them out.

Device authorization (RFC 8628) with PKCE S256 (RFC 7636), refresh with rotation (RFC 6749 §6):
a refresh token is good once. Reuse of a spent one is refused and revokes nothing else.
All state is in memory. The clock is passed in; tokens come from ``secrets`` and show in no repr.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

CLIENT_ID: Final = "f0304373b74a44d2b584a3fb70ca9e56"
"""The one client that is registered, unless another is named."""

DEVICE_CODE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
DEVICE_CODE_SECONDS: Final = 900
_SCOPES: Final = frozenset({"openid", "profile", "email", "model.completion"})
_SLOW_DOWN_SECONDS: Final = 5
"""How much ``slow_down`` adds to the interval (RFC 8628 §3.5)."""

_USER_CODE_ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters that make no words (RFC 8628 §6.1)."""

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")

Clock: TypeAlias = Callable[[], float]
"""Unix seconds."""

Form: TypeAlias = Mapping[str, str]


class OAuthError(Exception):
    """A refusal as RFC 6749 §5.2 and RFC 8628 §3.5 shape it."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        """``error`` is the registered code, ``description`` is for people."""
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """One account of the simulated service."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class TokenSet:
    """What a sign-in or a refresh hands out."""

    account: SandboxAccount
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at_seconds: float
    """Unix seconds; the access token is good until then."""


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """The answer to a device that wants to sign in (RFC 8628 §3.2)."""

    device_code: str = field(repr=False)
    user_code: str
    expires_in_seconds: int
    interval_seconds: float


class Decision(StrEnum):
    """What the person at the page said."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(slots=True)
class _DeviceGrant:
    """A sign-in under way."""

    user_code: str
    code_challenge: str
    expires_at_seconds: float
    interval_seconds: float
    polled_at_seconds: float | None = None
    decision: Decision = Decision.PENDING


class AuthorizationServer:
    """The accounts and tokens of one sandbox. Not for use from several threads at once."""

    def __init__(
        self,
        *,
        clock: Clock,
        client_id: str = CLIENT_ID,
        access_token_seconds: float,
        poll_interval_seconds: float,
    ) -> None:
        """Starts with no account; ``sign_in`` adds one."""
        self._clock = clock
        self._client_id = client_id
        self._access_token_seconds = access_token_seconds
        self._poll_interval_seconds = poll_interval_seconds
        self._account_count = 0
        self._grants: dict[str, _DeviceGrant] = {}
        self._access: dict[str, TokenSet] = {}
        self._refresh: dict[str, SandboxAccount] = {}

    def sign_in(self) -> TokenSet:
        """A new account, signed in."""
        self._account_count += 1
        number = self._account_count
        return self._issue(SandboxAccount(f"sandbox-{number}", f"Sandbox {number}"))

    def account_of(self, access_token: str) -> SandboxAccount | None:
        """Whose token this is, None for one that is unknown or has expired."""
        tokens = self._access.get(access_token)
        if tokens is None or tokens.expires_at_seconds <= self._clock():
            return None
        return tokens.account

    def authorize_device(self, form: Form) -> DeviceAuthorization:
        """A device asks to be signed in. Raises OAuthError."""
        self._check_client(form)
        unknown = set(_required(form, "scope").split()) - _SCOPES
        if unknown:
            raise OAuthError("invalid_scope", f"unknown scope: {', '.join(sorted(unknown))}")
        if _required(form, "code_challenge_method") != "S256":
            raise OAuthError("invalid_request", "code_challenge_method must be S256")
        challenge = _required(form, "code_challenge")
        if not _CHALLENGE.fullmatch(challenge):
            raise OAuthError("invalid_request", "code_challenge must be a base64url SHA-256 digest")
        device_code = secrets.token_urlsafe(32)
        grant = _DeviceGrant(
            user_code=_new_user_code(),
            code_challenge=challenge,
            expires_at_seconds=self._clock() + DEVICE_CODE_SECONDS,
            interval_seconds=self._poll_interval_seconds,
        )
        self._grants[device_code] = grant
        return DeviceAuthorization(
            device_code, grant.user_code, DEVICE_CODE_SECONDS, grant.interval_seconds
        )

    def exchange(self, form: Form) -> TokenSet:
        """A device polls, or a client refreshes. Raises OAuthError."""
        self._check_client(form)
        grant_type = _required(form, "grant_type")
        if grant_type == DEVICE_CODE_GRANT:
            return self._exchange_device_code(form)
        if grant_type == "refresh_token":
            return self._exchange_refresh_token(form)
        raise OAuthError("unsupported_grant_type", f"unknown grant_type {grant_type!r}")

    def pending(self, user_code: str) -> bool:
        """Whether a device waits for the person who holds ``user_code``."""
        return self._waiting(user_code) is not None

    def decide(self, user_code: str, decision: Decision) -> bool:
        """Records what the person said; False where no device waits for this code."""
        grant = self._waiting(user_code)
        if grant is None:
            return False
        grant.decision = decision
        return True

    def _waiting(self, user_code: str) -> _DeviceGrant | None:
        wanted = re.sub(r"[\W_]", "", user_code).upper()
        for grant in self._grants.values():
            if grant.user_code.replace("-", "") == wanted:
                is_open = grant.decision is Decision.PENDING
                return grant if is_open and self._clock() < grant.expires_at_seconds else None
        return None

    def _exchange_device_code(self, form: Form) -> TokenSet:
        device_code = _required(form, "device_code")
        verifier = _required(form, "code_verifier")
        grant = self._grants.get(device_code)
        if grant is None:
            raise OAuthError("invalid_grant", "the device code is unknown or was used before")
        if not _proves(verifier, grant.code_challenge):
            raise OAuthError("invalid_grant", "code_verifier does not belong to the code_challenge")
        self._check_pace(grant)
        if grant.decision is Decision.DENIED:
            raise OAuthError("access_denied", "the person refused the sign-in")
        if grant.decision is Decision.PENDING:
            raise OAuthError("authorization_pending", "the person has not decided yet")
        del self._grants[device_code]
        return self.sign_in()

    def _check_pace(self, grant: _DeviceGrant) -> None:
        now = self._clock()
        if now >= grant.expires_at_seconds:
            raise OAuthError("expired_token", "the device code has expired")
        last, grant.polled_at_seconds = grant.polled_at_seconds, now
        if last is not None and now - last < grant.interval_seconds:
            grant.interval_seconds += _SLOW_DOWN_SECONDS
            raise OAuthError("slow_down", f"poll every {grant.interval_seconds:g} seconds")

    def _exchange_refresh_token(self, form: Form) -> TokenSet:
        account = self._refresh.pop(_required(form, "refresh_token"), None)
        if account is None:
            raise OAuthError("invalid_grant", "the refresh token is unknown or was used before")
        return self._issue(account)

    def _issue(self, account: SandboxAccount) -> TokenSet:
        tokens = TokenSet(
            account=account,
            access_token=secrets.token_urlsafe(32),
            refresh_token=secrets.token_urlsafe(32),
            expires_at_seconds=self._clock() + self._access_token_seconds,
        )
        self._access[tokens.access_token] = tokens
        self._refresh[tokens.refresh_token] = account
        return tokens

    def _check_client(self, form: Form) -> None:
        if _required(form, "client_id") != self._client_id:
            raise OAuthError("invalid_client", "this client is not registered", status=401)


def _required(form: Form, name: str) -> str:
    if not form.get(name):
        raise OAuthError("invalid_request", f"{name} is required")
    return form[name]


def _proves(verifier: str, challenge: str) -> bool:
    """Whether ``verifier`` is what ``challenge`` was made from (RFC 7636 §4.6)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
    return secrets.compare_digest(made, challenge)


def _new_user_code() -> str:
    letters = [secrets.choice(_USER_CODE_ALPHABET) for _ in range(8)]
    return f"{''.join(letters[:4])}-{''.join(letters[4:])}"
