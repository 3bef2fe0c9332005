"""What an OAuth library asks of who uses it: clients, devices and tokens, kept in memory.

oauthlib decides what a request is worth (RFC 6749, RFC 8628); this only remembers. A
refresh token is good once; one that is presented again is refused and noted.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from oauthlib.oauth2 import (  # type: ignore[import-untyped]
    BearerToken,
    RefreshTokenGrant,
    TokenEndpoint,
)
from oauthlib.oauth2.rfc6749.grant_types.authorization_code import (  # type: ignore[import-untyped]
    code_challenge_method_s256,
)
from oauthlib.oauth2.rfc8628.grant_types import DeviceCodeGrant  # type: ignore[import-untyped]
from oauthlib.oauth2.rfc8628.request_validator import (  # type: ignore[import-untyped]
    RequestValidator,
)

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
SCOPES: Final = ("openid", "profile", "email", "model.completion")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A refresh token was presented: by which client, for which account, and for what."""

    account: str
    client_id: str
    spent: str = field(repr=False)
    issued: str | None = field(repr=False)
    """The refresh token that came for it; None where it had been spent before."""
    at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Device:
    """A sign-in under way, and what the person at the page said."""

    account: str
    user_code: str
    code_challenge: str | None
    status: str = DeviceCodeGrant.DEVICE_CODE_PENDING


@dataclass(slots=True)
class Book(RequestValidator):  # type: ignore[misc]
    """All that the server knows. Not for several threads at once."""

    clients: Collection[str]
    rotates: bool = True
    devices: dict[str, Device] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    """Every refresh that was granted, in order."""
    reused: list[Exchange] = field(default_factory=list)
    """Every refresh token that was presented after it was spent."""
    _live: dict[str, str] = field(default_factory=dict)
    _spent: dict[str, str] = field(default_factory=dict)
    _access: dict[str, tuple[str, float]] = field(default_factory=dict)

    def issue(self, account: str, token: dict[str, Any]) -> None:
        """Note ``token`` as one of ``account``'s."""
        self._live[token["refresh_token"]] = account
        self._access[token["access_token"]] = (account, time.time() + token["expires_in"])

    def account_of(self, access_token: str) -> str | None:
        """Whose access token this is; None for one that is unknown or has expired."""
        account, expires_at = self._access.get(access_token, (None, 0.0))
        return account if expires_at > time.time() else None

    def is_live(self, refresh_token: str) -> bool:
        """Whether a refresh token could still be used."""
        return refresh_token in self._live

    def secrets(self) -> set[str]:
        """Every token that was ever given out, but for sign-ins that were ended."""
        return {*self._live, *self._spent, *self._access}

    def end_sign_in(self, account: str) -> None:
        """The person withdraws it: no token of the account is good any more."""
        self._live = {token: owner for token, owner in self._live.items() if owner != account}
        self._access = {
            token: owned for token, owned in self._access.items() if owned[0] != account
        }

    # What oauthlib asks. Its names.

    def client_authentication_required(self, _request: Any, *_: Any, **__: Any) -> bool:
        return False

    def authenticate_client_id(self, client_id: str, request: Any, *_: Any, **__: Any) -> bool:
        request.client = _Client(client_id)
        return client_id in self.clients

    def validate_client_id(self, client_id: str, _request: Any, *_: Any, **__: Any) -> bool:
        return client_id in self.clients

    def validate_grant_type(
        self, _client_id: str, grant_type: str, _client: Any, _request: Any, *_: Any, **__: Any
    ) -> bool:
        return grant_type in (DEVICE_GRANT, "refresh_token")

    def validate_scopes(
        self, _client_id: str, scopes: list[str], _client: Any, _request: Any, *_: Any, **__: Any
    ) -> bool:
        return set(scopes) <= set(SCOPES)

    def get_default_scopes(self, _client_id: str, _request: Any, *_: Any, **__: Any) -> list[str]:
        return [*SCOPES]

    def get_original_scopes(self, _token: str, _request: Any, *_: Any, **__: Any) -> list[str]:
        return [*SCOPES]

    def validate_device_code(
        self, _client_id: str, code: str, request: Any, *_: Any, **__: Any
    ) -> str | None:
        device = self.devices.get(code)
        if device is None:
            return None
        challenge, verifier = device.code_challenge, getattr(request, "code_verifier", None)
        if challenge and not (verifier and code_challenge_method_s256(verifier, challenge)):
            return None
        if device.status == DeviceCodeGrant.DEVICE_CODE_AUTHORIZED:
            request.user, request.scopes = device.account, [*SCOPES]
        return device.status

    def validate_refresh_token(
        self, refresh_token: str, _client: Any, request: Any, *_: Any, **__: Any
    ) -> bool:
        if refresh_token in self._spent:
            owner = self._spent[refresh_token]
            self.reused.append(Exchange(owner, request.client_id, refresh_token, None))
        request.user = self._live.get(refresh_token)
        return request.user is not None

    def rotate_refresh_token(self, _request: Any) -> bool:
        return self.rotates

    def save_bearer_token(self, token: dict[str, Any], request: Any, *_: Any, **__: Any) -> None:
        used, issued = request.refresh_token, token["refresh_token"]
        if used:
            if used != issued:
                self._spent[used] = self._live.pop(used)
            self.exchanges.append(Exchange(request.user, request.client_id, used, issued))
        else:
            del self.devices[request.device_code]
        self.issue(request.user, token)


@dataclass(frozen=True, slots=True)
class _Client:
    """As oauthlib wants one."""

    client_id: str


class DeviceGrant(DeviceCodeGrant):  # type: ignore[misc]
    """With a refresh token in the answer, which oauthlib leaves to the server's taste."""

    refresh_token = True


def token_endpoint(book: Book, bearer: BearerToken) -> TokenEndpoint:
    """oauthlib's endpoint for the two grants, over ``book``."""
    refresh = RefreshTokenGrant(book)
    return TokenEndpoint(
        default_grant_type="refresh_token",
        default_token_type=bearer,
        grant_types={DEVICE_GRANT: DeviceGrant(book), "refresh_token": refresh},
    )
