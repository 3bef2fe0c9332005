"""Which TLS connections are opened, and when: the last word on every ClientHello.

mitmproxy's own addon for TLS comes after a script's, and would ask for an early
connection to the server of each; so this one is put behind it.
"""

from __future__ import annotations

from collections.abc import Callable

from mitmproxy import ctx, tls

from addon.proxy.routing import is_reverse


class ConnectionPolicy:
    """TLS to other hosts is passed through undecrypted; to ours nothing is opened early."""

    def __init__(self, is_our_host: Callable[[str], bool]) -> None:
        self._is_our_host = is_our_host

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Decides about one connection, by the name that the client asks for."""
        address = data.context.server.address
        if (
            address is None
            or is_reverse(data.context.client)
            or self._is_our_host(data.client_hello.sni or address[0])
        ):
            # The server that the client names may be out of reach, or never needed.
            data.establish_server_tls_first = False
        else:
            data.ignore_connection = True

    def install(self) -> Callable[[], None]:
        """Puts it behind mitmproxy's own addons; the function it gives takes it out."""
        addons = ctx.master.addons
        addons.add(self)
        return lambda: addons.remove(self)
