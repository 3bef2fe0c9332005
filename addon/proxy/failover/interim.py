"""A connection to an HTTP/1.1 upstream: mitmproxy's, where that is not patient enough.

*Interim answers* (1xx) are passed over until the real one comes. mitmproxy takes the first
head that arrives for the answer, whatever its status, and so would take what follows for
another request's. On HTTP/2 it passes over them by itself.

*A connection that is kept alive* may be closed by its upstream at the very moment at which
the next request goes out on it. That says nothing of the upstream (RFC 9112 §9.5), and so
it must be known of a connection whether it has served before.
"""

from __future__ import annotations

import re
from typing import Final

from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http import Http1Client

from addon.proxy.failover.joining import joined

_INTERIM_HEAD: Final = re.compile(rb"HTTP/1\.[01] 1(?!01)\d\d(?=[ \r\n]).*?\n\r?\n", re.DOTALL)
"""A whole one (RFC 9110 §15.2). After 101 the connection speaks something else than HTTP."""


class PatientHttp1Client(Http1Client):
    """mitmproxy's, waiting for the answer that counts."""

    _has_served = False

    @property
    def closed_at_rest(self) -> bool:
        """Whether the connection had served, and ended before a byte of the next answer came."""
        return self._has_served and self.response is None and not self.buf

    def mark_done(
        self, *, request: bool = False, response: bool = False
    ) -> layer.CommandGenerator[None]:
        """mitmproxy's; a connection that has served is another than a new one."""
        self._has_served = self._has_served or response
        yield from super().mark_done(request=request, response=response)

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """mitmproxy's, once the interim answers are out of the way."""
        if isinstance(event, events.DataReceived) and self.request:
            while head := _INTERIM_HEAD.match(bytes(self.buf)):
                self.buf.maybe_extract_at_most(head.end())
        yield from super().read_headers(event)

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's; what it reads at once goes on at once."""
        yield from joined(super().read_body(event))
