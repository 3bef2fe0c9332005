"""May this client use the accounts? Only this machine, whom the user let in, and no strange page.

A request that is served with a token spends somebody's quota, so two kinds of
strangers are turned away: other machines, and pages that a browser on this
machine has open. A page gives itself away by what browsers add to its requests
and will not let it take off again: ``Origin`` (RFC 6454 §7) and
``Sec-Fetch-Site`` (W3C Fetch Metadata).
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from mitmproxy import http
from mitmproxy.net.http import url as http_url

from addon.errors import Code, refusal
from addon.proxy.routing import is_reverse
from addon.settings import IPNetwork, Settings

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
NAMED_HOST: Final = "named_host"
"""Where in a flow's metadata it is kept under which name the client asked: on a reverse listener
mitmproxy writes its upstream's over it before any hook is called."""

_LOOPBACK_NAMES: Final = frozenset(("localhost", "127.0.0.1", "::1"))


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


def check_own_page(flow: http.HTTPFlow) -> None:
    """Lets a request for the proxy's own pages pass, or raises ApiError (403).

    Only this machine may, under no name but its own: a page of a stranger's whose name has
    come to mean this machine (DNS rebinding) still gives that name.
    """
    if not _is_this_machine(flow.client_conn.peername[0]):
        raise refusal(Code.FORBIDDEN_CLIENT, "This is for programs on the proxy's own machine.")
    named = flow.metadata.get(NAMED_HOST, "")
    is_own_name = not is_reverse(flow.client_conn) or _is_own_name(named)
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


def _is_this_machine(peer: str) -> bool:
    try:
        return _address(peer).is_loopback
    except ValueError:
        return False


def _is_own_name(named: str) -> bool:
    """Whether ``named``, a Host header, is an address, or a name that only means this machine."""
    try:
        host = urlsplit(f"//{named}").hostname or ""
        return host == "localhost" or bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _address_is_allowed(flow: http.HTTPFlow, settings: Settings) -> bool:
    if flow.metadata.get("proxyauth"):
        return True
    try:
        address = _address(flow.client_conn.peername[0])
    except ValueError:
        return False
    return address.is_loopback or any(_holds(net, address) for net in settings.allow_clients)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
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
