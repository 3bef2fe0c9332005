"""Processes of the bench: where they run, what they print, and that they end with it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_SAFETY_SECONDS: Final = 120.0
"""How long a start may take: a net, never a pace. LiteLLM takes a while."""

_STOP_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.002
_LOG_SHOWN: Final = 2000


class ProcessFailed(Exception):
    """A process did not start, or ended too early; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs on which cores, so that what measures takes nothing from what is measured."""

    proxy: frozenset[int]
    load: frozenset[int]
    """Of the load client and the upstream."""

    @classmethod
    def of_this_machine(cls) -> Cores:
        """The first core for the proxy, all others for the load; with one core all share it."""
        every = sorted(os.sched_getaffinity(0))
        proxy = every[:1]
        return cls(frozenset(proxy), frozenset(every[1:] or proxy))

    @property
    def are_apart(self) -> bool:
        """Whether there were enough of them."""
        return self.proxy.isdisjoint(self.load)


@contextmanager
def running_on(cores: frozenset[int]) -> Iterator[None]:
    """What is started in here runs on ``cores``, and so does this thread meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class Command:
    """A program that is to listen on a port."""

    arguments: Sequence[str]
    port: int
    folder: Path
    """Where it is started, and leaves its log."""
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Server:
    """A program that listens."""

    process: subprocess.Popen[bytes]
    port: int
    started_in_seconds: float
    """From the start until it took a connection."""
    log: Path

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def check(self) -> None:
        """Raise ProcessFailed if it has ended."""
        if self.process.poll() is not None:
            raise ProcessFailed(f"it ended with {self.process.returncode}:\n{log_end(self.log)}")


@contextmanager
def serving(command: Command, cores: frozenset[int]) -> Iterator[Server]:
    """The program while it listens. Raises ProcessFailed."""
    command.folder.mkdir(parents=True, exist_ok=True)
    log = command.folder / "log"
    # Nothing of the user's: no credential, no proxy, no settings.
    env = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **command.env}
    began = time.perf_counter()
    with log.open("wb") as output, running_on(cores):
        process = subprocess.Popen(
            command.arguments,
            cwd=command.folder,
            env={"HOME": str(command.folder), **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        server = Server(process, command.port, 0.0, log)
        while not _takes_connections(command.port):
            server.check()
            if time.perf_counter() - began > _SAFETY_SECONDS:
                raise ProcessFailed(f"it does not listen:\n{log_end(log)}")
            time.sleep(_POLL_SECONDS)
        server.started_in_seconds = time.perf_counter() - began
        yield server
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it, with force if need be."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def log_end(log: Path) -> str:
    """The last that it said."""
    return log.read_text("utf-8", "replace")[-_LOG_SHOWN:]


def _takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
