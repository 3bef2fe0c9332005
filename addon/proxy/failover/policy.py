"""What the stream class and the addon have to do with each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mitmproxy import http
from mitmproxy.proxy.commands import StartHook

from addon.proxy.exchange import Exchange
from addon.proxy.timeouts import Timeouts


@dataclass
class UpstreamRefusedHook(StartHook):
    """An upstream refused one of our requests: why stands in its exchange.

    The addon sets ``flow.response``, or the exchange's ``resend``.
    """

    name = "upstream_refused"
    flow: http.HTTPFlow


class StreamPolicy(Protocol):
    """What the stream class asks the addon, and tells it."""

    def exchange_of(self, flow: http.HTTPFlow) -> Exchange | None:
        """The exchange of one of our requests."""

    def is_our_host(self, host: str) -> bool:
        """Whether connections to ``host`` are opened lazily."""

    def client_left(self, flow: http.HTTPFlow) -> None:
        """The client of ``flow`` is gone, and a hook may still be at work for it."""

    @property
    def timeouts(self) -> Timeouts:
        """The limits on one attempt."""

    def own_page(self, flow: http.HTTPFlow) -> http.Response | None:
        """The answer to a request that is for the proxy itself; None: it is for others."""
