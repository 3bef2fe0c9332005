"""mitmdump, forked from a process that has imported mitmproxy already.

Half of what a start costs is the import of libraries, and there are some hundred starts. From
there on it is the same: ``mitmproxy.tools.main.mitmdump`` with these arguments, environment and
working folder, in a process of its own, which loads the addon as every mitmdump does.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Final, Protocol

_ROOT: Final = Path(__file__).resolve().parents[2]
_LIBRARIES: Final = ["mitmproxy.tools.main", "httpx", "pydantic", "filelock", "prometheus_client"]

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(_LIBRARIES)


class _Duplicate(Protocol):
    """What ``DupFd`` makes: a file descriptor on its way into another process."""

    def detach(self) -> int: ...


class WarmMitmdump:
    """One of them; what ``subprocess.Popen`` has of methods."""

    def __init__(self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        """Starts it; ``stdout`` is what it prints, on either stream."""
        read, write = os.pipe()
        try:
            self._process = _forks.Process(
                target=_run, args=(list(arguments), str(cwd), dict(env), DupFd(write))
            )
            self._process.start()
        finally:
            os.close(write)
        self.stdout: IO[str] = open(read, encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid is not None
        return self._process.pid

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self._process.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def wait(self, timeout: float) -> int:
        """Its exit status, once it has ended. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("mitmdump", timeout)
        return self._process.exitcode


def _run(arguments: list[str], cwd: str, env: dict[str, str], output: _Duplicate) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    printed = output.detach()
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.close(printed)
    sys.argv = ["mitmdump", *arguments]
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry).resolve() != _ROOT]
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115

    from mitmproxy.tools.main import mitmdump  # noqa: PLC0415 - imported before, all but the name

    sys.exit(mitmdump())
