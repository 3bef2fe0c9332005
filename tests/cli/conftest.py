"""The command line as a user meets it."""

from __future__ import annotations

import random
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.cli.invoked import Home


@pytest.fixture(scope="session", autouse=True)
def _signals() -> None:
    """Programs inherit what is ignored, and nohup and shell scripts ignore some."""
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(name) == signal.SIG_IGN:
            signal.signal(name, signal.SIG_DFL)


@pytest.fixture
def qwen_proxy(tmp_path: Path) -> Command:
    """The program, in a home and a working folder that are empty."""
    return Command(tmp_path)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Somebody without any account, in an empty folder."""
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    monkeypatch.chdir(project)
    return Home(tmp_path / "home")


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago, with the two after it.

    It lies below those that the system gives to others by itself.
    """
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311
        with ExitStack() as sockets:
            try:
                for free in range(port, port + 3):
                    sockets.enter_context(socket.create_server(("127.0.0.1", free)))
            except OSError:
                continue
            return port
