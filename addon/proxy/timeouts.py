"""How long an upstream may take, and the clock that watches its connections open.

mitmproxy has no time limit on connecting. It does say when a connection is being
opened, in the very task that opens it, and takes the end of that task for a failed
connection: so a task that takes too long is cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from mitmproxy import ctx, tls
from mitmproxy.connection import Server
from mitmproxy.proxy.server_hooks import ServerConnectionHookData


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits on one attempt, in seconds."""

    connect: float
    """Until the connection is open, TLS included."""
    first_byte: float
    """Until the head of the answer, and of a stream its first event, has come."""
    idle: float
    """Between two pieces of an answer."""


class ConnectTimeout:
    """Gives up connections of ours that do not open in time."""

    def __init__(
        self, limit: Callable[[Server], float | None], gave_up: Callable[[Server], None]
    ) -> None:
        """``limit`` gives the seconds for a connection (None: not ours); ``gave_up`` is told."""
        self._limit = limit
        self._gave_up = gave_up
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.name = f"connecttimeout-{id(self)}"
        """mitmproxy's; where a script is loaded again the one before may still be at work."""

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """A connection is being opened, in this task."""
        task, seconds = asyncio.current_task(), self._limit(data.server)
        if task is not None and seconds is not None:
            loop = asyncio.get_running_loop()
            self._timers[data.server.id] = loop.call_later(
                seconds, self._give_up, data.server, task
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
        self._gave_up(server)
        task.cancel()

    def _stop(self, server: Server) -> None:
        timer = self._timers.pop(server.id, None)
        if timer is not None:
            timer.cancel()
