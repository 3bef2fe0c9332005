"""``qwen-proxy login``, as typer reads it."""

from __future__ import annotations

from typing import Annotated

import typer

from addon.cli.accounts.completion import account_names
from addon.cli.failure import failures_told
from addon.cli.surroundings import Surroundings


def login(
    *,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            autocompletion=account_names,
            help="What to call the account; one that is called so already is signed in again.",
        ),
    ] = None,
    qr: Annotated[bool, typer.Option("--qr", help="Show a QR code, for a phone.")] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page, where that can be.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="In the end, one JSON document for programs.")
    ] = False,
) -> None:
    """Add an account by signing in, or sign one in again.

    The page and the code are always printed, so that any device with a browser will do. Exit
    status 1: nobody was signed in, or another than was meant.
    """
    from addon.cli.login.sign_in import Wishes, sign_in  # noqa: PLC0415 - not for --help

    around = Surroundings()
    wishes = Wishes(label=label, qr=qr, browser=browser, as_json=as_json)
    try:
        with failures_told(around.stdout, as_json=as_json):
            sign_in(around, wishes)
    except KeyboardInterrupt:
        around.say("qwen-proxy: stopped: nobody was signed in")
        raise typer.Exit(130) from None
