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
    """Those that run here, and do not answer."""
    elsewhere: tuple[Note, ...]
    """Those on other machines that share the file: they cannot be asked from here."""


async def running_proxies(accounts_file: Path) -> Running:
    """Ask all that run on ``accounts_file``, side by side."""
    found = notes(accounts_file)
    answers = await asyncio.gather(*map(_ask, found))
    unheard = [note for note, answer in zip(found, answers, strict=True) if answer is None]
    return Running(
        proxies=tuple(answer for answer in answers if answer is not None),
        silent=tuple(note for note in unheard if note.machine == this_machine()),
        elsewhere=tuple(note for note in unheard if note.machine != this_machine()),
    )


def ending(note: Note, platform: str) -> str:
    """The command that ends a process that hears nothing any more."""
    return f"taskkill /F /PID {note.pid}" if platform == "win32" else f"kill -9 {note.pid}"


async def _ask(note: Note) -> ProxyStatus | None:
    """What the proxy that left ``note`` tells; None where it does not answer."""
    # side by side: one that hangs does so everywhere
    told = await asyncio.gather(*(_read(*address) for address in _addresses(note.places)))
    return next((each for each in told if each and each.instance == note.instance), None)


async def _read(url: str, through: str | None) -> ProxyStatus | None:
    try:
        return ProxyStatus.model_validate_json(await read_own_page(url, through=through))
    except (NoProxyThere, ValidationError):
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
