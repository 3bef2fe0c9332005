"""Can a service be reached from here, and what time does it think it is? No token is sent.

In this room since no other opens connections. As in ``client``, no proxy of the environment
is used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from addon import __version__
from addon.oauth.probe import NoAnswer, why_not_connected

_ANSWER_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Reached:
    """A service that answered, whatever it said."""

    status: int
    ahead_seconds: float | None
    """By how much this machine's clock is ahead of the service's; None where it did not say."""


async def reach(url: str, *, clock: Callable[[], float] = time.time) -> Reached:
    """Ask for ``url`` as a stranger would. ``clock`` gives Unix seconds. Raises NoAnswer."""
    headers = {"user-agent": f"opencode-qwen-proxy/{__version__}"}
    try:
        tls = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
        async with (
            asyncio.timeout(_ANSWER_SECONDS),
            httpx.AsyncClient(verify=tls, trust_env=False, timeout=None) as client,  # noqa: S113
            client.stream("GET", url, headers=headers) as answer,
        ):
            return Reached(answer.status_code, _ahead(answer.headers.get("date"), clock()))
    except (TimeoutError, httpx.TimeoutException):
        raise NoAnswer(f"it did not answer within {_ANSWER_SECONDS:g} s") from None
    except httpx.ConnectError as error:
        raise NoAnswer(f"it {why_not_connected(error)}") from None
    except httpx.HTTPError as error:
        raise NoAnswer(f"it broke off ({type(error).__name__})") from None
    except (httpx.InvalidURL, UnicodeError):  # of a host that no resolver takes
        raise NoAnswer("it has no usable address") from None


def _ahead(date: str | None, now: float) -> float | None:
    """``date`` as in RFC 9110 §6.6.1."""
    if date is None:
        return None
    try:
        return now - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
