"""How long an upstream may take, and the clock that watches its connections open.

mitmproxy has no time limit on connecting. It does say when a connection is being
opened, in the very task that opens it, and takes the end of that task for a failed
connection: so a task that takes too long is cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from mitmproxy import ctx, tls
from mitmproxy.connection import Server
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addon.proxy.exchange import Exchange, ExchangeBook
from addon.settings import Settings


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits on one attempt, in seconds."""

    connect: float
    """Until the connection is open, TLS included."""
    first_byte: float
    """Until the head of the answer, and of a stream its first event, has come."""
    idle: float
    """Between two pieces of an answer."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those that the user has set."""
        return cls(
            connect=settings.connect_timeout_seconds,
            first_byte=settings.first_byte_timeout_seconds,
            idle=settings.idle_timeout_seconds,
        )


class ConnectTimeout:
    """Gives up connections of ours that do not open in time."""

    def __init__(self, exchanges: ExchangeBook, seconds: Callable[[], float]) -> None:
        """``exchanges`` are those that may wait for a connection; ``seconds`` is the limit now."""
        self._exchanges = exchanges
        self._seconds = seconds
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.name = f"connecttimeout-{id(self)}"
        """mitmproxy's; where a script is loaded again the one before may still be at work."""

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """A connection is being opened, in this task."""
        task = asyncio.current_task()
        if task is not None and self._waiting_for(data.server):
            loop = asyncio.get_running_loop()
            self._timers[data.server.id] = loop.call_later(
                self._seconds(), self._give_up, data.server, task
            )

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """It is open; with TLS that is only the half of it."""
        if not data.server.tls:
            self._stop(data.server)

    def server_connect_error(self, data: ServerConnectionHookData) -> None:
        """It could not be opened."""
        self._stop(data.server)

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """It is closed, at the latest now."""
        self._stop(data.server)

    def tls_established_server(self, data: tls.TlsData) -> None:
        """TLS is there too."""
        if isinstance(data.conn, Server):
            self._stop(data.conn)

    def tls_failed_server(self, data: tls.TlsData) -> None:
        """TLS could not be had."""
        if isinstance(data.conn, Server):
            self._stop(data.conn)

    def install(self) -> Callable[[], None]:
        """Begins to watch; the function it gives ends that."""
        addons = ctx.master.addons
        addons.add(self)
        return lambda: addons.remove(self)

    def done(self) -> None:
        """Nobody would stop the clocks that run."""
        for timer in self._timers.values():
            timer.cancel()

    def _give_up(self, server: Server, task: asyncio.Task[object]) -> None:
        self._timers.pop(server.id, None)
        for exchange in self._waiting_for(server):
            exchange.connect_timed_out = True
        task.cancel()

    def _waiting_for(self, server: Server) -> list[Exchange]:
        address = server.address
        return self._exchanges.connecting_to((address[0], address[1])) if address else []

    def _stop(self, server: Server) -> None:
        timer = self._timers.pop(server.id, None)
        if timer is not None:
            timer.cancel()
