"""May this client use the accounts? Only this machine, whom the user let in, and no strange page.

A request that is served with a token spends somebody's quota, so two kinds of
strangers are turned away: other machines, and pages that a browser on this
machine has open. A page gives itself away by what browsers add to its requests
and will not let it take off again: ``Origin`` (RFC 6454 §7) and
``Sec-Fetch-Site`` (W3C Fetch Metadata).

Neither is there when a page asks (``GET``) for what is at its own origin, over plain http.
And an origin of a stranger's may be here: a name whose meaning has changed since the page was
loaded (DNS rebinding). So where we are asked as a server is, by what may be a browser, the name
has to be one that nobody can register in the DNS. A browser tells its languages; a page may
change what it tells, but not have it left out (Fetch Standard §4.1). Programs seldom do.
"""

from __future__ import annotations

import ipaddress
import platform
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from mitmproxy import connection, http
from mitmproxy.net.http import url as http_url
from mitmproxy.proxy import mode_specs

from addon.errors import Code, invalid_request, refusal
from addon.proxy.heads import fault_in_request
from addon.proxy.routing import is_reverse
from addon.settings import IPNetwork, Settings

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
NAMED_HOST: Final = "named_host"
"""Where in a flow's metadata it is kept under which name a client has asked that takes us for a
server: on a reverse listener mitmproxy writes its upstream's over it before any hook is called."""

_LOOPBACK_NAMES: Final = frozenset(("localhost", "127.0.0.1", "::1"))

_READING: Final = ("GET", "HEAD")
"""Methods with which browsers send no Origin to the page's own."""

_NOBODYS: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test")
"""Domains that are not in the public DNS (RFC 6761, RFC 6762, RFC 8375; ICANN, 2024; .lan by
custom): ``host.docker.internal``, the names that a router or mDNS gives."""


def check_head(flow: http.HTTPFlow) -> None:
    """Lets the request pass, or raises ApiError (400) where it could be read as another."""
    fault = fault_in_request(flow.request)
    if fault is not None:
        raise invalid_request(f"The head of this request cannot be handed on: {fault}.")


def check_client(flow: http.HTTPFlow, settings: Settings) -> None:
    """Lets the request pass, or raises ApiError (403 ``forbidden_client``)."""
    if not _address_is_allowed(flow, settings):
        raise refusal(
            Code.FORBIDDEN_CLIENT,
            f"Clients at {flow.client_conn.peername[0]} may not use these accounts. To allow them, "
            "put their network into 'allow_clients', or let them log in with mitmproxy's "
            "proxyauth.",
        )
    if _is_strange_page(flow):
        raise refusal(
            Code.FORBIDDEN_CLIENT,
            "Web pages may not use these accounts: the request comes from a browser page of "
            "another origin.",
        )
    if _is_maybe_rebound(flow):
        raise refusal(
            Code.FORBIDDEN_CLIENT,
            "A browser page of a stranger's may ask under this name: ask by an address, such as "
            "http://127.0.0.1:8081, or by a name that is not in the DNS.",
        )


def check_own_page(flow: http.HTTPFlow) -> None:
    """Lets a request for the proxy's own pages pass, or raises ApiError (403).

    Only this machine may, under no name but its own: a page of a stranger's whose name has
    come to mean this machine (DNS rebinding) still gives that name.
    """
    if not is_this_machine(flow.client_conn):
        raise refusal(Code.FORBIDDEN_CLIENT, "This is for programs on the proxy's own machine.")
    named = flow.metadata.get(NAMED_HOST, "" if is_reverse(flow.client_conn) else None)
    is_own_name = named is None or _is_own_name(named)
    origin = flow.request.headers.get("origin", own_origin(flow))
    site = flow.request.headers.get("sec-fetch-site", "none")
    if not is_own_name or origin != own_origin(flow) or site not in ("none", "same-origin"):
        raise refusal(
            Code.FORBIDDEN_CLIENT,
            "Ask for this under the proxy's own address, such as http://127.0.0.1:8081.",
        )


def own_origin(flow: http.HTTPFlow) -> str:
    """The origin of the pages that stand where the request goes, under the name that it gives.

    As browsers write it (RFC 6454 §6.2), where the client sent the name as it was typed.
    """
    request = flow.request
    if is_reverse(flow.client_conn):
        scheme = "https" if flow.client_conn.tls else "http"
        return f"{scheme}://{flow.metadata.get(NAMED_HOST, '')}".removesuffix(
            f":{_DEFAULT_PORTS[scheme]}"
        )
    return http_url.unparse(request.scheme, request.host, request.port, "").rstrip("/")


def is_this_machine(client: connection.Client) -> bool:
    """Whether the client is a program on this machine, as only those are in local mode."""
    if isinstance(client.proxy_mode, mode_specs.LocalMode):
        return True
    try:
        return address_of(client.peername[0]).is_loopback
    except ValueError:
        return False


def _host_in(named: str) -> str:
    """The name in a Host header, in lower case; nothing where there is none that is one."""
    try:
        return (urlsplit(f"//{named}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _is_own_name(named: str) -> bool:
    """Whether ``named``, a Host header, is an address, or a name that only means this machine."""
    host = _host_in(named)
    try:
        return host == "localhost" or bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _is_maybe_rebound(flow: http.HTTPFlow) -> bool:
    """Whether this may be the request of a page whose name has come to mean this machine.

    It is none that tells of no name, or of no language (as browsers always do), or of a name
    that is in no DNS, or that would have had to say its origin.
    """
    named = flow.metadata.get(NAMED_HOST)
    headers = flow.request.headers
    if not named or flow.request.method not in _READING or "accept-language" not in headers:
        return False
    if "origin" in headers:
        return False
    host = _host_in(named)
    is_in_no_dns = "." not in host or f".{host}".endswith(_NOBODYS) or host == _own_name()
    return not (host and (is_in_no_dns or _is_own_name(named)))


def _own_name() -> str:
    """What this machine is called where it is, which may be a name in a DNS of its owners'."""
    return platform.node().lower()


def _address_is_allowed(flow: http.HTTPFlow, settings: Settings) -> bool:
    if flow.metadata.get("proxyauth") or is_this_machine(flow.client_conn):
        return True
    try:
        address = address_of(flow.client_conn.peername[0])
    except ValueError:
        return False
    return any(_holds(net, address) for net in settings.allow_clients)


@lru_cache(maxsize=256)
def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """``text`` without a zone, and as IPv4 where a dual-stack socket shows it mapped."""
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _holds(network: IPNetwork, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return network.version == address.version and address in network


def _is_strange_page(flow: http.HTTPFlow) -> bool:
    origin = flow.request.headers.get("origin")
    if origin is not None:
        return not _is_own_origin(origin, flow)
    site: str = flow.request.headers.get("sec-fetch-site", "none")
    if site == "same-origin" and not is_reverse(flow.client_conn):
        return False
    # "none": the person typed the address. On a reverse listener no page of ours
    # asks for these paths, so a same-origin one has only borrowed our address.
    return site != "none"


def _is_own_origin(origin: str, flow: http.HTTPFlow) -> bool:
    """Whether a page of ``origin`` would be at home where this request goes."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return False
    if is_reverse(flow.client_conn):
        listener_port = flow.client_conn.sockname[1]
        is_here: bool = parts.hostname in _LOOPBACK_NAMES and port == listener_port
        return is_here
    request = flow.request
    return (parts.scheme, parts.hostname, port) == (request.scheme, request.host, request.port)
