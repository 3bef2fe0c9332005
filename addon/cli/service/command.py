"""``qwen-proxy service``, as typer reads it."""

from __future__ import annotations

from typing import Annotated

import typer

from addon.cli.surroundings import Surroundings

_DEFAULT_PORT = 8080
_LAST_PORT = 65534

service = typer.Typer(
    name="service",
    help="Start the proxy at login.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@service.command(epilog="Example: qwen-proxy service install --port 9000")
def install(
    *,
    port: Annotated[
        int,
        typer.Option(
            min=1, max=_LAST_PORT, metavar="N", help="HTTP(S) proxy on N, base URL on N+1."
        ),
    ] = _DEFAULT_PORT,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print what would be written, and do nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Have the proxy started now, and at each login.

    By systemd's user manager, or by launchd on macOS, from where it is now, and with the
    settings of this environment. Run again to change the port.
    """
    from addon.cli.service.managing import install, print_only  # noqa: PLC0415 - not for --help

    around = Surroundings()
    if only_print:
        print_only(around, port)
    else:
        install(around, port, asks=not yes)


@service.command(epilog="Example: qwen-proxy service uninstall --yes")
def uninstall(*, yes: Yes = False) -> None:
    """Stop it, and start it no more.

    What install has written is removed; accounts and settings stay.
    """
    from addon.cli.service.managing import uninstall  # noqa: PLC0415 - not for --help

    uninstall(Surroundings(), asks=not yes)
