"""One account as a value: who it is, what it may do, which credential it holds.

Pure: no file, no clock. The shape on disk is ``accounts/document.py``'s affair.
A credential never shows in a ``repr``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

_SHORTEST_SHOWN: Final = 16
"""Of a shorter secret the first and last four characters would be too much of it."""


def mask(secret: str) -> str:
    """``secret`` as it may be shown: first and last four characters, of a short one nothing."""
    if len(secret) < _SHORTEST_SHOWN or not secret.isascii() or not secret.isprintable():
        return "***"
    return f"{secret[:4]}...{secret[-4:]}"


def is_sendable(token: str) -> bool:
    """Whether ``token`` can stand in an HTTP header as it is: ASCII in one piece."""
    return re.fullmatch(r"[!-~]+", token) is not None


_NOT_A_BASE_URL: Final = "must be a base URL such as https://host/v1"
_HOST: Final = re.compile(r"[A-Za-z0-9_.:-]+")
"""A name or an address as urlsplit gives it; what else it lets through no resolver takes."""


@dataclass(frozen=True, slots=True)
class OAuthCredential:
    """What a sign-in left: RFC 6749 tokens and the host they are good for."""

    refresh_token: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)
    expires_at_ms: int | None = None
    """Unix milliseconds; None when the file does not say."""
    resource_url: str | None = None


@dataclass(frozen=True, slots=True)
class ApiKeyCredential:
    """A plain key, good until its owner withdraws it."""

    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """One account or key of the user's own."""

    id: str
    credential: OAuthCredential | ApiKeyCredential
    label: str | None = None
    enabled: bool = True
    priority: int = 0
    """Lower is preferred."""
    base_url: str | None = None
    profile: str | None = None
    """What kind of service its upstream is, where that is not to be told by the base URL."""
    models: frozenset[str] | None = None
    """Only these model names, as the client sends them; None allows all."""
    model_map: Mapping[str, str] = field(default_factory=dict)
    """Name sent by the client → name sent upstream."""
    requires_reauth: bool = False
    rate_limit_reset_at_ms: int | None = None
    last_used_ms: int | None = None
    added_at_ms: int | None = None
    """When it came into the file. Like the other ``_ms``: Unix milliseconds."""

    @property
    def name(self) -> str:
        """What people know the account by: its label, else its id."""
        return self.label or self.id

    def allows(self, model: str | None) -> bool:
        """Whether requests for ``model`` may go to this account (None: model unknown)."""
        return self.models is None or model is None or model in self.models

    def upstream_model(self, model: str) -> str:
        """The name under which this account's upstream knows ``model``."""
        return self.model_map.get(model, model)

    def needs_sign_in(self, now_ms: int) -> bool:
        """Whether no usable token is at hand at ``now_ms`` (Unix milliseconds)."""
        if self.requires_reauth:
            return True
        credential = self.credential
        if isinstance(credential, ApiKeyCredential):
            return False
        if not credential.access_token:
            return True
        return credential.expires_at_ms is not None and credential.expires_at_ms <= now_ms

    def token(self) -> str | None:
        """The bearer token, if there is one. Callers put it on the wire and nowhere else."""
        if isinstance(self.credential, ApiKeyCredential):
            return self.credential.api_key
        return self.credential.access_token


class BadBaseUrl(ValueError):
    """A base URL to which no token may be sent; the message says why."""


def resolve_base_url(account: Account, *, configured: str | None, default: str) -> str:
    """Where ``account``'s requests go, without a trailing slash.

    Its own ``baseUrl``, else ``configured`` (the user's ``base_url``), else its
    ``resourceUrl`` (a bare host gets ``https://`` and ``/v1``), else ``default``.

    Raises BadBaseUrl where the result is not https and its host not loopback.
    """
    resource = (
        account.credential.resource_url if isinstance(account.credential, OAuthCredential) else None
    )
    url = account.base_url or configured or (resource_base_url(resource) if resource else default)
    return check_base_url(url)


def resource_base_url(resource: str) -> str:
    """A ``resourceUrl`` as the portal sends it (``portal.qwen.ai``) made a base URL, unchecked."""
    url = resource if "://" in resource else f"https://{resource}"
    url = url.rstrip("/")
    return url if url.endswith("/v1") else f"{url}/v1"


def check_base_url(url: str) -> str:
    """``url`` without trailing slash, if tokens may be sent there.

    Raises BadBaseUrl otherwise. Its message never repeats the URL: what stands in the
    place of one may be a key, or hold a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadBaseUrl(_NOT_A_BASE_URL) from None
    if parts.scheme not in ("http", "https") or port == 0 or not _HOST.fullmatch(host):
        raise BadBaseUrl(_NOT_A_BASE_URL)
    if not url.isprintable() or " " in url:
        raise BadBaseUrl(_NOT_A_BASE_URL)
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise BadBaseUrl("must be a base URL of only host, port and path")
    if parts.scheme == "http" and not is_loopback(host):
        raise BadBaseUrl("must be https: over http a token would travel in the clear")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address) can only be this machine (RFC 6761 §6.3)."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
