"""When to look whether an upstream has fallen silent: one clock for all requests of a connection.

mitmproxy cannot take a wake-up back. If each request had its own, its flow and all that
belongs to it would stay in memory until that rings, long after its end. So the requests of a
client's connection share one: a stream that is woken has all look that are still watched.
"""

from __future__ import annotations

import math
import time
import weakref
from dataclasses import dataclass
from typing import Final

from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.layers.http import HttpLayer, ReceiveHttp
from mitmproxy.proxy.layers.http._base import HttpEvent

TICK_SECONDS: Final = 10.0
"""How often at least a stream looks: so long a finished one may be remembered."""

_EARLY_SECONDS: Final = 0.001
"""Clocks round."""


@dataclass
class LookAtTheClock(HttpEvent):
    """A stream is to see for how long its upstream has been silent."""


class Alarm(commands.RequestWakeup):
    """A wake-up that is meant for all requests of a connection.

    It passes by the stream of a CONNECT that they came through, whose connection is another.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        super().__init__(seconds)
        self.clock = clock


class Clock:
    """The wake-up of one client's connection."""

    def __init__(self) -> None:
        self._watched: set[int] = set()
        self._rings_at = math.inf
        """By the monotonic clock; of several wake-ups that are under way, the one that counts."""

    def watch(self, stream_id: int, seconds: float) -> layer.CommandGenerator[None]:
        """Have the stream look within ``seconds``. To be yielded by that stream itself."""
        self._watched.add(stream_id)
        seconds = min(seconds, TICK_SECONDS)
        rings_at = time.monotonic() + seconds
        if rings_at < self._rings_at:
            self._rings_at = rings_at
            yield Alarm(seconds, self)

    def has_set(self, wake_up: commands.Command) -> bool:
        """Whether ``wake_up`` is one of this clock's."""
        return isinstance(wake_up, Alarm) and wake_up.clock is self

    def ring(self) -> layer.CommandGenerator[None]:
        """A wake-up has come: all look, unless there was an earlier one, or is a later one."""
        if time.monotonic() + _EARLY_SECONDS < self._rings_at:
            return
        self._rings_at = math.inf
        watched, self._watched = self._watched, set()
        for stream_id in watched:
            yield ReceiveHttp(LookAtTheClock(stream_id))


_clocks: Final[weakref.WeakKeyDictionary[HttpLayer, Clock]] = weakref.WeakKeyDictionary()


def clock_of(http_layer: HttpLayer) -> Clock:
    """The clock of the requests that ``http_layer`` handles."""
    clock = _clocks.get(http_layer)
    if clock is None:
        clock = _clocks[http_layer] = Clock()
    return clock
