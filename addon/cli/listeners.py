"""The two ways into the proxy: as HTTP(S) proxy, and as base URL.

Both listen on loopback, always: a listener that others can reach is opened
with a ``--mode`` of the user's own.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from addon.cli.failure import CommandFailed

HOST: Final = "127.0.0.1"

DEFAULT_PORT: Final = 8080
LAST_PORT: Final = 65533
"""N+1 is the base URL, and N+2 mitmweb's page."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """The pair of listeners: ``port`` for the HTTP(S) proxy, the one after it for the base URL."""

    port: int

    @property
    def proxy_url(self) -> str:
        """What a client takes as ``HTTPS_PROXY``."""
        return f"http://{HOST}:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client takes as OpenAI base URL."""
        return f"http://{HOST}:{self.port + 1}/v1"

    def arguments(self, upstream: str) -> list[str]:
        """Mitmproxy's arguments; what is not translated goes on to the origin of ``upstream``."""
        modes = (
            f"regular@{HOST}:{self.port}",
            f"reverse:{origin_of(upstream)}@{HOST}:{self.port + 1}",
        )
        return [part for mode in modes for part in ("--mode", mode)]

    def directions(self, confdir: str | None = None) -> str:
        """How to point a client at them; ``confdir`` is where mitmproxy keeps its certificate."""
        return (
            "Point your client at the proxy, one way or the other:\n"
            f"  base URL     {self.base_url}  (any API key will do)\n"
            f"  environment  {self.environment(confdir)}\n"
            f"See what happens, in a browser: {self.page_url}"
        )

    @property
    def page_url(self) -> str:
        """The live page."""
        return f"http://{HOST}:{self.port + 1}/_qwen/"

    def environment(
        self, confdir: str | None = None, *, certificates: str = "NODE_EXTRA_CA_CERTS"
    ) -> str:
        """What a shell puts before the name of a client; ``certificates`` is what that reads."""
        certificate = f"{confdir or '~/.mitmproxy'}/mitmproxy-ca-cert.pem"
        return f"HTTPS_PROXY={self.proxy_url} {certificates}={certificate}"

    def check_free(self) -> None:
        """Raise CommandFailed, naming the port, if one of the two cannot be listened on."""
        for port in (self.port, self.port + 1):
            check_free(port)


def free_pair(port: int) -> int | None:
    """The first port after ``port`` that is free and has a free one after it; None: not near."""
    for candidate in range(port + 10, port + 210, 10):
        try:
            Listeners(candidate).check_free()
        except CommandFailed:
            continue
        return candidate
    return None


def origin_of(url: str) -> str:
    """``url`` without what comes after the host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def check_free(port: int) -> None:
    """Raise CommandFailed, naming the port, if it cannot be listened on."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        why = (
            "is in use"
            if error.errno == errno.EADDRINUSE
            else f"cannot be opened ({error.strerror})"
        )
        raise CommandFailed(
            f"port {port} of {HOST} {why}: choose another with --port N, which takes N and N+1 "
            "(and N+2 with --web)"
        ) from error
