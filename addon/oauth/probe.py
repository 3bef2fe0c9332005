"""Asks a service whether it takes a token: the list of its models, else one token of an answer.

One request, two where a service has no list. Nothing is judged here: what came back is
given as it came, to those who know what refusals mean. As in ``client``, no proxy of the
environment is used, and redirects are not followed: a token is for its own service alone.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx

from addon import __version__

_CONNECT_SECONDS: Final = 10.0
_MOST_BYTES: Final = 1 << 20
"""Of an answer; a list of models that is longer is known for one by its beginning."""

_NO_SUCH_THING: Final = frozenset({404, 405, 501})
"""What a service answers that has no list of models."""

_LISTS_TO_ANYBODY: Final = frozenset({"openrouter.ai"})
"""Hosts that list their models without looking at the token."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What to ask, and where."""

    base_url: str
    token: str = field(repr=False)
    model: str
    """As the service calls it, for where a single token of an answer is asked for."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the service wants beside the usual ones."""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What came back, whatever it was."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)
    """The whole, or as much of it as anybody needs."""


class NoAnswer(Exception):
    """The service could not be reached, or broke off; the message says which, and how."""


class Prober:
    """Asks any number of services at once. For one event loop."""

    def __init__(self, *, answer_seconds: float = 30.0, tls: ssl.SSLContext | None = None) -> None:
        """``answer_seconds`` is for each answer; ``tls`` as for OAuthClient."""
        self._answer_seconds = answer_seconds
        self._tls = tls
        self._making_tls = asyncio.Lock()

    async def ask(self, probe: Probe) -> ProbeAnswer:
        """What the service makes of the token. Raises NoAnswer."""
        if urlsplit(probe.base_url).hostname not in _LISTS_TO_ANYBODY:
            answer = await self._exchange(probe, "GET", "/models")
            if answer.status not in _NO_SUCH_THING:
                return answer
        body = {
            "model": probe.model,
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 1,
            "stream": False,
        }
        return await self._exchange(probe, "POST", "/chat/completions", json.dumps(body))

    async def _exchange(
        self, probe: Probe, method: str, path: str, content: str | None = None
    ) -> ProbeAnswer:
        headers = {
            "accept": "application/json",
            "user-agent": f"opencode-qwen-proxy/{__version__}",
            **({"content-type": "application/json"} if content else {}),
            **probe.headers,
            "authorization": f"Bearer {probe.token}",
        }
        timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS)
        client = httpx.AsyncClient(verify=await self._trust(), trust_env=False, timeout=timeout)
        where = probe.base_url
        try:
            async with (
                asyncio.timeout(self._answer_seconds),
                client,
                client.stream(method, f"{where}{path}", content=content, headers=headers) as answer,
            ):
                body = await _beginning(answer)
        except httpx.ConnectTimeout:
            raise NoAnswer(f"{where} cannot be reached") from None
        except (TimeoutError, httpx.TimeoutException):
            raise NoAnswer(f"{where} did not answer within {self._answer_seconds:g} s") from None
        except httpx.ConnectError as error:
            raise NoAnswer(f"{where} {why_not_connected(error)}") from None
        except httpx.HTTPError as error:
            raise NoAnswer(f"{where} broke off ({type(error).__name__})") from None
        except (httpx.InvalidURL, UnicodeError):  # of a host that no resolver takes
            raise NoAnswer(f"{where} has no usable address") from None
        return ProbeAnswer(answer.status_code, dict(answer.headers), body)

    async def _trust(self) -> ssl.SSLContext:
        async with self._making_tls:  # it reads a few hundred certificates: once for all
            if self._tls is None:
                self._tls = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
        return self._tls


async def _beginning(answer: httpx.Response) -> bytes:
    body = b""
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) >= _MOST_BYTES:
            break
    return body


def why_not_connected(error: httpx.ConnectError) -> str:
    """What to say of a service to which no connection was made."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"has a certificate that is not trusted ({cause.verify_message})"
        cause = cause.__cause__ or cause.__context__
    return "cannot be reached"
