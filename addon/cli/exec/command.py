"""``qwen-proxy exec``, as typer reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from addon.cli.surroundings import Surroundings


def execute(
    *,
    command: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND [ARGUMENTS] ...", help="The program, as you call it."),
    ],
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="Use a simulated Qwen: needs no account and no network."),
    ] = False,
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the proxy's log, at the end of this file."),
    ] = None,
) -> None:
    """Run a program with a proxy of its own.

    The proxy is on free ports of this machine and ends with the program, which finds it
    through its environment: base URL, HTTPS proxy and certificates. OpenCode finds a
    provider qwen, and so does Codex; nothing of yours is changed. The exit status is the
    program's; 126: it could not be started, 127: there is no such program.
    """
    from addon.cli.exec.executing import Wishes, execute  # noqa: PLC0415 - not for --help

    status = execute(Surroundings(), command, Wishes(sandbox=sandbox, log=log))
    raise typer.Exit(status)
