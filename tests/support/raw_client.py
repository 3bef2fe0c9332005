"""A client that sends what no library would, byte for byte, and reads what is answered."""

from __future__ import annotations

import io
import socket
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from types import TracebackType
from typing import Final, Self

_SAFETY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """In the order sent, names in lower case."""
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of the header."""
        return [value for key, value in self.headers if key == name]


class RawClient:
    """One connection. A context manager: it is open inside the ``with``."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        """Nothing is opened yet."""
        self._address = (host, port)
        self._socket: socket.socket
        self._read: _Kept

    def __enter__(self) -> Self:
        self._socket = socket.create_connection(self._address, _SAFETY_SECONDS)
        self._read = _Kept(socket.SocketIO(self._socket, "r"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self, *, has_body: bool = True) -> Answer | None:
        """The next answer, interim ones left out; None where the connection ends instead."""
        method = "GET" if has_body else "HEAD"
        response = HTTPResponse(_Open(self._read), method=method)  # type: ignore[arg-type]
        try:
            response.begin()
            headers = tuple((name.lower(), value) for name, value in response.getheaders())
            return Answer(response.status, headers, response.read())
        except (HTTPException, OSError):
            return None

    def answers(self) -> list[Answer]:
        """All that come until the connection ends."""
        return [*iter(self.answer, None)]


class _Kept(io.BufferedReader):
    """Not closed with each answer that is read from it."""

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Open:
    """What HTTPResponse wants of a socket."""

    file: _Kept

    def makefile(self, _mode: str) -> _Kept:
        return self.file


def raw_request(
    method: str, target: str, *fields: str, body: bytes = b"", host: str = "127.0.0.1"
) -> bytes:
    """One request as it should be, but for ``fields``; with the length of its body, if any."""
    length = [f"Content-Length: {len(body)}"] if body else []
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *length, *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
