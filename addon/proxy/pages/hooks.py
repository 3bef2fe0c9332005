"""What mitmproxy calls for the proxy's own pages: an addon within the addon."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from mitmproxy import http

from addon.errors import Code, refusal
from addon.proxy.exchange import Exchange
from addon.proxy.failover import Feed
from addon.proxy.pages.ended import ended_request
from addon.proxy.pages.site import RunningProxy, Site, is_own_page

logger: Final = logging.getLogger(__name__)


class OwnPages:
    """Answers requests for the proxy itself, which the stream class keeps from all other hooks."""

    def __init__(self, proxy: RunningProxy, *, is_kept_from_hooks: Callable[[], bool]) -> None:
        """``is_kept_from_hooks`` says whether the stream class is in place."""
        self._site = Site(proxy)
        self._is_kept_from_hooks = is_kept_from_hooks

    def note(self, flow: http.HTTPFlow, exchange: Exchange, now: float) -> None:
        """A request of ours is over, at ``now`` (Unix seconds)."""
        self._site.note(ended_request(flow, exchange, now))

    def is_own_page(self, flow: http.HTTPFlow) -> bool:
        """Whether the request is for the proxy itself."""
        return is_own_page(flow)

    def feed_of(self, flow: http.HTTPFlow) -> Feed | None:
        """What follows the head of the answer, where that goes on."""
        return self._site.feed_of(flow)

    async def own_page_asked(self, flow: http.HTTPFlow) -> None:
        """The stream class asks for an answer."""
        try:
            flow.response = await self._site.answer(flow)
        except Exception:
            logger.exception("A page of the proxy's own could not be made.")
            error = refusal(Code.INTERNAL_ERROR, "The proxy failed on this; its log says more.")
            flow.response = http.Response.make(error.status, error.body(), error.headers())

    async def request(self, flow: http.HTTPFlow) -> None:
        """Without the stream class: an answer that should go on ends, and is asked for again."""
        is_answered = flow.response is not None or flow.error is not None
        if self._is_kept_from_hooks() or is_answered or not is_own_page(flow):
            return
        await self.own_page_asked(flow)
        feed = self.feed_of(flow)
        if feed is not None and flow.response is not None:
            flow.response.headers.pop("transfer-encoding", None)
            flow.response.content = feed.more(time.time()) or b""
            feed.close()

    def done(self) -> None:
        """Nothing new will come: pages that are open may turn to whoever comes next."""
        self._site.close()
