"""``qwen-proxy run --sandbox``: the whole path, with no account and no network."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from tests.cli.command import ROOT, Command, Started

CLIENTS: Final = ROOT / "tests" / "e2e" / "node_modules" / ".bin"


@pytest.fixture
def sandbox(qwen_proxy: Command, port: int) -> Iterator[Started]:
    """The proxy on its sandbox, ready."""
    with qwen_proxy.started(
        "run", "--sandbox", "--port", str(port), until="reverse proxy to"
    ) as started:
        yield started


def suggested(sandbox: Started, program: str) -> str:
    """The line with ``program`` that the proxy printed for pasting."""
    (line,) = [line for line in sandbox.printed.splitlines() if f"{program} " in line]
    return line.strip()


def pasted(line: str, person: Command) -> str:
    """What ``line`` prints in a shell of this person's."""
    environment = person.environment()
    shell = subprocess.run(
        ["bash", "-c", line],
        cwd=person.project,
        env={**environment, "PATH": f"{CLIENTS}{os.pathsep}{environment['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shell.returncode == 0, shell.stdout + shell.stderr
    return shell.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_curl_line_shows_an_answer_streaming(sandbox: Started, qwen_proxy: Command) -> None:
    answer = pasted(suggested(sandbox, "curl"), qwen_proxy)
    assert answer.count("event: response.output_text.delta") > 1
    assert "event: response.completed" in answer


def test_the_opencode_line_works_with_no_other_set_up(
    sandbox: Started, qwen_proxy: Command
) -> None:
    assert pasted(suggested(sandbox, "opencode run"), qwen_proxy).strip()


def test_its_accounts_are_for_this_user_alone_and_go_with_it(
    qwen_proxy: Command, port: int
) -> None:
    command = ("run", "--sandbox", "--port", str(port))
    with qwen_proxy.started(*command, until="reverse proxy to"):
        (folder,) = qwen_proxy.temporary.glob("qwen-proxy-sandbox-*")
        file = folder / "qwen-auth-accounts.json"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert len(json.loads(file.read_text())["accounts"]) == 2
    assert not folder.exists()


def test_the_users_own_accounts_are_neither_read_nor_changed(
    qwen_proxy: Command, port: int
) -> None:
    own = qwen_proxy.home / ".config" / "opencode" / "qwen-auth-accounts.json"
    own.parent.mkdir(parents=True)
    own.write_text("not to be touched, and not to be understood")
    command = ("run", "--sandbox", "--port", str(port))
    with qwen_proxy.started(*command, until="reverse proxy to") as started:
        assert str(own) not in started.printed
    assert own.read_text() == "not to be touched, and not to be understood"
    assert list(own.parent.iterdir()) == [own]
