"""The way out of here where the environment names a proxy already: ours goes through it.

Only HTTP proxies can be gone through. What the environment says is read as curl reads it:
lower case first, ``ALL_PROXY`` last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from addon.cli.failure import CommandFailed

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Outlet:
    """A proxy that is there already."""

    url: str
    """``http://host:port``."""
    login: str
    """``user:password``, or nothing."""


def outlet_in(env: Mapping[str, str]) -> Outlet | None:
    """The proxy for HTTPS that ``env`` names. Raises CommandFailed where it cannot be used."""
    name, value = _named(env)
    if not value:
        return None
    try:
        return _outlet(value if "://" in value else f"http://{value}")
    except ValueError:
        raise CommandFailed(
            f"{name} names a proxy that ours cannot go through: it must be http://host:port "
            f"or https://host:port; to go out without it: {name}= qwen-proxy exec ..."
        ) from None


def no_proxy_in(env: Mapping[str, str]) -> str:
    """The hosts that are reached without it, as a list with commas."""
    found = (env.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    hosts = (host.strip() for value in found for host in value.split(","))
    return ",".join(dict.fromkeys(filter(None, hosts)))


def _outlet(url: str) -> Outlet:
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise ValueError(url)
    bracketed = f"[{host}]" if ":" in host else host
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return Outlet(f"{parts.scheme}://{bracketed}:{port or _DEFAULT_PORTS[parts.scheme]}", login)


def _named(env: Mapping[str, str]) -> tuple[str, str]:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        if name in env:
            return name, env[name].strip()
    return "", ""
