"""A stream that notices when its upstream says nothing: for that nobody wakes it."""

from __future__ import annotations

import time
from abc import abstractmethod

from mitmproxy.proxy import events, layer

from addon.proxy.exchange import Exchange
from addon.proxy.failover.clock import Clock, LookAtTheClock, clock_of
from addon.proxy.failover.own_page import OwnPageStream
from addon.proxy.failover.upstream import http_layer_of


class WatchedStream(OwnPageStream):
    """One request; of one of ours it is known how long its upstream has been silent."""

    _sent_at: float
    """When the last request went out, or a sign of life came before the answer (monotonic)."""

    @abstractmethod
    def fell_silent(self, exchange: Exchange) -> layer.CommandGenerator[None]:
        """The upstream has been silent for longer than it may."""

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's; a wake-up is not only for this stream, so it waits for nothing."""
        if event.__class__ is events.Wakeup and self._clock.has_set(event.command):
            return self._clock.ring()
        return super().handle_event(event)

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's; when to look at the clock is our own affair."""
        if event.__class__ is LookAtTheClock:
            return self.look_at_the_clock()
        return super()._handle_event(event)

    def watch(self, exchange: Exchange) -> layer.CommandGenerator[None]:
        """The request goes out now."""
        self.heard_of()
        yield from self._look_again_in(self._seconds_left(exchange))

    def heard_of(self) -> None:
        """The upstream gives a sign of life, or is given another chance."""
        self._sent_at = time.monotonic()

    @property
    def _clock(self) -> Clock:
        return clock_of(http_layer_of(self))

    def _look_again_in(self, seconds: float) -> layer.CommandGenerator[None]:
        return self._clock.watch(self.stream_id, seconds)

    def look_at_the_clock(self) -> layer.CommandGenerator[None]:
        """Gives a silent upstream up, or asks to look again."""
        exchange = self.policy.exchange_of(self.flow)
        if (
            exchange is None
            or not exchange.awaits_upstream
            or self.server_state in (self.state_done, self.state_errored)
        ):
            return
        left = self._seconds_left(exchange)
        if left > 0:
            yield from self._look_again_in(left)
        else:
            yield from self.fell_silent(exchange)

    def _seconds_left(self, exchange: Exchange) -> float:
        """How long the upstream may go on being silent."""
        timeouts, now = self.policy.timeouts, time.monotonic()
        flowing = exchange.stream
        if self.server_state == self.state_stream_response_body and flowing is not None:
            return flowing.heard_at + timeouts.idle - now
        return self._sent_at + timeouts.first_byte - now
