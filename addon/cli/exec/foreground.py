"""A program in the foreground: the terminal, signals and exit status are as if it ran alone.

It stays in this process's group, so what the terminal sends (Ctrl-C, Ctrl-Z, a new size of
the window) reaches it directly, once, and not by way of us. What others send to us is passed on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from addon.cli.failure import CommandFailed

NOT_STARTED: Final = 126
NOT_FOUND: Final = 127
"""Exit statuses that shells have for it (POSIX, XCU 2.8.2)."""

_FROM_TERMINALS: Final = ("SIGINT", "SIGQUIT", "SIGBREAK")
_FROM_OTHERS: Final = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


def found_program(name: str, env: Mapping[str, str], cwd: Path) -> str:
    """The path of the program ``name``. Raises CommandFailed, with the status that fits."""
    found = shutil.which(name, path=env.get("PATH"))
    if found is not None:
        return found
    path = cwd / name
    if Path(name).name != name and path.exists():
        raise CommandFailed(f"{name} cannot be run: it is no program", status=NOT_STARTED)
    raise CommandFailed(f"there is no program {name}", status=NOT_FOUND)


def run_in_foreground(program: str, command: Sequence[str], env: Mapping[str, str]) -> int:
    """Run ``program``, called as ``command`` says, to its end; the status as shells tell it.

    Raises CommandFailed where it cannot be started.
    """
    started: list[subprocess.Popen[bytes]] = []
    too_early: list[int] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        if not started:
            too_early.append(number)
        elif signal.Signals(number).name not in _FROM_TERMINALS or not _has_the_terminal():
            started[0].send_signal(number)

    with _signals_to(pass_on):
        try:
            process = subprocess.Popen(command, executable=program, env=env)  # noqa: S603
        except OSError as error:
            # a script whose interpreter is missing is not found either
            status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_STARTED
            raise CommandFailed(
                f"{program} cannot be run: {error.strerror}", status=status
            ) from None
        started.append(process)
        for number in too_early:
            with contextlib.suppress(ValueError):  # on Windows a console has told it already
                process.send_signal(number)
        status = process.wait()
    return status if status >= 0 else 128 - status


@contextmanager
def _signals_to(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Has ``handler`` hear of signals. A program inherits no handler, but what is ignored."""
    heard = [getattr(signal, name, None) for name in (*_FROM_TERMINALS, *_FROM_OTHERS)]
    before = {
        number: signal.signal(number, handler)
        for number in heard
        if number is not None and signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)


def _has_the_terminal() -> bool:
    """Whether the terminal sends its signals to this process's group, the program's too."""
    if sys.platform == "win32":
        return True
    with contextlib.suppress(OSError):
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False
