"""A service that never comes to an end: it says the same again until it is left."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Final, Self

_SAFETY_SECONDS: Final = 60.0
_MOST: Final = 512 * 1024 * 1024
"""Bytes: who has taken so much would take anything."""


class EndlessService:
    """The service. A context manager: it listens inside the ``with``."""

    def __init__(self, beginning: bytes, again: bytes) -> None:
        """``beginning`` is said once to each request, ``again`` from then on."""
        self._beginning = beginning
        self._again = again * max(1, 65_536 // len(again))
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.said: list[int] = []
        """How many bytes each client has let it say before it left, those in the post with them."""

    @property
    def base_url(self) -> str:
        """Where it would be a Chat Completions API."""
        return f"http://127.0.0.1:{self._server.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection:
                    connection.settimeout(_SAFETY_SECONDS)
                    self.said.append(self._speak(connection))

    def _speak(self, connection: socket.socket) -> int:
        said = 0
        with contextlib.suppress(OSError):
            if not connection.recv(65_536):
                return 0
            connection.sendall(self._beginning)
            while said < _MOST:
                connection.sendall(self._again)
                said += len(self._again)
        return said
