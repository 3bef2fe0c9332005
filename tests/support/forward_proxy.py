"""An HTTP proxy as companies have them: CONNECT, with a password, and names that it alone knows."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

_SAFETY_SECONDS: Final = 30.0


@dataclass(slots=True)
class ForwardProxy:
    """A running proxy, and what it was asked for."""

    port: int
    target: int
    """The port of this machine that every name leads to."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Each CONNECT: ``host:port``, and ``Proxy-Authorization``."""


@contextmanager
def forward_proxy(target: int) -> Iterator[ForwardProxy]:
    """A proxy that leads everybody to port ``target`` of this machine."""

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            method, where, _ = self.rfile.readline().decode().split()
            assert method == "CONNECT"
            fields = {}
            while line := self.rfile.readline().decode().strip():
                name, _, value = line.partition(":")
                fields[name.lower()] = value.strip()
            proxy.asked.append((where, fields.get("proxy-authorization")))
            with socket.create_connection(("127.0.0.1", target), _SAFETY_SECONDS) as other:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                there = threading.Thread(target=_copy, args=(self.connection, other), daemon=True)
                there.start()
                _copy(other, self.connection)
                there.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection) as server:
        server.daemon_threads = True
        proxy = ForwardProxy(server.server_address[1], target)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
