"""A stream that reads no more of a request than it may: what is longer is refused at once.

So is one of ours that was refused by its head already: nobody will look at its body.

The answer goes out while the client still sends, and what it sends is thrown away till it is
done: many clients read nothing before, and would see a broken connection.
"""

from __future__ import annotations

import time

from mitmproxy.net.http.http1 import expected_http_body_size
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http import (
    HttpRequestHook,
    HttpResponseHeadersHook,
    HttpStream,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestTrailers,
)
from mitmproxy.proxy.utils import expect

from addon.proxy.failover.policy import StreamPolicy


class LimitedStream(HttpStream):
    """One request, whose body is read up to a limit if it is one of ours."""

    policy: StreamPolicy
    """Of the addon that hears of this request: the class's, unless another has come since."""

    @expect(RequestHeaders)
    def state_wait_for_request_headers(self, event: RequestHeaders) -> layer.CommandGenerator[None]:
        """mitmproxy's; and no body of ours is begun that is known to be too long."""
        yield from super().state_wait_for_request_headers(event)
        self._heed_the_next_addon()
        if self.client_state == self.state_consume_request_body and self._is_refused_by_its_head():
            yield from self._refuse_body()

    def _heed_the_next_addon(self) -> None:
        """A stream may be older than the addon that heard of its head, if that was just loaded."""
        policy = getattr(http_layers.HttpStream, "policy", self.policy)
        if policy is not self.policy and policy.exchange_of(self.flow) is not None:
            self.policy = policy

    def _is_refused_by_its_head(self) -> bool:
        """Whether the body need not be read; a refusal of it is noted."""
        exchange = self.policy.exchange_of(self.flow)
        if exchange is None:
            return False
        if exchange.error is not None:
            return True
        try:
            size = expected_http_body_size(self.flow.request)
        except ValueError:
            return False
        exchange.is_too_long = size is not None and size > self.policy.max_request_bytes
        return exchange.is_too_long

    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:
        """mitmproxy's, asked after each piece; a request of ours has a limit of its own.

        Its body must be whole, to be translated: ``stream_large_bodies`` is not for it.
        """
        exchange = self.policy.exchange_of(self.flow)
        if exchange is None:
            return (yield from super().check_body_size(request))
        if request and len(self.request_body_buf) > self.policy.max_request_bytes:
            exchange.is_too_long = True
            yield from self._refuse_body()
            return True
        if self.context.options.stream_large_bodies:
            return False
        return (yield from super().check_body_size(request))

    def _refuse_body(self) -> layer.CommandGenerator[None]:
        """Has the addon answer now, as if the body were there."""
        self.request_body_buf.clear()
        self.client_state = self.state_discard_request_body
        self.flow.request.timestamp_end = time.time()
        yield HttpRequestHook(self.flow)
        if (yield from self.check_killed(True)):
            return
        yield HttpResponseHeadersHook(self.flow)
        yield from self.send_response()

    @expect(RequestData, RequestTrailers, RequestEndOfMessage)
    def state_discard_request_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Waits for the client to be done."""
        if isinstance(event, RequestEndOfMessage):
            self.client_state = self.state_done
            if self.server_state == self.state_done:
                yield from self.flow_done()
