"""``python -m addon.sandbox``: runs the sandbox until it is interrupted.

The first line on standard output is the base URL; by then the sandbox listens and the accounts
file, where one was asked for, is written. Everything else goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from addon.sandbox.server import (
    DEFAULT_ACCOUNTS,
    DEFAULT_DELTA_INTERVAL_SECONDS,
    DEFAULT_REQUESTS_PER_MINUTE,
    Sandbox,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line (``arguments``, else the process's own) and serves."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING, format="sandbox: %(message)s"
    )
    try:
        sandbox = Sandbox(
            port=options.port,
            accounts=options.accounts,
            requests_per_minute=options.requests_per_minute,
            delta_interval_seconds=options.delta_interval_seconds,
        )
        if options.accounts_file is not None:
            _write_new(options.accounts_file, json.dumps(sandbox.accounts_document(), indent=2))
    except OSError as error:
        sys.exit(f"sandbox: {error}")
    print(sandbox.base_url, flush=True)  # noqa: T201 - the command line talks
    print(f"sandbox: sign in at {sandbox.oauth_base_url}, stop with Ctrl-C", file=sys.stderr)  # noqa: T201
    asyncio.run(_serve_until_interrupted(sandbox))


async def _serve_until_interrupted(sandbox: Sandbox) -> None:
    stop = asyncio.Event()
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        # Windows has no such handlers: there Ctrl-C cancels this coroutine instead.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(interrupt, stop.set)
    await sandbox.serve(stop)


def _write_new(path: Path, text: str) -> None:
    """Writes ``text`` for its owner alone. Raises FileExistsError: no accounts file is replaced."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m addon.sandbox",
        description="A simulated Qwen on 127.0.0.1: no account and no network needed.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--accounts", type=_at_least_one, default=DEFAULT_ACCOUNTS)
    parser.add_argument(
        "--requests-per-minute",
        type=_at_least_one,
        default=DEFAULT_REQUESTS_PER_MINUTE,
        help="what each account may make",
    )
    parser.add_argument(
        "--delta-interval-seconds",
        type=float,
        default=DEFAULT_DELTA_INTERVAL_SECONDS,
        help="the time between two chunks of a stream",
    )
    parser.add_argument(
        "--accounts-file",
        type=Path,
        metavar="PATH",
        help="write the signed-in accounts to this new file",
    )
    parser.add_argument("--verbose", action="store_true", help="one line for each request")
    return parser


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    main()
