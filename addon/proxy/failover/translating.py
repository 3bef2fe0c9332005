"""A stream that is translated: each piece goes from the upstream to the client by the short way.

At each piece mitmproxy asks what kind of event it is, whether its state takes such a one, and
for an option that copies itself twice to be read. Here that is asked once. And where both ends
speak HTTP/1.1, a piece goes straight from the one connection to the other.
"""

from __future__ import annotations

from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import ReceiveHttp, ResponseData, SendHttp

from addon.proxy.exchange import StreamedAnswer
from addon.proxy.failover.framing import FramingHttp1Server
from addon.proxy.failover.interim import PatientHttp1Client
from addon.proxy.failover.silence import WatchedStream
from addon.proxy.failover.upstream import client_of, http_layer_of


class TranslatingStream(WatchedStream):
    """mitmproxy's, and the same in everything but the cost of a piece."""

    _translates: StreamedAnswer | None = None
    """Set while an answer is translated, and nobody else wants to see it."""
    _client: FramingHttp1Server | None = None
    """The client's end, where pieces go to it by the shortest way."""

    def begin_to_translate(self, answer: StreamedAnswer | None) -> None:
        """The head has gone to the client; ``answer`` is to make the body."""
        assert self.flow.response is not None
        is_alone = self.flow.response.stream is answer  # no other addon has put in its own
        is_kept = getattr(self.context.options, "store_streamed_bodies", False)
        self._translates = answer if is_alone and not is_kept else None
        upstream = client_of(self)
        client = http_layer_of(self).connections.get(self.context.client)
        if (
            self._translates is not None
            and isinstance(upstream, PatientHttp1Client)
            and isinstance(client, FramingHttp1Server)
        ):
            self._client = client
            upstream.hand_straight_to(self._pass_straight, self.stream_id)

    def _pass_straight(self, piece: bytes) -> layer.CommandGenerator[None]:
        """What becomes of a piece at the end where it comes in."""
        translates, client = self._translates, self._client
        is_usual = self.server_state == self.state_stream_response_body and not self._paused
        if translates is None or client is None or not is_usual:
            yield ReceiveHttp(ResponseData(self.stream_id, piece))
            return
        made = translates(piece)
        if made:
            yield commands.SendData(client.conn, client.framed(made))
        if translates.heard_at < 0:
            yield ReceiveHttp(ResponseData(self.stream_id, b""))  # it is given up, and would go on

    def start_response_stream(self) -> layer.CommandGenerator[None]:
        """mitmproxy's; without its line in the log where ours is to come, which says more."""
        response = self.flow.response
        is_ours = response is not None and isinstance(response.stream, StreamedAnswer)
        for command in super().start_response_stream():
            if not (is_ours and isinstance(command, commands.Log)):
                yield command

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's, which brings a piece of an answer to this state as well."""
        handle = self.server_state if event.__class__ is ResponseData else super()._handle_event
        steps: layer.CommandGenerator[None] = handle(event)
        return steps

    def state_stream_response_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's; but a piece that is only to be translated is translated, and no more."""
        translates = self._translates
        if translates is not None and event.__class__ is ResponseData:
            yield from self.send_to_client(translates(event.data))
            if translates.heard_at < 0:
                yield from self.look_at_the_clock()  # it is given up, and would go on
        else:
            yield from super().state_stream_response_body(event)

    def send_to_client(self, data: bytes | tuple[()]) -> layer.CommandGenerator[None]:
        """Sends a piece of the body, if there is any."""
        if data:
            yield SendHttp(ResponseData(self.stream_id, data), self.context.client)
