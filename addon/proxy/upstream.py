"""Points a flow at an account's service: address, headers, body.

The headers are made anew and few: the client's session, tracing and tool headers
stay home. The token that is shown is masked; ``failover`` puts the real one on
the wire.
"""

from __future__ import annotations

import platform
import sys
from copy import copy
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from mitmproxy import http
from mitmproxy.net.http import url as http_url

from addon import __version__
from addon.accounts.account import OAuthCredential, mask
from addon.broker import Lease
from addon.proxy.exchange import Exchange
from addon.proxy.routing import Route
from addon.translate import Profile, profile_for

_USER_AGENT: Final = f"opencode-qwen-proxy/{__version__}"
_KEPT_UNTRANSLATED: Final = ("content-type", "content-encoding", "accept", "accept-encoding")
"""What says how to read a body that is handed on untouched."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def point_at(flow: http.HTTPFlow, exchange: Exchange, lease: Lease) -> None:
    """Makes ``flow.request`` the request to the service of ``lease``."""
    request = flow.request
    scheme, host, port, folder = _parts(lease.base_url)
    profile = _profile(lease)
    headers = _headers(request, exchange, lease, profile)
    path = (folder + exchange.route.upstream_path).encode()
    if not exchange.route.is_translated:
        path += _query(request)
    authority = http_url.hostport(scheme, host, port)
    request.data.scheme = scheme.encode()
    request.data.host, request.data.port = host, port
    request.data.path = path
    exchange.upstream_address = (host, port)
    if request.is_http2 or request.is_http3:
        request.data.authority = authority.encode()
    else:
        headers.insert(0, "host", authority)
        # Origin form (RFC 9112 §3.2.1), but absolute form where the client came so to a proxy
        # that hands plain HTTP on to another proxy.
        is_absolute = bool(request.data.authority) and scheme == "http"
        request.data.authority = authority.encode() if is_absolute else b""
    request.headers = headers
    request.trailers = None
    if exchange.request is not None:
        model = lease.upstream_model or exchange.request.model
        request.content = exchange.request.render(model, profile)
        exchange.notes = exchange.request.notes + exchange.request.notes_for(profile, model)
    elif exchange.route is Route.MODELS:
        # Some servers take what follows such a request for the next one.
        request.raw_content = b""
    elif request.raw_content:
        headers["content-length"] = str(len(request.raw_content))


def with_token(request: http.Request, lease: Lease) -> http.Request:
    """A copy of ``request`` that carries the real token. It must go nowhere but on the wire.

    Without the token where another addon has sent the request elsewhere: it is for its own
    account's service alone.
    """
    at_home = _parts(lease.base_url)[:3]
    if (request.scheme, request.host, request.port) != at_home:
        return request
    # Not its own copy(): that checks the type of each field anew.
    sent = copy(request)
    sent.data = copy(request.data)
    sent.headers = request.headers.copy()
    sent.headers["authorization"] = f"Bearer {lease.token}"
    return sent


@lru_cache(maxsize=1024)
def _parts(base_url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and path of ``base_url``."""
    base = urlsplit(base_url)
    return base.scheme, base.hostname or "", base.port or _DEFAULT_PORTS[base.scheme], base.path


def _headers(
    request: http.Request, exchange: Exchange, lease: Lease, profile: Profile
) -> http.Headers:
    headers = {"user-agent": _USER_AGENT}
    if exchange.request is not None:
        stream = exchange.request.stream or profile.always_streams
        headers["content-type"] = "application/json"
        headers["accept"] = "text/event-stream" if stream else "application/json"
        headers["accept-encoding"] = "identity"
    else:
        sent = request.headers
        headers |= {name: sent[name] for name in _KEPT_UNTRANSLATED if name in sent}
    headers |= profile.headers
    headers["authorization"] = f"Bearer {mask(lease.token)}"
    return http.Headers([(name.encode(), value.encode()) for name, value in headers.items()])


def _profile(lease: Lease) -> Profile:
    return profile_for(
        lease.base_url,
        is_oauth=isinstance(lease.account.credential, OAuthCredential),
        platform=sys.platform,
        machine=platform.machine(),
        name=lease.account.profile,
    )


def _query(request: http.Request) -> bytes:
    """With its question mark, as the client sent it."""
    _, question_mark, query = request.data.path.partition(b"?")
    return question_mark + query
