"""Asks a proxy of this program's that runs on this machine about itself.

In this room since no other opens connections. As in ``client``, no proxy of the environment
is used: the one that is asked is named.
"""

from __future__ import annotations

from typing import Self

import httpx


class NoProxyThere(Exception):
    """Nobody answers, or somebody else."""


class OwnPages:
    """Reads pages, again and again on the same connections. For one event loop."""

    def __init__(self) -> None:
        """Nothing is opened yet."""
        self._clients: dict[str | None, httpx.AsyncClient] = {}

    async def __aenter__(self) -> Self:
        """Itself; with the context its connections end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what is open."""
        for client in self._clients.values():
            await client.aclose()

    async def read(self, url: str, *, through: str | None = None) -> bytes:
        """What stands at ``url``, asked for ``through`` an HTTP proxy where one is named.

        How long that may take is for the caller to say. Raises NoProxyThere.
        """
        if through not in self._clients:
            self._clients[through] = httpx.AsyncClient(trust_env=False, proxy=through, timeout=None)  # noqa: S113
        try:
            answer = await self._clients[through].get(url)
        except httpx.HTTPError:
            raise NoProxyThere from None
        if answer.status_code != httpx.codes.OK:
            raise NoProxyThere
        return answer.content
