"""The addon in real processes: each mode, each program, other hosts, saved flows."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import ssl
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account, write_accounts
from tests.support.chat import MODEL, completion, events, text_stream
from tests.support.oracle import check_response, check_stream
from tests.support.proxy import ADDON, REGULAR, REVERSE, Setup, free_ports
from tests.support.recorder import Recorder
from tests.support.replies import json_reply, stream_reply
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
BODY: Final = {"model": MODEL, "input": "Hi"}
PORTAL: Final = "https://portal.qwen.ai/v1/responses"


@pytest.fixture
def start_mitm(start_mitm: StartMitm) -> StartMitm:
    """Starts the programs themselves."""
    return lambda setup: start_mitm(replace(setup, is_warm=False))


def test_reverse_mode(upstream: Upstream, start_mitm: StartMitm, recorder: Recorder) -> None:
    upstream.replies(json_reply(completion("Hi")))
    account = api_key_account(KEY, upstream.base_url)
    proxy = start_mitm(Setup(accounts=[account], modes=[REVERSE]))

    with recorder.client() as client:
        answer = client.post(f"{proxy.base_url}/responses", json=BODY)

    assert check_response(answer.json())["status"] == "completed"


def test_regular_mode(upstream: Upstream, start_mitm: StartMitm, recorder: Recorder) -> None:
    upstream.replies(stream_reply(events(text_stream("Hi"))))
    account = api_key_account(KEY, upstream.base_url)
    proxy = start_mitm(Setup(accounts=[account], modes=[REGULAR]))

    with recorder.client(proxy=proxy.url("regular"), ca=proxy.ca) as client:
        answer = client.post(PORTAL, json={**BODY, "stream": True})

    assert check_stream(answer.content).outcome.text == "Hi"


def test_upstream_mode(upstream: Upstream, start_mitm: StartMitm, recorder: Recorder) -> None:
    upstream.replies(stream_reply(events(text_stream("Hi"))))
    company = start_mitm(Setup(script=None, modes=[REGULAR]))
    account = api_key_account(KEY, upstream.base_url)
    mode = f"upstream:{company.url('regular')}"
    proxy = start_mitm(Setup(accounts=[account], modes=[mode]))

    with recorder.client(proxy=proxy.url("upstream"), ca=proxy.ca) as client:
        answer = client.post(PORTAL, json={**BODY, "stream": True})

    assert check_stream(answer.content).outcome.text == "Hi"
    assert "/v1/chat/completions" in company.log


def test_the_host_of_an_accounts_base_url_is_ours_too(
    start_mitm: StartMitm, recorder: Recorder, upstream_ca: CertificateAuthority
) -> None:
    with Upstream(tls=upstream_ca) as upstream:
        upstream.replies(json_reply(completion("Hi")))
        proxy = start_mitm(
            Setup(
                accounts=[api_key_account(KEY, upstream.base_url)],
                options={"ssl_verify_upstream_trusted_ca": str(upstream_ca.certificate)},
            )
        )

        with recorder.client(proxy=proxy.url("regular"), ca=proxy.ca) as client:
            answer = client.post(f"{upstream.base_url}/responses", json=BODY)

    assert check_response(answer.json())["status"] == "completed"
    assert [request.token for request in upstream.requests] == [KEY]


def test_a_named_host_is_ours_too(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.replies(json_reply(completion("Hi")))
    proxy = start_mitm(
        Setup(
            accounts=[api_key_account(KEY, upstream.base_url)],
            env={"QWEN_INTERCEPT_HOSTS": "api.openai.com"},
        )
    )

    with recorder.client(proxy=proxy.url("regular"), ca=proxy.ca) as client:
        answer = client.post("https://api.openai.com/v1/responses", json=BODY)

    assert answer.status_code == 200


def test_tls_to_other_hosts_is_not_opened(
    upstream: Upstream, start_mitm: StartMitm, upstream_ca: CertificateAuthority
) -> None:
    proxy = start_mitm(Setup(accounts=[api_key_account(KEY, upstream.base_url)]))
    with Upstream(tls=upstream_ca) as other:
        other.replies(json_reply({"mine": True}))
        trusting_only_the_other = ssl.create_default_context(cafile=str(upstream_ca.certificate))
        url = f"https://localhost:{other.port}/v1/responses"

        with httpx2.Client(
            proxy=proxy.url("regular"), verify=trusting_only_the_other, trust_env=False
        ) as client:
            answer = client.post(url, json=BODY, headers={"authorization": "Bearer sk-mine"})

    assert answer.json() == {"mine": True}
    assert other.requests[0].token == "sk-mine"


def test_plain_http_to_other_hosts_is_passed_on(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    account = api_key_account(KEY, "https://account.example/v1")
    proxy = start_mitm(Setup(accounts=[account]))
    upstream.replies(json_reply({"mine": True}))

    with recorder.client(proxy=proxy.url("regular")) as client:
        answer = client.get(f"{upstream.base_url}/models", headers={"authorization": "Bearer me"})

    assert answer.json() == {"mine": True}
    assert upstream.requests[0].token == "me"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/chat/completions"), ("GET", "/models")], ids=["chat", "models"]
)
def test_chat_requests_get_a_token_and_stay_as_they_are(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder, method: str, path: str
) -> None:
    reply = stream_reply(events(text_stream("Grü", "ße")))
    upstream.replies(reply)
    proxy = start_mitm(Setup(accounts=[api_key_account(KEY, upstream.base_url)]))
    body = b'{"model":"m" ,  "messages":[{"role":"user","content":"Hi"}],"stream":true}'
    content = body if method == "POST" else b""

    with recorder.client() as client:
        answer = client.request(
            method, f"{proxy.base_url}{path}", content=content, headers={"authorization": "me"}
        )

    (request,) = upstream.requests
    assert (request.method, request.path, request.body) == (method, f"/v1{path}", content)
    assert request.token == KEY
    assert answer.content == b"".join(piece for piece in reply.pieces if isinstance(piece, bytes))
    assert "x-qwen-account" in answer.headers


def test_what_is_none_of_ours_is_passed_on_without_a_token(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.replies(json_reply({"there": True}))
    mode = f"reverse:http://127.0.0.1:{upstream.port}"
    proxy = start_mitm(Setup(accounts=[api_key_account(KEY, upstream.base_url)], modes=[mode]))

    with recorder.client() as client:
        answer = client.get(f"{proxy.base_url}/files", headers={"authorization": "Bearer me"})

    assert answer.json() == {"there": True}
    assert upstream.requests[0].token == "me"


def test_saved_flows_show_a_masked_token(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.replies(json_reply(completion("Hi")))
    upstream.replies(stream_reply(events(text_stream("Hi"))))
    proxy = start_mitm(
        Setup(
            accounts=[api_key_account(KEY, upstream.base_url)],
            options={"flow_detail": "4"},
            saves_flows=True,
        )
    )

    with recorder.client() as client:
        for streams in (False, True):
            client.post(
                f"{proxy.base_url}/responses",
                json={**BODY, "stream": streams},
                headers={"authorization": "Bearer sk-the-key-of-the-client"},
            )
    proxy.stop()

    saved = proxy.flows_file.read_bytes()
    assert b"sk-t...1234" in saved
    assert KEY.encode() not in saved
    assert b"sk-the-key-of-the-client" not in saved
    proxy.check()


def test_mitmweb(upstream: Upstream, start_mitm: StartMitm, recorder: Recorder) -> None:
    upstream.replies(json_reply(completion("Hi")))
    account = api_key_account(KEY, upstream.base_url)
    proxy = start_mitm(Setup(accounts=[account], program="mitmweb"))

    with recorder.client() as client:
        answer = client.post(f"{proxy.base_url}/responses", json=BODY)

    assert check_response(answer.json())["status"] == "completed"


@contextlib.contextmanager
def console_program(folder: Path, confdir: Path, upstream: Upstream) -> Iterator[int]:
    """The console program on a terminal of its own; gives the port of its reverse listener."""
    accounts = folder / "accounts.json"
    write_accounts(accounts, [api_key_account(KEY, upstream.base_url)])
    (port,) = free_ports(1)
    terminal, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(
        [
            Path(sys.executable).with_name("mitmproxy"),
            *("-s", ADDON, "--set", f"confdir={confdir}"),
            *("--mode", f"{REVERSE}@127.0.0.1:{port}"),
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "TERM": "xterm",
            "QWEN_ACCOUNTS_FILE": str(accounts),
        },
    )
    os.close(theirs)
    drawn = threading.Thread(target=drain, args=(terminal,), daemon=True)
    drawn.start()
    try:
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()
            drawn.join()
            os.close(terminal)


def drain(terminal: int) -> None:
    """Read what is drawn until the program has gone: a full terminal would stop it."""
    with contextlib.suppress(OSError):
        while select.select([terminal], [], [])[0] and os.read(terminal, 65536):
            pass


def test_the_console_program(
    upstream: Upstream, confdir: Path, tmp_path: Path, recorder: Recorder
) -> None:
    upstream.replies(json_reply(completion("Hi")))

    with console_program(tmp_path, confdir, upstream) as port, recorder.client() as client:
        answer = post_when_it_listens(client, f"http://127.0.0.1:{port}/v1/responses")

    assert check_response(answer.json())["status"] == "completed"


def post_when_it_listens(client: httpx2.Client, url: str) -> httpx2.Response:
    """Ask again until the connection is taken: this program has no log to read."""
    for _ in range(2000):
        try:
            return client.post(url, json=BODY)
        except httpx2.ConnectError:
            threading.Event().wait(0.01)
    raise AssertionError("it never listened")


@pytest.mark.parametrize(
    ("options", "status"),
    [({"proxyauth": "user:password"}, 401), ({"block_list": ":~u responses:418"}, 418)],
    ids=["proxyauth", "block_list"],
)
def test_what_another_addon_has_answered_is_left_alone(
    options: dict[str, str],
    status: int,
    upstream: Upstream,
    start_mitm: StartMitm,
    recorder: Recorder,
) -> None:
    account = api_key_account(KEY, upstream.base_url)
    proxy = start_mitm(Setup(accounts=[account], modes=[REVERSE], options=options))
    with recorder.client() as client:
        refused = [client.post(f"{proxy.base_url}/responses", json=BODY) for _ in range(2)]
        assert [answer.status_code for answer in refused] == [status, status]
        if status == 401:
            login = ("user", "password")
            upstream.replies(json_reply(completion("Hi")))
            served = client.post(f"{proxy.base_url}/responses", json=BODY, auth=login)
            check_response(served.json())
            assert upstream.requests[0].token == KEY
