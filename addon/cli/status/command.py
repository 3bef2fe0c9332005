"""``qwen-proxy status``, as typer reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from addon.cli.failure import CommandFailed, failures_told
from addon.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from addon.accounts.running import Note
    from addon.cli.status.gathering import Overview

_PERIOD_SECONDS: Final = 1.0


def status(
    *,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on showing it, until Ctrl-C.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON document; with --watch one in each line."),
    ] = False,
) -> None:
    """Show how the accounts are doing, and the proxies that use them.

    Exit status 1: no account can serve at the moment, or it cannot be told.
    """
    import asyncio  # noqa: PLC0415 - not for --help

    around = Surroundings()
    try:
        with failures_told(around.stdout, as_json=as_json):
            look = _watch if watch else _show
            seen = asyncio.run(look(around, as_json=as_json))
    except KeyboardInterrupt:
        return  # that is how one stops watching
    if not seen.can_serve:
        raise typer.Exit(1)


async def _show(around: Surroundings, *, as_json: bool) -> Overview:
    from addon.cli.status.gathering import overview  # noqa: PLC0415
    from addon.cli.status.screen import print_overview  # noqa: PLC0415

    seen = await overview(around)
    if as_json:
        print(_json(seen, indent=2), file=around.stdout)
    else:
        print_overview(seen, around.stdout)
    return seen


async def _watch(around: Surroundings, *, as_json: bool) -> Overview:
    """Does not come to an end by itself."""
    if as_json:
        async for seen in _looks(around):
            print(_json(seen, indent=None), file=around.stdout, flush=True)
    if not around.stdout.isatty():
        raise CommandFailed("--watch wants a terminal; for a program there is --watch --json")

    from rich.console import Group  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    from addon.cli.status.screen import screen  # noqa: PLC0415
    from addon.cli.table import console_on  # noqa: PLC0415

    console = console_on(around.stdout)
    looks = _looks(around)
    seen = await anext(looks)  # what is wrong with the file is told before the screen is taken
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(Group(*screen(seen, around.stdout, *console.size)), refresh=True)
            seen = await anext(looks)


async def _looks(around: Surroundings) -> AsyncIterator[Overview]:
    """One after the other, without end."""
    import asyncio  # noqa: PLC0415

    from addon.cli.status.gathering import overview  # noqa: PLC0415
    from addon.oauth.own_page import OwnPages  # noqa: PLC0415

    async with OwnPages() as pages:
        while True:
            yield await overview(around, pages)
            await asyncio.sleep(_PERIOD_SECONDS)


def _json(seen: Overview, *, indent: int | None) -> str:
    import json  # noqa: PLC0415

    return json.dumps(
        {
            "now_ms": seen.now_ms,
            "path": str(seen.path),
            "can_serve": seen.can_serve,
            "proxies": [
                each.model_dump(mode="json", exclude={"accounts"}) for each in seen.proxies
            ],
            "silent_proxies": [_unheard(note) for note in seen.silent],
            "proxies_elsewhere": [_unheard(note) for note in seen.elsewhere],
            "accounts": [each.model_dump(mode="json") for each in seen.accounts],
            "left_out": list(seen.faults),
            "warnings": list(seen.warnings),
        },
        indent=indent,
    )


def _unheard(note: Note) -> dict[str, object]:
    return {"pid": note.pid, "machine": note.machine}
