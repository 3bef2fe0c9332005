"""An answer's way to an HTTP/1.1 client: its head is looked at once, and not for each piece.

mitmproxy searches the head for ``transfer-encoding`` at every piece of the body.
"""

from __future__ import annotations

from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.layers.http import Http1Server, ResponseData, ResponseHeaders
from mitmproxy.proxy.layers.http._base import HttpEvent


class FramingHttp1Server(Http1Server):
    """mitmproxy's, which knows how the body is framed once the head is out."""

    _is_chunked: bool = False

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        """mitmproxy's; but pieces of a chunked body (RFC 9112 §7.1) go out at once."""
        if self._is_chunked and isinstance(event, ResponseData):
            if event.data:  # an empty chunk would end the body
                chunk = b"%x\r\n%b\r\n" % (len(event.data), event.data)
                yield commands.SendData(self.conn, chunk)
            return
        if isinstance(event, ResponseHeaders):
            coding = event.response.headers.get("transfer-encoding", "")
            self._is_chunked = "chunked" in coding.lower()
        yield from super().send(event)
