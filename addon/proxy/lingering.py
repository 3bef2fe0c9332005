"""The requests that an addon has begun when its script is loaded again.

mitmproxy loads a script again when its file changes; no hook of the addon before is called from
then on, and the next one knows nothing of its requests. So the one that goes leaves this in its
place, which passes the hooks on until the last of these requests is over. New ones are none of
its business.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from mitmproxy import ctx, http
from mitmproxy.connection import Client


class Begun(Protocol):
    """The addon that goes."""

    @property
    def is_idle(self) -> bool:
        """Whether no request of its own is under way."""

    def end(self) -> Awaitable[None] | None:
        """It is over; what it gives goes on by itself."""

    async def request(self, flow: http.HTTPFlow) -> None:
        """As mitmproxy calls it; so are the others."""

    async def upstream_refused(self, flow: http.HTTPFlow) -> None: ...  # noqa: D102

    def responseheaders(self, flow: http.HTTPFlow) -> None: ...  # noqa: D102

    def response(self, flow: http.HTTPFlow) -> None: ...  # noqa: D102

    def error(self, flow: http.HTTPFlow) -> None: ...  # noqa: D102

    def client_disconnected(self, client: Client) -> None: ...  # noqa: D102


class Lingering:
    """An addon with the hooks of the middle and the end of a request."""

    def __init__(self, begun: Begun) -> None:
        self._begun = begun
        self.name = f"qwenproxy-{id(begun)}"
        """mitmproxy's: no two addons may have the same."""

    async def request(self, flow: http.HTTPFlow) -> None:
        """A request is whole."""
        await self._begun.request(flow)

    async def upstream_refused(self, flow: http.HTTPFlow) -> None:
        """An account was refused."""
        await self._begun.upstream_refused(flow)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """An answer begins."""
        self._begun.responseheaders(flow)

    def response(self, flow: http.HTTPFlow) -> None:
        """An answer is over."""
        self._begun.response(flow)
        self._leave_if_idle()

    def error(self, flow: http.HTTPFlow) -> None:
        """So is this request."""
        self._begun.error(flow)
        self._leave_if_idle()

    def client_disconnected(self, client: Client) -> None:
        """A client is gone."""
        self._begun.client_disconnected(client)
        self._leave_if_idle()

    def done(self) -> Awaitable[None] | None:
        """The last request is over, or the proxy ends."""
        return self._begun.end()

    def _leave_if_idle(self) -> None:
        # a hook may be called twice in the same breath
        if self._begun.is_idle and ctx.master.addons.get(self.name) is self:
            ctx.master.addons.remove(self)
