"""Asks a proxy of this program's that runs on this machine about itself.

In this room since no other opens connections. As in ``client``, no proxy of the environment
is used: the one that is asked is named.
"""

from __future__ import annotations

import asyncio
from typing import Final

import httpx

_ANSWER_SECONDS: Final = 3.0
"""It is on this machine; one that is stopped answers nothing at all."""


class NoProxyThere(Exception):
    """Nobody answers, or somebody else."""


async def read_own_page(url: str, *, through: str | None = None) -> bytes:
    """What stands at ``url``, asked for ``through`` an HTTP proxy where one is named.

    Raises NoProxyThere.
    """
    try:
        async with (
            asyncio.timeout(_ANSWER_SECONDS),
            httpx.AsyncClient(trust_env=False, proxy=through, timeout=None) as client,  # noqa: S113
        ):
            answer = await client.get(url)
    except (TimeoutError, httpx.HTTPError):
        raise NoProxyThere from None
    if answer.status_code != httpx.codes.OK:
        raise NoProxyThere
    return answer.content
