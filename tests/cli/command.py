"""``python -m addon`` as a process with a home and a working folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Command:
    """``qwen-proxy``, started in ``folder``/project by somebody whose home is ``folder``/home."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        """Where it is started."""
        return _made(self.folder / "project")

    @property
    def home(self) -> Path:
        """The home of whoever starts it."""
        return _made(self.folder / "home")

    @property
    def temporary(self) -> Path:
        """Where its temporary files go."""
        return _made(self.folder / "tmp")

    def environment(self) -> dict[str, str]:
        """All that it knows of this machine."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            **self.env,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end, which it must find by itself."""
        return subprocess.run(
            _command(arguments),
            cwd=self.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    @contextmanager
    def started(self, *arguments: str, until: str) -> Iterator[Started]:
        """Run it while the context lasts, from when it printed ``until``; then SIGTERM.

        Raises AssertionError if it ends before that, or not well after it.
        """
        with subprocess.Popen(
            _command(arguments),
            cwd=self.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            started = Started(process, _read_until(process, until))
            try:
                yield started
            finally:
                status = started.end()
            assert status == 0, started.printed


@dataclass(frozen=True, slots=True)
class Started:
    """A ``qwen-proxy`` that runs, and what it has printed so far."""

    process: subprocess.Popen[str]
    printed: str

    def end(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal, if it still runs, and give its exit status."""
        self.process.send_signal(with_signal)
        return self.process.wait()


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-P", "-m", "addon", *arguments]


def _read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout
    printed = ""
    for line in process.stdout:
        printed += line
        if text in line:
            return printed
    raise AssertionError(f"it ended before it printed {text!r}:\n{printed}")
