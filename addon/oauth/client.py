"""Speaks with the OAuth server: forms go there, tokens come back (RFC 6749 §6, RFC 8628).

A refresh token may be good only once, so a request is never sent again where the
first may have been heard: another server is tried only where none took the call.
No proxy of the environment is used, since that may be the very proxy this runs in.
No token is in a log line or in an exception's text.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import httpx

from addon import __version__
from addon.oauth.grant import OAuthUnreachable, TokenGrant, read_grant

_TOKEN_PATH: Final = "/api/v1/oauth2/token"  # noqa: S105 - where tokens are, not one of them

_CONNECT_SECONDS: Final = 10.0

_HEADERS: Final = {
    "accept": "application/json",
    "user-agent": f"opencode-qwen-proxy/{__version__}",
}


class OAuthClient:
    """One registered client at one OAuth server, which may be known under several addresses."""

    def __init__(
        self,
        base_url: str,
        fallback_urls: Iterable[str] = (),
        *,
        client_id: str,
        clock: Callable[[], float] = time.time,
        answer_seconds: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Nothing is opened yet, and nothing stays open between two calls.

        ``fallback_urls`` are tried in order where ``base_url`` cannot be reached.
        ``clock`` gives Unix seconds. ``answer_seconds`` is for a whole exchange: short
        enough to give up, long enough not to miss a token that is on its way. ``tls``
        says whom to trust; default: the certificate authorities that certifi lists.
        """
        self._servers = (base_url, *fallback_urls)
        self.client_id = client_id
        self._clock = clock
        self._answer_seconds = answer_seconds
        self._tls = tls

    async def refresh(self, refresh_token: str) -> TokenGrant:
        """Exchange ``refresh_token`` for new tokens.

        Raises InvalidGrant where it is spent or withdrawn, OAuthUnreachable where no
        server answered, OAuthRefused for any other answer.
        """
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self.client_id,
        }
        server, status, body = await self.post(_TOKEN_PATH, form)
        return read_grant(server, status, body, now_ms=int(self._clock() * 1000))

    async def post(
        self, path: str, form: Mapping[str, str], *, at: str | None = None
    ) -> tuple[str, int, bytes]:
        """Which server answered, with which status and body.

        ``at`` is the only one to ask, where it must be a certain one. Raises OAuthUnreachable.
        """
        servers = (at,) if at is not None else self._servers
        for server in servers:
            try:
                answer = await self._exchange(f"{server}{path}", form)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
            except (TimeoutError, httpx.TimeoutException):
                why = f"{server} did not answer within {self._answer_seconds:g} s"
            except httpx.HTTPError as error:
                why = f"{server} broke off ({type(error).__name__})"
            else:
                return server, answer.status_code, answer.content
            raise OAuthUnreachable(why)
        raise OAuthUnreachable(f"{', '.join(servers)} cannot be reached")

    async def _exchange(self, url: str, form: Mapping[str, str]) -> httpx.Response:
        if self._tls is None:
            # reads a few hundred certificates
            self._tls = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
        timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS)
        # a connection of its own: a kept one may be found closed once the token is on its way
        async with (
            httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=timeout) as http,
            asyncio.timeout(self._answer_seconds),
        ):
            return await http.post(url, data=form, headers=_HEADERS)
