"""Who is not on this machine does not get onto it through the proxy.

Programs on this machine may use the accounts, and a connection from this machine is how they
are known. Whoever uses us as an HTTP proxy names the host that we connect to; so a stranger
who names this machine would be taken for one of its programs, by a listener of ours or of
another proxy here, whatever else listens on loopback. What counts is where the connection led,
not what the host was called: any name may mean this machine.

And the proxy does not connect to itself, or it would ask itself without end. mitmproxy sees to
that where the host is called by one of three names, and only for listeners of TCP alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from mitmproxy import ctx
from mitmproxy.connection import Client, Server
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addon.proxy.guard import address_of, is_this_machine
from addon.proxy.left_open import break_off
from addon.proxy.routing import names_its_host

logger: Final = logging.getLogger(__name__)


class Inward:
    """Breaks off connections to this machine that are not for those who asked for them."""

    def __init__(self, is_for_an_account: Callable[[Client, tuple[str, int]], bool]) -> None:
        """``is_for_an_account`` says whether a request of a client's is on its way to an address.

        A service of the user's own may be on this machine.
        """
        self._is_for_an_account = is_for_an_account

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """It is open, and nothing has been sent on it yet."""
        server = data.server
        if server.via is not None or server.address is None:
            return
        if _leads_to_us(server) or self._is_anothers_way_in(data.client, server):
            logger.info("%s may not connect to %s.", data.client.peername[0], server.peername)
            break_off(server)

    def _is_anothers_way_in(self, client: Client, server: Server) -> bool:
        """Whether a client on another machine has itself led to what is for this one."""
        if not names_its_host(client) or is_this_machine(client):
            return False
        return _is_loopback(server) and not self._may(client, server)

    def _may(self, client: Client, server: Server) -> bool:
        assert server.address is not None
        return self._is_for_an_account(client, (server.address[0], server.address[1]))


def _is_loopback(server: Server) -> bool:
    """Whether the other end can be reached from this machine only."""
    return server.peername is not None and address_of(server.peername[0]).is_loopback


def _leads_to_us(server: Server) -> bool:
    """Whether the other end is a listener of this very proxy."""
    if server.peername is None or server.sockname is None:
        return False
    host, port = server.peername[:2]
    if host != server.sockname[0] and not _is_loopback(server):
        return False  # on another machine
    return any(
        listener[1] == port and listener[0] in (host, "0.0.0.0", "::")  # noqa: S104 - is it one?
        for instance in ctx.master.addons.get("proxyserver").servers
        if instance.mode.transport_protocol != "udp"  # those of https speak both
        for listener in instance.listen_addrs
    )
