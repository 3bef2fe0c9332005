"""Requests that no hook hears of: they show in no log line, no list of flows and no saved file.

For the proxy's own pages: whoever looks on must not fill the picture that he looks at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mitmproxy import http
from mitmproxy.proxy import layer
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.layers.http import HttpRequestHeadersHook


class Unseen:
    """Answers a request at its head, if ``answer`` has one, and passes over its hooks then."""

    __slots__ = ("_answer", "has_answered")

    def __init__(self, answer: Callable[[http.HTTPFlow], http.Response | None]) -> None:
        self._answer = answer
        self.has_answered = False

    def pass_through(self, steps: layer.CommandGenerator[None]) -> layer.CommandGenerator[None]:
        """``steps`` of the stream, without the hooks where they are not to be heard."""
        reply: Any = None
        while True:
            try:
                command = steps.send(reply)
            except StopIteration:
                return
            if isinstance(command, HttpRequestHeadersHook):
                response = self._answer(command.flow)
                if response is not None:
                    command.flow.response = response
                    self.has_answered = True
            is_hook = isinstance(command, StartHook)
            reply = None if is_hook and self.has_answered else (yield command)
