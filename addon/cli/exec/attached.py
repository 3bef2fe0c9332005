"""The proxy as a process of its own that ends with this one, however this one ends.

It holds the end of a pipe whose other end is here and nowhere else: when the pipe is closed,
by us or by the system after a SIGKILL, the proxy ends. It tells where it listens as soon as it
does, so nobody has to guess; see ``proxy/attached.py``.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import addon
from addon.cli.exec.server import Plan
from addon.cli.failure import CommandFailed

ROOT: Final = Path(addon.__file__).resolve().parents[1]
"""Where the package is found."""

_STOP_SECONDS: Final = 10.0
"""How long the proxy may take to end before it is ended."""

_LINES_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class AttachedProxy:
    """A proxy that listens."""

    proxy_url: str
    """What a client takes as ``HTTPS_PROXY``."""
    base_url: str
    """What a client takes as OpenAI base URL."""
    process: subprocess.Popen[str]
    log: Path

    def last_words(self) -> str | None:
        """What it said last, where it has ended; None: it runs."""
        return None if self.process.poll() is None else _end_of(self.log)


@contextmanager
def attached_proxy(plan: Plan, env: Mapping[str, str], log: Path) -> Iterator[AttachedProxy]:
    """A proxy after ``plan`` that listens as long as the context lasts. Raises CommandFailed.

    It runs in the environment ``env``, and writes at the end of ``log``.
    """
    with _opened(log) as log_file:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "addon.cli.exec.server"],
            env=_environment(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
            encoding="utf-8",
            **_in_a_group_of_its_own(),
        )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdout, _ended(process):
        with contextlib.suppress(BrokenPipeError):
            print(plan.to_json(), file=process.stdin, flush=True)
        told = process.stdout.readline()
        if not told:
            process.wait()
            raise CommandFailed(f"the proxy did not start; it said:\n{_end_of(log)}")
        (proxy, base) = map(_url, json.loads(told)["listeners"])
        yield AttachedProxy(proxy, f"{base}/v1", process, log)


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Ends ``process`` at the end of the context: it is asked, and waited for, but not forever."""
    try:
        yield
    finally:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    """``env``, and where the package is; all that is logged is written at once, in UTF-8."""
    path = os.pathsep.join(filter(None, (str(ROOT), env.get("PYTHONPATH"))))
    return {**env, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def _in_a_group_of_its_own() -> dict[str, Any]:
    """So that Ctrl-C and Ctrl-Z are the program's alone, and the terminal's end too."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


@contextmanager
def _opened(log: Path) -> Iterator[int]:
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise CommandFailed(f"{log} cannot be written: {error.strerror}") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _end_of(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-_LINES_SHOWN:])


def _url(address: tuple[str, int]) -> str:
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
