"""``qwen-proxy`` and ``python -m addon``: the commands joined into one program.

A command that cannot do what it is asked raises CommandFailed; what the user
then reads is one sentence, never a traceback.
"""

from __future__ import annotations

import os
from typing import Annotated, Final

import typer

from addon import __version__
from addon.cli.accounts import accounts
from addon.cli.codex import codex
from addon.cli.doctor import doctor
from addon.cli.ending import proper_end
from addon.cli.exec import execute
from addon.cli.login import login
from addon.cli.opencode import opencode
from addon.cli.run import run
from addon.cli.service import service
from addon.cli.status import status

_STATUSES: Final = (
    "Exit status: 0 done; 1 it cannot be done, or the answer is no; 2 wrong arguments; "
    '130 Ctrl-C. With --json, what went wrong is {"error": {"message": ...}} on standard output.'
)

app = typer.Typer(
    name="qwen-proxy",
    help="Responses API clients on Chat Completions models, over several accounts.",
    epilog=_STATUSES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
# What `run` does not know is mitmproxy's to understand.
app.command(
    epilog="Example: qwen-proxy run --port 9000 --set qwen_quiet_mode=true -v",
    options_metavar="[--port N] [--sandbox] [--web] [mitmproxy arguments ...]",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)(run)
app.command(epilog="Example: qwen-proxy login --label work")(login)
app.command(epilog="Example: qwen-proxy status --watch")(status)
app.command(epilog="Example: qwen-proxy doctor --port 9000")(doctor)
app.command(
    "exec",
    epilog="Example: qwen-proxy exec -- opencode",
    # what follows the program is the program's
    context_settings={"allow_interspersed_args": False},
)(execute)
app.add_typer(accounts)
app.add_typer(service)
app.add_typer(opencode)
app.add_typer(codex)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"qwen-proxy {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """What can be asked of the program itself; its help is the one above."""


def main() -> None:
    """Run the command line with this process's arguments, and end the process."""
    with proper_end():
        app(prog_name="qwen-proxy", color=False if os.environ.get("NO_COLOR") else None)
