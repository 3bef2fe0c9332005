"""A script beside ``main.py``, for a mitmproxy that serves another process and ends with it.

Whoever started it holds the other end of its standard input: once that is closed, for
whatever reason, the proxy ends, and takes the folder ``attached_folder`` with it. Where the
listeners are is one line of JSON on the descriptor ``attached_report``. Where
``attached_via`` names a proxy, what is sent upstream goes out through it.

mitmproxy runs this file as a script of its own: it stands alone, without the package.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ipaddress
import json
import os
import shutil
import threading
from collections.abc import Callable
from typing import Final

from mitmproxy import ctx, http
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import Server
from mitmproxy.net.server_spec import ServerSpec
from mitmproxy.net.server_spec import parse as parse_server
from mitmproxy.options import Options

_STDIN: Final = 0
_STDOUT: Final = 1


class Attached:
    """Tells where the proxy listens, and ends it when nobody is left who wants it."""

    def __init__(self) -> None:
        self._is_wanted = True

    def load(self, loader: Loader) -> None:
        """Begins to watch standard input."""
        loader.add_option("attached_report", int, _STDOUT, "Where to tell the addresses.")
        loader.add_option("attached_folder", str, "", "A folder that ends with the proxy.")
        loader.add_option(
            "attached_via", str, "", "A proxy to go out through, as http://host:port."
        )
        loader.add_option("attached_no_proxy", str, "", "Hosts for which it is not, as NO_PROXY.")
        atexit.register(self._clean_up, ctx.options)
        wanted_by = (asyncio.get_running_loop(), ctx.master.shutdown)
        threading.Thread(target=self._watch, args=wanted_by, daemon=True).start()

    def running(self) -> None:
        """Tells the addresses, one listener after the other in the order of the modes."""
        servers = ctx.master.addons.get("proxyserver").servers
        listeners = [server.listen_addrs[0][:2] for server in servers]
        told = json.dumps({"listeners": listeners})
        with (
            contextlib.suppress(BrokenPipeError),
            os.fdopen(ctx.options.attached_report, "w") as to,
        ):
            to.write(f"{told}\n")

    def request(self, flow: http.HTTPFlow) -> None:
        """Sends it through the other proxy, or past it, as its host wants it."""
        if ctx.options.attached_via:
            address = (flow.request.host, flow.request.port)
            if flow.server_conn.connected:
                flow.server_conn = Server(address=address)
            flow.server_conn.via = _via(*address)

    def upstream_refused(self, flow: http.HTTPFlow) -> None:
        """The same where it may be sent again, to another host; see ``failover``."""
        self.request(flow)

    def _watch(self, loop: asyncio.AbstractEventLoop, shutdown: Callable[[], None]) -> None:
        while os.read(_STDIN, 1024):
            pass
        self._is_wanted = False
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(shutdown)

    def _clean_up(self, options: Options) -> None:
        if options.attached_folder and not self._is_wanted:
            shutil.rmtree(options.attached_folder, ignore_errors=True)


def _via(host: str, port: int) -> ServerSpec | None:
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return None
    hosts = ("localhost", *ctx.options.attached_no_proxy.split(","))
    if any(_is_meant(each.strip().lower(), host.lower(), port) for each in hosts):
        return None
    return parse_server(ctx.options.attached_via, "http")


def _is_meant(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY is for ``host``: ``*``, or it, or a domain that it is in."""
    name = entry.removesuffix(f":{port}").lstrip("*.")
    return entry == "*" or (bool(name) and f".{host}".endswith(f".{name}"))


addons = [Attached()]
