"""Runs the sandbox on 127.0.0.1: in this event loop, or in a thread of its own.

    with running_sandbox(requests_per_minute=100) as sandbox:
        client = OpenAI(base_url=sandbox.base_url, api_key=sandbox.access_tokens[0])

It listens on loopback and nowhere else, writes no file, and forgets everything when it stops.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final, TypedDict, Unpack

from tornado.httpserver import HTTPServer

from addon.sandbox.limits import RateLimiter
from addon.sandbox.oauth import CLIENT_ID, AuthorizationServer, Clock, TokenSet
from addon.sandbox.web import Service, make_application

DEFAULT_ACCOUNTS: Final = 2
DEFAULT_REQUESTS_PER_MINUTE: Final = 20
DEFAULT_DELTA_INTERVAL_SECONDS: Final = 0.02
_HOST: Final = "127.0.0.1"
_THIRTY_DAYS_SECONDS: Final = 30 * 24 * 3600.0


class SandboxOptions(TypedDict, total=False):
    """What can be chosen about a sandbox; see ``Sandbox``."""

    port: int
    accounts: int
    requests_per_minute: int
    delta_interval_seconds: float
    access_token_seconds: float
    poll_interval_seconds: float
    client_id: str
    clock: Clock


class Sandbox:
    """A simulated Qwen that has its port; it answers once ``serve`` runs."""

    def __init__(  # noqa: PLR0913 - each is an option, given by its name
        self,
        *,
        port: int = 0,
        accounts: int = DEFAULT_ACCOUNTS,
        requests_per_minute: int = DEFAULT_REQUESTS_PER_MINUTE,
        delta_interval_seconds: float = DEFAULT_DELTA_INTERVAL_SECONDS,
        access_token_seconds: float = _THIRTY_DAYS_SECONDS,
        poll_interval_seconds: float = 5.0,
        client_id: str = CLIENT_ID,
        clock: Clock = time.time,
    ) -> None:
        """Takes ``port`` (0: a free one) and signs in ``accounts`` new accounts.

        Each account may make ``requests_per_minute``. ``delta_interval_seconds`` lies between
        two chunks of a stream. Access tokens are good for ``access_token_seconds``; devices
        must poll no faster than every ``poll_interval_seconds`` and name ``client_id``.
        ``clock`` gives Unix seconds, for all that expires.

        Raises OSError where the port is taken.
        """
        authorization = AuthorizationServer(
            clock=clock,
            client_id=client_id,
            access_token_seconds=access_token_seconds,
            poll_interval_seconds=poll_interval_seconds,
        )
        limiter = RateLimiter(requests_per_minute)
        self._started_at_ms = int(clock() * 1000)
        self._signed_in = [authorization.sign_in() for _ in range(accounts)]
        self._listener = socket.create_server((_HOST, port))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._service = Service(
            origin=f"http://{_HOST}:{self.port}",
            clock=clock,
            authorization=authorization,
            limiter=limiter,
            delta_interval_seconds=delta_interval_seconds,
        )

    @property
    def base_url(self) -> str:
        """The base URL of the API, ``http://127.0.0.1:port/v1``."""
        return self._service.base_url

    @property
    def oauth_base_url(self) -> str:
        """The base URL of the OAuth endpoints, ``http://127.0.0.1:port``."""
        return self._service.origin

    @property
    def access_tokens(self) -> tuple[str, ...]:
        """The access tokens that the accounts started with, one each."""
        return tuple(issued.access_token for issued in self._signed_in)

    def accounts_document(self) -> dict[str, Any]:
        """The accounts, signed in, as an accounts file (version 1) holds them at the start."""
        return {
            "version": 1,
            "accounts": [self._account_entry(issued) for issued in self._signed_in],
            "activeIndex": 0,
        }

    def _account_entry(self, issued: TokenSet) -> dict[str, Any]:
        return {
            "id": issued.account.id,
            "label": issued.account.label,
            "refreshToken": issued.refresh_token,
            "accessToken": issued.access_token,
            "expires": int(issued.expires_at_seconds * 1000),
            "resourceUrl": self.base_url,
            "addedAt": self._started_at_ms,
            "lastUsed": 0,
        }

    async def serve(self, stop: asyncio.Event) -> None:
        """Answers until ``stop`` is set, then closes every connection. May be called once."""
        server = HTTPServer(make_application(self._service))
        server.add_socket(self._listener)
        try:
            await stop.wait()
        finally:
            server.stop()
            await server.close_all_connections()


@contextmanager
def running_sandbox(**options: Unpack[SandboxOptions]) -> Iterator[Sandbox]:
    """A sandbox that runs in a thread of its own as long as the context lasts.

    The options are those of ``Sandbox``. Raises OSError where the port is taken.
    """
    sandbox = Sandbox(**options)
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stop))
        await sandbox.serve(stop)

    thread = threading.Thread(
        target=lambda: asyncio.run(serve()), name=f"sandbox-{sandbox.port}", daemon=True
    )
    thread.start()
    loop, stop = started.result()
    try:
        yield sandbox
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
