"""Mitmproxy as a program: its command line understood as far as needed, then run.

It runs inside this process, so that signals, the exit status and the terminal
are its own; it is never imported here but found as the program it installs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Literal, NoReturn

from addon.cli.failure import CommandFailed

Program = Literal["mitmdump", "mitmweb"]


def given_options(arguments: Sequence[str]) -> dict[str, str]:
    """Mitmproxy's options that matter here, as its command line gives them: name → (last) value.

    A flag (``-p 9000``) and ``--set listen_port=9000`` are the same to
    mitmproxy, and so they are here. Every ``--set`` is in it, whatever its name.
    """
    parser = argparse.ArgumentParser("qwen-proxy run", add_help=False, usage=argparse.SUPPRESS)
    parser.add_argument("--set", action="append", default=[], dest="set")
    parser.add_argument("--mode", "-m")
    parser.add_argument("--listen-host")
    parser.add_argument("--listen-port", "-p")
    parser.add_argument("--web-port")
    known, _ = parser.parse_known_args(arguments)
    options = {name: value for name, _, value in (item.partition("=") for item in known.set)}
    flags = {name: value for name, value in vars(known).items() if name != "set" and value}
    return options | flags


def run_program(program: Program, arguments: Sequence[str]) -> NoReturn:
    """Run ``program`` with ``arguments`` to its end, and end this process with its exit status.

    Raises CommandFailed if mitmproxy is not installed.
    """
    found = entry_points(group="console_scripts", name=program)
    if not found:
        raise CommandFailed(
            f"{program} is missing: reinstall mitmproxy, or start with ./scripts/run"
        )
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        _without_colours()
    # Its messages begin with the name of the program.
    sys.argv = [program, *arguments]
    sys.exit(found[program].load()(list(arguments)))


def _without_colours() -> None:
    """Mitmproxy asks nothing but whether it writes to a terminal."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.isatty = lambda: False
