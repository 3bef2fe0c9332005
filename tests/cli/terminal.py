"""``qwen-proxy`` on a real pseudo-terminal, and what a person sees and types there."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from tests.cli.command import Command

SAFETY_SECONDS: Final = 60.0
"""How long anything is waited for before the test is given up: a net, never a pace."""

_ESCAPES: Final = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9])")
"""Colours and moves of the cursor (ECMA-48 §5.4)."""


@dataclass(slots=True)
class Terminal:
    """A person's end of a terminal on which a program runs."""

    pid: int
    descriptor: int
    raw: str = ""
    """All that was printed so far, escape codes included."""
    status: int | None = None

    @property
    def seen(self) -> str:
        """The same without escape codes, in lines that end as elsewhere."""
        return _ESCAPES.sub("", self.raw).replace("\r\n", "\n")

    def until(self, pattern: str) -> re.Match[str]:
        """Look on until ``pattern`` is seen. Raises AssertionError where it never is."""
        while (found := re.search(pattern, self.seen)) is None:
            assert self._read(), f"it ended before {pattern!r} was seen:\n{self.seen}"
        return found

    def type(self, text: str) -> None:
        """Type ``text``; ``\\x03`` is Ctrl-C."""
        os.write(self.descriptor, text.encode())

    def end(self) -> int:
        """Look on to the end; the exit status, or minus the signal."""
        while self._read():
            pass
        if self.status is None:
            _, waited = os.waitpid(self.pid, 0)
            self.status = os.waitstatus_to_exitcode(waited)
        return self.status

    def _read(self) -> bool:
        """Read what is there next; False at the end."""
        ready, _, _ = select.select([self.descriptor], [], [], SAFETY_SECONDS)
        assert ready, f"nothing more was printed after:\n{self.seen}"
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:  # Linux says so at the end
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)


@contextmanager
def on_terminal(
    command: Command, *arguments: str, columns: int = 100, lines: int = 40, **env: str
) -> Iterator[Terminal]:
    """Run ``command`` on a terminal; whatever still runs at the end of the context is ended."""
    program = [sys.executable, "-P", "-m", "addon", *arguments]
    with program_on_terminal(command, program, columns=columns, lines=lines, **env) as terminal:
        yield terminal


@contextmanager
def program_on_terminal(
    person: Command, program: Sequence[str], *, columns: int = 100, lines: int = 40, **env: str
) -> Iterator[Terminal]:
    """The same for any program of this person's."""
    environment = {**person.environment(), "TERM": "xterm-256color", **env}
    project = person.project
    pid, descriptor = pty.fork()
    if pid == 0:
        os.chdir(project)
        os.execvpe(program[0], [*program], environment)  # noqa: S606
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    terminal = Terminal(pid, descriptor)
    try:
        yield terminal
    finally:
        if terminal.status is None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(descriptor)
