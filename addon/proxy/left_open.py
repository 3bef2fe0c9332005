"""Connections to upstreams that mitmproxy has done with, and has not closed.

It ends the task that reads one by cancelling it. Where that task waits at this moment to hand on
what it has read (an upstream that is given up often has more to say), it ends without closing
anything: the socket stays open, and the upstream stays where it is, for as long as the proxy runs.
"""

from __future__ import annotations

from mitmproxy import ctx
from mitmproxy.connection import Server
from mitmproxy.proxy.server_hooks import ServerConnectionHookData


class LeftOpen:
    """Closes what should be closed by now."""

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """It is closed, as far as mitmproxy knows."""
        break_off(data.server)


def break_off(server: Server) -> None:
    """Closes the connection at once, if it is open; mitmproxy has no way to say so from outside."""
    for handler in [*ctx.master.addons.get("proxyserver").connections.values()]:
        io = handler.transports.get(server)
        if io is not None and io.writer is not None:
            io.writer.transport.abort()
