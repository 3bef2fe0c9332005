"""A real mitmproxy process with the addon in it, started for one test or one module.

It gets a home, a configuration folder, an accounts file and ports of its own, nothing of the
developer's. When it ends it is judged: a traceback, an addon error or one of the accounts' secrets
in its log (or in the flows that it saved) is an AssertionError, and so is a lease, a place in the
line or an exchange that is still open when all of its clients are gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from tests.support.accounts import secrets_of, write_accounts
from tests.support.probe import LEFT_PREFIX, PREFIX
from tests.support.warm import WarmMitmdump

ROOT: Final = Path(__file__).resolve().parents[2]
ADDON: Final = ROOT / "addon" / "main.py"
PROBE: Final = Path(__file__).with_name("probe.py")

REGULAR: Final = "regular"
REVERSE: Final = "reverse:https://portal.qwen.ai"

SAFETY_SECONDS: Final = 30.0
"""How long a start or a stop may take before the test is given up: a net, never a pace."""

_CLOSING_SECONDS: Final = 5.0
"""How long the proxy may take to notice that its last client is gone: a net too."""

_POLL_SECONDS: Final = 0.01
_PORT_TRIES: Final = 3
_SHUTDOWN_NOISE: Final = re.compile(
    r"^Exception in callback StreamReaderProtocol\.connection_made.*?"
    r"^asyncio\.exceptions\.CancelledError$",
    re.MULTILINE | re.DOTALL,
)
"""What asyncio of Python 3.11 prints of each client that is still connected at the end."""
_BAD_SIGNS: Final = ("Traceback (most recent call last)", "Addon error", "was never awaited")


class StartRefused(Exception):
    """The process ended before it listened; the message is all that it printed."""


@dataclass(frozen=True, slots=True)
class Books:
    """What the addon has open; see ``probe.py``."""

    exchanges: int = 0
    leases: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """What a process holds once it has taken out the rubbish; see ``probe.py``."""

    exchanges: int
    leases: int
    flows: int
    streams: int
    connections: int
    tasks: tuple[str, ...]
    """By the names of their coroutines."""
    files: int
    resident: int
    """Bytes."""
    traced: int
    """Bytes that Python has allocated since the start, where it counts them; else 0."""

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing of any request is left."""
        return not any((self.exchanges, self.leases, self.flows, self.streams, self.connections))

    def is_as_little_as(self, before: Left) -> bool:
        """Whether nothing of any request is left, and no more tasks and files than ``before``."""
        return (
            self.is_at_rest and len(self.tasks) <= len(before.tasks) and self.files <= before.files
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a process is to be started."""

    modes: Sequence[str] = (REGULAR, REVERSE)
    """mitmproxy's modes, without an address."""
    host: str = "127.0.0.1"
    """Where they all listen; empty: on every interface, as mitmproxy alone does."""
    accounts: Sequence[Mapping[str, object]] | None = None
    """None: there is no accounts file."""
    options: Mapping[str, str] = field(default_factory=dict)
    """mitmproxy options, the addon's too."""
    env: Mapping[str, str] = field(default_factory=dict)
    saves_flows: bool = False
    """Whether all flows go into ``MitmProcess.flows_file``, which is judged with the log."""
    program: str = "mitmdump"
    is_warm: bool = True
    """Whether mitmdump may come from ``WarmMitmdump``; else it is the program as users start it."""
    script: Path | None = ADDON
    """None: mitmproxy alone, without any script."""
    scripts_before: Sequence[Path] = ()
    """Those whose hooks are called first."""


class MitmProcess:
    """One mitmdump (or mitmweb). A context manager: it listens inside the ``with``."""

    def __init__(self, folder: Path, setup: Setup, *, confdir: Path | None = None) -> None:
        """Nothing is started yet; all that it leaves is left in ``folder``.

        ``confdir`` may be shared, which spares the making of a certificate.
        """
        self.folder = folder
        self.cwd = folder / "project"
        """Where it is started; ``.opencode/qwen.json`` here is the project config."""
        self.home = folder / "home"
        self.user_config = self.home / ".config" / "opencode" / "qwen.json"
        self.accounts_file = folder / "accounts" / "qwen-auth-accounts.json"
        self.flows_file = folder / "flows"
        self.confdir = confdir or folder / "confdir"
        self.secrets = set(secrets_of(setup.accounts or ()))
        """What must never be in the log; a test may add to it."""
        self.ports: tuple[int, ...] = ()
        """The ports, in the order of the modes."""
        self._setup = setup
        self._process: subprocess.Popen[str] | WarmMitmdump
        self._reader: threading.Thread
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._ended = False
        self._last_books = Books()
        for path in (self.cwd, self.home):
            path.mkdir(parents=True, exist_ok=True)
        if setup.accounts is not None:
            write_accounts(self.accounts_file, setup.accounts)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def ca(self) -> Path:
        """The certificate that a client must trust to be intercepted."""
        return self.confdir / "mitmproxy-ca-cert.pem"

    @property
    def log(self) -> str:
        """All that it has printed so far."""
        with self._changed:
            return "".join(self._lines)

    def url(self, kind: str) -> str:
        """``http://127.0.0.1:port`` of the first listener whose mode begins with ``kind``."""
        index = next(n for n, mode in enumerate(self._setup.modes) if mode.startswith(kind))
        return f"http://127.0.0.1:{self.ports[index]}"

    @property
    def base_url(self) -> str:
        """What a client of the reverse listener takes as base URL."""
        return f"{self.url('reverse')}/v1"

    def wait_for_log(self, text: str, *, times: int = 1) -> None:
        """Wait until ``text`` has been printed, so many times."""
        self._wait(lambda: "".join(self._lines).count(text) >= times, f"{text!r} in the log")

    def books(self) -> Books | None:
        """What the addon has open at this moment; None where it has ended, or there is no addon."""
        if self._setup.script is None:
            return None
        told = self._ask(signal.SIGUSR1, PREFIX)
        return None if told is None else Books(**json.loads(told))

    def left(self) -> Left:
        """What of the addon's and mitmproxy's objects is alive, and what else the process holds."""
        told = self._ask(signal.SIGUSR2, LEFT_PREFIX)
        assert told is not None, f"it has ended:\n{self.log}"
        fields = json.loads(told)
        return Left(**fields | {"tasks": tuple(fields["tasks"])})

    def calm(self, before: Left | None = None) -> Left:
        """What is left once nobody asks any more: nothing of any request, unless it leaks.

        Where it is told what there was ``before``, it waits for what the proxy does by itself
        (renewals, statistics) too.
        """
        deadline = time.monotonic() + SAFETY_SECONDS
        while True:
            books, left = self.books(), self.left()
            is_calm = left.is_at_rest if before is None else left.is_as_little_as(before)
            if (books == Books() and is_calm) or time.monotonic() > deadline:
                return left
            time.sleep(_POLL_SECONDS)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait_for_books(self, condition: Callable[[Books], bool], what: str) -> None:
        """Wait until the books are so; ``what`` says how, for people."""
        deadline = time.monotonic() + SAFETY_SECONDS
        while (books := self.books()) is None or not condition(books):
            assert books is not None, f"it ended before there were {what}"
            assert time.monotonic() < deadline, f"waited in vain for {what}: {books}"
            time.sleep(_POLL_SECONDS)

    def start(self) -> None:
        """Start, and wait until every listener listens. Raises StartRefused."""
        for last_try in (*[False] * (_PORT_TRIES - 1), True):
            self.ports = free_ports(len(self._setup.modes))
            self._launch()
            self._wait(lambda: self._ended or self._is_listening(), "the listeners")
            if not self._ended:
                return
            self._reader.join()
            self._process.wait(SAFETY_SECONDS)
            # Between our look for a free port and its bind another process may have come first.
            if last_try or "address already in use" not in self.log.lower():
                raise StartRefused(self.log)

    def start_again(self) -> None:
        """After its end: start once more, at the same ports. Raises StartRefused."""
        self._launch()
        self._wait(lambda: self._ended or self._is_listening(), "the listeners")
        if self._ended:
            raise StartRefused(self.log)

    def run_to_end(self) -> int:
        """Start where no start is expected: gives the exit status once it has ended by itself.

        That is 1, or a signal's: threads of mitmproxy's own runtime are not stopped when it gives
        up at the start, and now and then one of them runs into the interpreter's end.
        """
        self.ports = free_ports(len(self._setup.modes))
        self._launch()
        self._wait(lambda: self._ended, "the end")
        return self._process.wait(SAFETY_SECONDS)

    def stop(self) -> int:
        """End it with SIGTERM as a user's service manager would; gives the exit status."""
        self._close_books()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(SAFETY_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it does not end on SIGTERM:\n{self.log}") from None
        finally:
            self._reader.join(SAFETY_SECONDS)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        self._process.kill()
        self._process.wait(SAFETY_SECONDS)
        self._reader.join(SAFETY_SECONDS)

    def restart(self, *, after_kill: bool = False) -> None:
        """End it one way or the other, judge it, and start it again on the same files."""
        if after_kill:
            self.kill()
        else:
            self.stop()
        self.check()
        self.start()

    def check(self) -> None:
        """Raise AssertionError if it left anything open, or shows what it must not."""
        assert self._last_books == Books(), (
            f"it had {self._last_books} open at its end:\n{self.log}"
        )
        log = self.log
        quiet = _SHUTDOWN_NOISE.sub("", log)
        signs = [sign for sign in _BAD_SIGNS if sign in quiet]
        assert not signs, f"the log holds {signs}:\n{log}"
        leaks = [secret[:4] for secret in self.secrets if secret in log]
        assert not leaks, f"the log holds the secrets that begin with {leaks}:\n{log}"
        if self.flows_file.exists():
            flows = self.flows_file.read_bytes()
            leaks = [secret[:4] for secret in self.secrets if secret.encode() in flows]
            assert not leaks, f"the saved flows hold the secrets that begin with {leaks}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if error is None:
            self.check()
        else:
            error.add_note(f"{self._setup.program} printed:\n{self.log}")

    def _close_books(self) -> None:
        """Note what is still open, once the proxy has had the time to see its clients gone."""
        deadline = time.monotonic() + _CLOSING_SECONDS
        while (books := self.books()) is not None:
            self._last_books = books
            if books == Books() or time.monotonic() > deadline:
                return
            time.sleep(_POLL_SECONDS)

    def _ask(self, number: int, prefix: str) -> str | None:
        """What the probe says to a signal; None where the process has ended instead."""
        told = len(self._told(prefix))
        self._process.send_signal(number)
        self._wait(lambda: self._ended or len(self._told(prefix)) > told, f"the {prefix}")
        return self._told(prefix)[-1] if len(self._told(prefix)) > told else None

    def _told(self, prefix: str) -> list[str]:
        lines = [*self._lines]
        return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]

    def _launch(self) -> None:
        self._lines.clear()
        self._ended = False
        self._last_books = Books()
        command, environment = self._command(), self._environment()
        if self._may_be_warm():
            self._process = WarmMitmdump(command[1:], cwd=self.cwd, env=environment)
        else:
            self._process = subprocess.Popen(
                command,
                cwd=self.cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    def _may_be_warm(self) -> bool:
        setup = self._setup
        is_for_python = any(name.startswith("PYTHON") for name in setup.env)
        return setup.is_warm and setup.program == "mitmdump" and not is_for_python

    def _command(self) -> list[str]:
        options = {"confdir": str(self.confdir), "flow_detail": "2", **self._setup.options}
        if self._setup.saves_flows:
            options["save_stream_file"] = str(self.flows_file)
        if self._setup.program == "mitmweb":
            (web_port,) = free_ports(1)
            options |= {"web_open_browser": "false", "web_port": str(web_port)}
        command = [str(Path(sys.executable).with_name(self._setup.program))]
        for script in self._setup.scripts_before:
            command += ["-s", str(script)]
        if self._setup.script is not None:
            command += ["-s", str(self._setup.script), "-s", str(PROBE)]
        for mode, port in zip(self._setup.modes, self.ports, strict=True):
            host = f"{self._setup.host}:" if self._setup.host else ""
            command += ["--mode", f"{mode}@{host}{port}"]
        for name, value in options.items():
            command += ["--set", f"{name}={value}"]
        return command

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "QWEN_ACCOUNTS_FILE": str(self.accounts_file),
            **self._setup.env,
        }

    def _read(self, printed: IO[str]) -> None:
        with printed:
            for line in printed:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _is_listening(self) -> bool:
        log = "".join(self._lines)
        host = self._setup.host or "*"
        return all(f"listening at {host}:{port}." in log for port in self.ports)

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            happened = self._changed.wait_for(condition, SAFETY_SECONDS)
        if not happened:
            self.kill()
            raise AssertionError(f"waited in vain for {what}:\n{self.log}")


def free_ports(count: int) -> tuple[int, ...]:
    """``count`` different ports of the loopback interface that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return tuple(sock.getsockname()[1] for sock in sockets)
