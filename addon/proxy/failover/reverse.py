"""A reverse listener that connects when a request needs the upstream, and not before."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.modes import ReverseProxy


class LazyReverseProxy(ReverseProxy):
    """A reverse listener for HTTP: it connects when a request needs the upstream."""

    def finish_start(self) -> Generator[commands.Command, Any, str | None]:
        """mitmproxy's, without the early connection."""
        spec = self.context.client.proxy_mode
        if getattr(spec, "scheme", None) not in ("http", "https"):
            return (yield from super().finish_start())
        self._handle_event = self.child_layer.handle_event
        yield from self.child_layer.handle_event(events.Start())
        return None
