"""What a command finds around it: environment, folders, terminal, clock. Tests give their own.

Light, since every command pays for it at its start: what is heavy is imported where it is
used.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from addon.cli.failure import CommandFailed

if TYPE_CHECKING:
    from addon.settings import Settings


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise CommandFailed("HOME is not set, and nothing else tells your home folder") from None


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError:
        raise CommandFailed("the folder where you are is gone: go to another") from None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a command runs; the defaults are the real world. What was closed is empty."""

    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    home: Path = field(default_factory=_home)
    cwd: Path = field(default_factory=_here)
    platform: str = sys.platform
    stdin: TextIO = field(default_factory=lambda: sys.stdin or io.StringIO())
    stdout: TextIO = field(default_factory=lambda: sys.stdout or io.StringIO())
    stderr: TextIO = field(default_factory=lambda: sys.stderr or io.StringIO())
    clock: Callable[[], float] = time.time
    """Unix seconds."""

    @property
    def now_ms(self) -> int:
        """Unix milliseconds."""
        return int(self.clock() * 1000)

    @property
    def is_attended(self) -> bool:
        """Whether somebody is there to be asked."""
        return self.stdin.isatty() and self.stderr.isatty()

    def say(self, line: str) -> None:
        """Tell people ``line``, beside what goes to stdout."""
        print(line, file=self.stderr, flush=True)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """A question stands in an open line, which a Ctrl-C is not to leave open."""
        try:
            yield
        except KeyboardInterrupt:
            self.say("")
            raise

    def answer(self, question: str) -> str:
        """What the person answers, without space around it. Raises CommandFailed at the end."""
        with self.asking():
            print(question, end="", file=self.stderr, flush=True)
            line = self.stdin.readline()
        if not line:
            raise CommandFailed("there was no answer: nothing was changed")
        return line.strip()

    def settings(self) -> Settings:
        """The user's settings. Raises CommandFailed."""
        from addon.settings import SettingsError, load_settings  # noqa: PLC0415

        try:
            return load_settings(self.env, self.cwd, platform=self.platform, home=self.home)
        except SettingsError as error:
            raise CommandFailed(str(error)) from error

    def accounts_path(self) -> Path:
        """Where the accounts file is, or is to be."""
        from addon.settings import accounts_path  # noqa: PLC0415

        return accounts_path(self.env, platform=self.platform, home=self.home)
