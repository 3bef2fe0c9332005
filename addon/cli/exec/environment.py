"""What a program finds in its environment: the proxy, by each of the names that clients know."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from addon.cli.exec.outlet import no_proxy_in

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""Reached directly: the base URL is there, and so is what people try out."""

_KEY: Final = "any"
"""Clients want a key. The proxy does not look at it, and has its own."""

_BASE_URLS: Final = ("OPENAI_BASE_URL", "OPENAI_API_BASE")
"""Of OpenAI's SDKs, and of older ones and LiteLLM."""


def proxy_environment(
    env: Mapping[str, str], *, proxy_url: str, base_url: str, platform: str
) -> dict[str, str]:
    """What to set in ``env`` for a program that is to use the proxy.

    HTTP_PROXY stays as it is: no plain HTTP is ours but that to the base URL.
    """
    no_proxy = ",".join(dict.fromkeys((*filter(None, no_proxy_in(env).split(",")), *_LOOPBACK)))
    found = dict.fromkeys(_BASE_URLS, base_url)
    found |= {"HTTPS_PROXY": proxy_url, "NO_PROXY": no_proxy}
    if platform != "win32":  # where a name is the same in small letters
        found |= {"https_proxy": proxy_url, "no_proxy": no_proxy}
    if not env.get("OPENAI_API_KEY"):
        found["OPENAI_API_KEY"] = _KEY
    return found


def without_our_own(env: Mapping[str, str], root: Path) -> dict[str, str]:
    """``env`` as it was before ``scripts/qwen-proxy`` put the clone ``root`` on Python's path."""
    found = {**env}
    path = env.get("PYTHONPATH", "")
    entries = [entry for entry in path.split(os.pathsep) if entry and Path(entry) != root]
    if entries:
        found["PYTHONPATH"] = os.pathsep.join(entries)
    else:
        found.pop("PYTHONPATH", None)
    return found
