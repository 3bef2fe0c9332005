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


@dataclass
class OwnPageHook(StartHook):
    """A request is for the proxy itself: the addon sets ``flow.response``."""

    name = "own_page_asked"
    flow: http.HTTPFlow


class Feed(Protocol):
    """The body of an answer that goes on for as long as there is something to tell."""

    interval_seconds: float
    """How often it is asked."""

    def more(self, now: float) -> bytes | None:
        """What is new at ``now`` (Unix seconds), maybe nothing; None: it is over."""

    def close(self) -> None:
        """Nobody listens any more."""


class OwnPagesPolicy(Protocol):
    """The proxy's own pages, as the stream class knows them."""

    def is_own_page(self, flow: http.HTTPFlow) -> bool:
        """Whether the request is for the proxy itself."""

    def feed_of(self, flow: http.HTTPFlow) -> Feed | None:
        """What follows the answer's head, where the answer to such a request goes on."""


class StreamPolicy(Protocol):
    """What the stream class asks the addon, and tells it."""

    def exchange_of(self, flow: http.HTTPFlow) -> Exchange | None:
        """The exchange of one of our requests."""

    def is_our_host(self, host: str) -> bool:
        """Whether connections to ``host`` are opened lazily."""

    def client_left(self, flow: http.HTTPFlow) -> None:
        """The client of ``flow`` is gone, and a hook may still be at work for it."""

    @property
    def max_request_bytes(self) -> int:
        """How long the body of one of our requests may be."""

    @property
    def timeouts(self) -> Timeouts:
        """The limits on one attempt."""

    @property
    def own_pages(self) -> OwnPagesPolicy:
        """What is answered to requests for the proxy itself."""
