"""An answer's way to an HTTP/1.1 client: its head is looked at once, and not for each piece.

mitmproxy searches the head for ``transfer-encoding`` at every piece of the body. And the head
of a translated stream, whose first events are there already, goes out together with them.
"""

from __future__ import annotations

from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.layers.http import Http1Server, ResponseData, ResponseHeaders
from mitmproxy.proxy.layers.http._base import HttpEvent

from addon.proxy.exchange import StreamedAnswer


class FramingHttp1Server(Http1Server):
    """mitmproxy's, which knows how the body is framed once the head is out."""

    _is_chunked: bool = False
    _head: bytes = b""
    """What goes out with the next piece."""

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        """mitmproxy's; but pieces of a chunked body (RFC 9112 §7.1) go out at once."""
        if self._is_chunked and isinstance(event, ResponseData):
            if event.data:  # an empty chunk would end the body
                yield commands.SendData(self.conn, self.framed(event.data))
            return
        if self._head:
            head, self._head = self._head, b""
            yield commands.SendData(self.conn, head)
        if isinstance(event, ResponseHeaders):
            coding = event.response.headers.get("transfer-encoding", "")
            self._is_chunked = "chunked" in coding.lower()
            if self._is_chunked and isinstance(event.response.stream, StreamedAnswer):
                yield from self._put_by(super().send(event))
                return
        yield from super().send(event)

    def framed(self, piece: bytes) -> bytes:
        """``piece`` of a body as it goes out, with the head before it if that is still here."""
        head, self._head = self._head, b""
        return b"%b%x\r\n%b\r\n" % (head, len(piece), piece) if self._is_chunked else head + piece

    def _put_by(self, steps: layer.CommandGenerator[None]) -> layer.CommandGenerator[None]:
        """``steps``, but that what they would send is kept for the next piece."""
        for command in steps:
            if isinstance(command, commands.SendData):
                self._head += command.data
            else:
                yield command
