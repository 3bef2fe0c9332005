"""The sandbox as a running thing: a thread in tests, a process for people."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from addon.sandbox.server import running_sandbox
from tests.sandbox.bodies import body


def ask(base_url: str, token: str) -> httpx2.Response:
    """One question to the sandbox."""
    return httpx2.post(
        f"{base_url}/chat/completions",
        json=body(),
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
    )


def errors_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_signs_in_accounts_as_the_accounts_file_holds_them() -> None:
    with running_sandbox(accounts=3) as sandbox:
        document = sandbox.accounts_document()
        assert (document["version"], document["activeIndex"]) == (1, 0)
        accounts = document["accounts"]
        assert [account["label"] for account in accounts] == ["Sandbox 1", "Sandbox 2", "Sandbox 3"]
        assert {account["resourceUrl"] for account in accounts} == {sandbox.base_url}
        for account in accounts:
            assert ask(account["resourceUrl"], account["accessToken"]).status_code == 200
        document["accounts"].clear()
        assert len(sandbox.accounts_document()["accounts"]) == 3


def test_tokens_are_fresh_each_time() -> None:
    with running_sandbox() as one, running_sandbox() as other:
        assert len({*one.access_tokens, *other.access_tokens}) == 4
        assert ask(one.base_url, other.access_tokens[0]).status_code == 401


def test_no_token_shows_in_a_repr() -> None:
    with running_sandbox() as sandbox:
        shown = repr(sandbox) + repr(vars(sandbox))
        assert not any(token in shown for token in sandbox.access_tokens)


def test_it_listens_on_loopback_and_stops_with_its_context() -> None:
    with running_sandbox() as sandbox:
        assert sandbox.base_url == f"http://127.0.0.1:{sandbox.port}/v1"
        assert sandbox.oauth_base_url == f"http://127.0.0.1:{sandbox.port}"
        assert is_listening(sandbox.port)
    assert not is_listening(sandbox.port)
    assert f"sandbox-{sandbox.port}" not in {thread.name for thread in threading.enumerate()}


def test_a_port_that_is_taken_is_an_error_of_the_caller() -> None:
    with (
        running_sandbox() as sandbox,
        pytest.raises(OSError, match="in use"),
        running_sandbox(port=sandbox.port),
    ):
        pass


def test_it_stops_in_the_middle_of_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    with running_sandbox(delta_interval_seconds=3600) as sandbox:
        headers = {"authorization": f"Bearer {sandbox.access_tokens[0]}"}
        client = httpx2.Client(base_url=sandbox.base_url, headers=headers, trust_env=False)
        request = client.build_request("POST", "/chat/completions", json=body(stream=True))
        answer = client.send(request, stream=True)
        lines = answer.iter_lines()
        assert next(lines).startswith("data: ")
    with pytest.raises(httpx2.RemoteProtocolError):
        list(lines)
    answer.close()
    client.close()
    assert errors_in(caplog) == []


def test_a_client_that_goes_away_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with running_sandbox(delta_interval_seconds=0) as sandbox:
        token = sandbox.access_tokens[0]
        request = json.dumps(body(stream=True)).encode()
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nhost: sandbox\r\n"
            f"authorization: Bearer {token}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(request)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", sandbox.port)) as connection:
            connection.sendall(head.encode() + request)
        assert ask(sandbox.base_url, token).status_code == 200
    assert errors_in(caplog) == []


@contextmanager
def sandbox_process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``python -m addon.sandbox`` with these arguments, ended with the context."""
    with subprocess.Popen(
        [sys.executable, "-m", "addon.sandbox", *arguments],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are ways of POSIX")
@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM])
def test_the_process_prints_its_base_url_and_runs_until_interrupted(
    tmp_path: Path, interrupt: signal.Signals
) -> None:
    accounts_file = tmp_path / "accounts.json"
    with sandbox_process("--port", "0", "--accounts-file", str(accounts_file)) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        assert stat.S_IMODE(accounts_file.stat().st_mode) == 0o600
        account = json.loads(accounts_file.read_text(encoding="utf-8"))["accounts"][1]
        assert account["resourceUrl"] == base_url
        assert ask(base_url, account["accessToken"]).status_code == 200
        process.send_signal(interrupt)
        rest, messages = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, "")
    assert "stop with Ctrl-C" in messages
    assert account["accessToken"] not in messages


def test_an_accounts_file_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    accounts_file = tmp_path / "accounts.json"
    accounts_file.write_text("precious", encoding="utf-8")
    with sandbox_process("--accounts-file", str(accounts_file)) as process:
        output, messages = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert str(accounts_file) in messages
    assert accounts_file.read_text(encoding="utf-8") == "precious"


def test_the_command_line_says_what_is_wrong() -> None:
    with sandbox_process("--accounts", "0") as process:
        _, messages = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "--accounts: must be at least 1" in messages
