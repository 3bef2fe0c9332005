"""The proxies that run on an accounts file: found by the notes that they leave, and asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from addon.accounts.account import is_loopback
from addon.accounts.running import Note, Place, notes, this_machine
from addon.broker.status import ProxyStatus
from addon.oauth.own_page import NoProxyThere, OwnPages

_ANSWER_SECONDS: Final = 3.0
"""It is on this machine; one that is stopped answers nothing at all."""

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


async def running_proxies(accounts_file: Path, pages: OwnPages | None = None) -> Running:
    """Ask all that run on ``accounts_file``, side by side.

    Who asks again and again gives ``pages``, so that no proxy logs connections all the time.
    """
    if pages is None:
        async with OwnPages() as for_once:
            return await running_proxies(accounts_file, for_once)
    found = notes(accounts_file)
    answers = await asyncio.gather(*(_ask(note, pages) for note in found))
    unheard = [note for note, answer in zip(found, answers, strict=True) if answer is None]
    return Running(
        proxies=tuple(answer for answer in answers if answer is not None),
        silent=tuple(note for note in unheard if note.machine == this_machine()),
        elsewhere=tuple(note for note in unheard if note.machine != this_machine()),
    )


def ending(note: Note, platform: str) -> str:
    """The command that ends a process that hears nothing any more."""
    return f"taskkill /F /PID {note.pid}" if platform == "win32" else f"kill -9 {note.pid}"


async def _ask(note: Note, pages: OwnPages) -> ProxyStatus | None:
    """What the proxy that left ``note`` tells; None where it does not answer."""
    with suppress(TimeoutError):
        # one for all of its places: where it hangs at one, it does at the others
        async with asyncio.timeout(_ANSWER_SECONDS):
            for url, through in _addresses(note.places):
                try:
                    told = ProxyStatus.model_validate_json(await pages.read(url, through=through))
                except (NoProxyThere, ValidationError):
                    continue
                if told.instance == note.instance:
                    return told
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
