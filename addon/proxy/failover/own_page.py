"""Requests for the proxy itself: answered unseen, and for as long as there is something to tell.

No hook of mitmproxy's hears of them: they show in no log line, no list of flows and no saved
file, since whoever looks on must not fill the picture that he looks at. And an answer may go
on: mitmproxy's own way of serving pages from inside gathers a body whole before it sends it,
so the stream is woken here now and then, and sends what is new.
"""

from __future__ import annotations

import time
from typing import Any

from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.layers.http import (
    DropStream,
    HTTPMode,
    HttpRequestHeadersHook,
    HttpStream,
    RequestData,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseHeaders,
    ResponseProtocolError,
    SendHttp,
)
from mitmproxy.proxy.utils import expect

from addon.proxy.failover.policy import Feed, OwnPageHook, StreamPolicy
from addon.proxy.guard import NAMED_HOST
from addon.proxy.routing import is_reverse


class OwnPageStream(HttpStream):
    """One request; one for the proxy itself is answered by the addon."""

    policy: StreamPolicy
    _is_own_page: bool = False
    _feed: Feed | None = None
    """Set where the answer goes on."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's; wake-ups are our own."""
        if event.__class__ is events.Wakeup:
            return self._woken()
        steps: layer.CommandGenerator[None] = super()._handle_event(event)
        return steps

    def _woken(self) -> layer.CommandGenerator[None]:
        if self._feed is not None:
            yield from self._feed_on(self._feed)

    def check_invalid(self, request: bool) -> layer.CommandGenerator[bool]:
        """mitmproxy's; it comes before the name is forgotten under which the client asked.

        What names no host in its first line is for a server (RFC 9112 §3.2.1), inside a tunnel
        for the one at the tunnel's end.
        """
        is_in_tunnel = self.mode is HTTPMode.transparent
        is_for_us = not (is_in_tunnel or self.flow.request.data.authority)
        if request and (is_reverse(self.context.client) or is_for_us):
            self.flow.metadata[NAMED_HOST] = self.flow.request.host_header or ""
        return (yield from super().check_invalid(request))

    @expect(RequestHeaders)
    def state_wait_for_request_headers(self, event: RequestHeaders) -> layer.CommandGenerator[None]:
        """mitmproxy's; if the request is for the proxy itself, it has its answer after that."""
        yield from self._unseen(super().state_wait_for_request_headers(event))

    def state_consume_request_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's, unseen; and a body, which no page of ours asks for, is not kept."""
        if self._is_own_page and isinstance(event, RequestData):
            return
        yield from self._unseen(super().state_consume_request_body(event))

    def _unseen(self, steps: layer.CommandGenerator[None]) -> layer.CommandGenerator[None]:
        """``steps``, without the hooks where they are not to be heard."""
        reply: Any = None
        while True:
            try:
                command = steps.send(reply)
            except StopIteration:
                return
            if isinstance(command, HttpRequestHeadersHook):
                self._is_own_page = self.policy.own_pages.is_own_page(command.flow)
                if self._is_own_page:
                    yield OwnPageHook(command.flow)
                    # There is nobody to stream a body to, whatever stream_large_bodies says.
                    command.flow.request.stream = False
            is_unheard = self._is_own_page and isinstance(command, StartHook)
            reply = None if is_unheard else (yield command)

    def send_response(self, already_streamed: bool = False) -> layer.CommandGenerator[None]:
        """mitmproxy's, or the head alone of an answer that goes on."""
        self._feed = self.policy.own_pages.feed_of(self.flow) if self._is_own_page else None
        if self._feed is None:
            yield from super().send_response(already_streamed)
            return
        assert self.flow.response is not None
        head = ResponseHeaders(self.stream_id, self.flow.response, end_stream=False)
        yield SendHttp(head, self.context.client)
        yield from self._feed_on(self._feed)

    def _feed_on(self, feed: Feed) -> layer.CommandGenerator[None]:
        """Sends what is new, and asks to be woken again; or ends the answer."""
        data = feed.more(time.time())
        if data is None:
            self._feed = None
            self.server_state = self.state_done
            yield from self.flow_done()
            return
        if data:
            yield SendHttp(ResponseData(self.stream_id, data), self.context.client)
        yield commands.RequestWakeup(feed.interval_seconds)

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        """mitmproxy's, unseen; a feed ends when its client leaves."""
        if self._feed is None:
            yield from self._unseen(super().handle_protocol_error(event))
            return
        self._feed.close()
        self._feed = None
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False
        yield DropStream(self.stream_id)
