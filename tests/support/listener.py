"""An asyncio server, and a thread that runs one: when it has stopped, nothing of it is left.

``asyncio.start_server`` does not see to that: connections that come while the server closes stay
open, and so do those whose task was cancelled before its first step. The garbage collector meets
their sockets later, in the midst of some other test.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Coroutine
from typing import Any, Final, Self, cast

Serve = Callable[[StreamReader, StreamWriter], Coroutine[Any, Any, None]]

SAFETY_SECONDS: Final = 30.0
_TURNS: Final = 100
"""Of the loop, within which each aborted connection must be gone; one takes two."""


class Listener:
    """The server, on a free port of 127.0.0.1. It listens inside the ``async with``."""

    def __init__(
        self, serve: Serve, *, tls: ssl.SSLContext | None = None, backlog: int = 100
    ) -> None:
        """``serve`` serves one connection, which is closed when it returns."""
        self._serve = serve
        self._tls = tls
        self._backlog = backlog
        self._lines: set[asyncio.Transport] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket: socket.socket
        self.port = 0

    @property
    def open_lines(self) -> int:
        """How many connections are open."""
        return len(self._lines)

    async def __aenter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=self._backlog)
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._socket, self._accept)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        await asyncio.sleep(0)  # whoever was let in last is known to his task
        for _turn in range(_TURNS):
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for line in self._lines:
                line.abort()
            await asyncio.sleep(0)
            if not self._tasks and not self._lines:
                return
        raise AssertionError(f"not to be closed: {self._tasks} {self._lines}")

    def _accept(self) -> None:
        try:
            client, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        client.setblocking(False)
        task = asyncio.create_task(self._serve_line(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_line(self, client: socket.socket) -> None:
        loop, reader = asyncio.get_running_loop(), StreamReader()
        try:
            transport, line = await loop.connect_accepted_socket(
                lambda: _Line(reader, self._lines), client, ssl=self._tls
            )
        except OSError:  # it left, or did not do its part of TLS
            return
        writer = StreamWriter(transport, line, reader, loop)
        try:
            await self._serve(reader, writer)
        except Exception as error:  # noqa: BLE001 - told where asyncio tells of its own servers'
            told = {"message": "a connection was served amiss", "exception": error}
            loop.call_exception_handler(told)
        finally:
            if not writer.is_closing():  # Python 3.11 cannot abort what was closed twice over TLS
                writer.close()


class _Line(asyncio.StreamReaderProtocol):
    """One connection, which stands among ``lines`` while it is open."""

    def __init__(self, reader: StreamReader, lines: set[asyncio.Transport]) -> None:
        super().__init__(reader)
        self._lines = lines
        self._line: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line = cast(asyncio.Transport, transport)
        self._lines.add(self._line)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._lines.discard(self._line)


class ListenerThread:
    """A ``Listener`` in a thread of its own. It listens inside the ``with``."""

    def __init__(self, serve: Serve, *, tls: ssl.SSLContext | None = None) -> None:
        self._listener = Listener(serve, tls=tls)
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._over: asyncio.Event
        self.loop: asyncio.AbstractEventLoop

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._listener.port

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(SAFETY_SECONDS), "the server did not begin to listen"
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._over.set)
        self._thread.join(SAFETY_SECONDS)
        assert not self._thread.is_alive(), "the server did not come to an end"

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        async with self._listener:
            self._begun.set()
            await self._over.wait()
