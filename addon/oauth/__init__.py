"""Gets tokens and renews them; the one room that opens connections of its own.

``OAuthClient`` speaks with the OAuth server; ``DeviceFlow`` signs a person in;
``Refresher`` sees to it that each refresh token is used once, by one process, and
that what it brings is kept.
"""

from addon.oauth.client import OAuthClient
from addon.oauth.device import (
    DeviceAuthorization,
    DeviceEndpoint,
    DeviceFlow,
    SignInDenied,
    SignInExpired,
)
from addon.oauth.grant import InvalidGrant, OAuthError, OAuthRefused, OAuthUnreachable, TokenGrant
from addon.oauth.refresher import Refresher, RefreshFailed, SignInNeeded, TokenEndpoint

__all__ = [
    "DeviceAuthorization",
    "DeviceEndpoint",
    "DeviceFlow",
    "InvalidGrant",
    "OAuthClient",
    "OAuthError",
    "OAuthRefused",
    "OAuthUnreachable",
    "RefreshFailed",
    "Refresher",
    "SignInDenied",
    "SignInExpired",
    "SignInNeeded",
    "TokenEndpoint",
    "TokenGrant",
]
