"""The proxies that run on an accounts file: found by the notes that they leave, and asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from addon.accounts.account import is_loopback
from addon.accounts.running import Note, Place, notes, this_machine
from addon.broker.status import ProxyStatus
from addon.oauth.own_page import NoProxyThere, read_own_page

_PATH: Final = "/_qwen/status.json"

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - such are asked here


@dataclass(frozen=True, slots=True)
class Running:
    """Who runs."""

    proxies: tuple[ProxyStatus, ...]
    silent: tuple[Note, ...]
    """Those that should, and do not answer."""


async def running_proxies(accounts_file: Path) -> Running:
    """Ask all that run on ``accounts_file``, side by side."""
    found = notes(accounts_file)
    answers = await asyncio.gather(*map(_ask, found))
    return Running(
        proxies=tuple(answer for answer in answers if answer is not None),
        silent=tuple(note for note, answer in zip(found, answers, strict=True) if answer is None),
    )


async def _ask(note: Note) -> ProxyStatus | None:
    """What the proxy that left ``note`` tells; None where it does not answer."""
    if note.machine != this_machine():
        return None
    for url, through in _addresses(note.places):
        try:
            status = ProxyStatus.model_validate_json(await read_own_page(url, through=through))
        except (NoProxyThere, ValidationError):
            continue
        if status.instance == note.instance:
            return status
    return None


def _addresses(places: Sequence[Place]) -> list[tuple[str, str | None]]:
    """Where to ask, and through which HTTP proxy; only on this machine."""
    addresses: list[tuple[str, str | None]] = []
    for place in places:
        host = _EVERYWHERE.get(place.host, place.host)
        if not is_loopback(host):
            continue
        where = f"http://{f'[{host}]' if ':' in host else host}:{place.port}"
        if place.mode == "reverse":
            addresses.append((f"{where}{_PATH}", None))
        elif place.mode in ("regular", "upstream"):
            addresses.append((f"http://qwen.internal{_PATH}", where))
    return addresses
