"""Which requests are ours, and what is done with them. Reads flows, changes nothing.

The rules are the contract's: in regular, upstream and local mode the requests to
the host of the default or configured base URL, of any account's base URL, or
named in ``intercept_hosts``; in reverse mode whatever reaches the listener.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from urllib.parse import urlsplit

from mitmproxy import connection, http
from mitmproxy.proxy import mode_specs

from addon.proxy.views.record import INSPECT
from addon.settings import DEFAULT_BASE_URL, Settings


class Route(Enum):
    """What happens with one of our requests."""

    RESPONSES = "responses"
    """Translated there and back, token injected."""
    CHAT_COMPLETIONS = "chat/completions"
    """Token injected, body untouched."""
    MODELS = "models"
    """The same."""

    @property
    def is_translated(self) -> bool:
        """Whether request and answer are rewritten."""
        return self is Route.RESPONSES

    @property
    def upstream_path(self) -> str:
        """The path behind the account's base URL."""
        return "/models" if self is Route.MODELS else "/chat/completions"


def route_of(request: http.Request) -> Route | None:
    """The route of a request to one of our hosts; None: passed on as it is, without a token."""
    path = request.path.partition("?")[0]
    if request.method == "POST" and path.endswith("/responses"):
        return Route.RESPONSES
    if request.method == "POST" and path.endswith("/chat/completions"):
        return Route.CHAT_COMPLETIONS
    if request.method == "GET" and path.endswith("/models"):
        return Route.MODELS
    return None


@lru_cache(maxsize=8)
def our_hosts(settings: Settings, account_urls: frozenset[str]) -> frozenset[str]:
    """The hosts whose requests are ours, in lower case; ``account_urls`` are base URLs."""
    urls = {DEFAULT_BASE_URL, settings.base_url, *account_urls}
    return frozenset(urlsplit(url).hostname or "" for url in urls) | set(settings.intercept_hosts)


def is_reverse(client: connection.Client) -> bool:
    """Whether the client reached a reverse listener: there everything is ours."""
    return isinstance(client.proxy_mode, mode_specs.ReverseMode)


def is_sent_again(flow: http.HTTPFlow) -> bool:
    """Whether somebody replays a request that was ours.

    It still is where its account has gone since: what stands in it is no token, but a mask.
    """
    return flow.is_replay == "request" and INSPECT in flow.metadata


def names_its_host(client: connection.Client) -> bool:
    """Whether the client says to the proxy whom it is to connect to."""
    return isinstance(
        client.proxy_mode,
        mode_specs.RegularMode | mode_specs.UpstreamMode | mode_specs.Socks5Mode,
    )


def host_of(flow: http.HTTPFlow) -> str:
    """The host that the client means.

    Where connections are redirected to us (local, transparent, WireGuard), the
    request's own host is only an address, and its name stands in the Host header.
    """
    names_a_host = names_its_host(flow.client_conn)
    host = flow.request.host if names_a_host else flow.request.pretty_host
    return host.lower()
