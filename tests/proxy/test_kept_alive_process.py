"""Connections that are kept for the next request, or are not."""

from __future__ import annotations

import contextlib
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, completion, events, text_stream
from tests.support.listener import ListenerThread, Serve
from tests.support.oracle import check_response
from tests.support.proxy import MitmProcess, Setup
from tests.support.raw_client import RawClient, raw_request
from tests.support.recorder import Recorder
from tests.support.replies import json_reply, stream_reply
from tests.support.upstream import Upstream

KEY = "sk-the-only-key-that-there-is-0123456789"
OTHER_KEY = "sk-the-key-of-an-account-out-of-reach-456"
BODY = json.dumps(completion("Hello")).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"


async def once(reader: StreamReader, writer: StreamWriter) -> None:
    """Serves one request, and closes the connection as soon as another one has come on it."""
    await request(reader)
    writer.write(ANSWER % (len(BODY), BODY))
    await request(reader)


async def silent(reader: StreamReader, writer: StreamWriter) -> None:
    """Serves one request, and says nothing to the next."""
    await request(reader)
    writer.write(ANSWER % (len(BODY), BODY))
    await reader.read()


async def request(reader: StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-l"))
    await reader.readexactly(int(length.partition(b":")[2]))


@contextlib.contextmanager
def serving(answer: Serve) -> Iterator[str]:
    """The base URL of such an upstream."""

    async def answered(reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(EOFError, OSError):
            await answer(reader, writer)

    with ListenerThread(answered) as server:
        yield f"http://127.0.0.1:{server.port}/v1"


def test_a_connection_that_is_closed_under_a_request_is_no_failure_of_the_account(
    start_mitm: StartMitm, recorder: Recorder
) -> None:
    with serving(once) as url, recorder.client() as client:
        proxy = start_mitm(Setup(accounts=[api_key_account(KEY, url)]))
        for _ in range(3):
            answer = client.post(
                f"{proxy.base_url}/responses", json={"model": MODEL, "input": "Hi"}
            )
            assert answer.status_code == 200, answer.text
            assert check_response(answer.json())["status"] == "completed"
            assert answer.headers["x-qwen-attempts"] == "1"


def test_one_that_was_given_up_says_nothing_of_the_next_that_cannot_be_opened(
    start_mitm: StartMitm, recorder: Recorder
) -> None:
    with serving(silent) as url, recorder.client() as client:
        accounts = [
            api_key_account(KEY, url, priority=-1),
            api_key_account(OTHER_KEY, "http://127.0.0.1:1/v1"),
        ]
        options = {"qwen_first_byte_timeout_seconds": "1"}
        proxy = start_mitm(Setup(accounts=accounts, options=options))
        body = {"model": MODEL, "input": "Hi"}
        assert client.post(f"{proxy.base_url}/responses", json=body).status_code == 200
        refused = client.post(f"{proxy.base_url}/responses", json=body)
        assert refused.json()["error"]["code"] == "upstream_unreachable"


HI = {"role": "user", "content": "Hi"}
ASKED = {
    "a stream": ("/v1/responses", {"model": MODEL, "input": "Hi", "stream": True}, 200),
    "an answer in one piece": ("/v1/responses", {"model": MODEL, "input": "Hi"}, 200),
    "a refusal": ("/v1/responses", {"model": MODEL, "input": 1}, 400),
    "an answer as it comes": ("/v1/chat/completions", {"model": MODEL, "messages": [HI]}, 200),
    "the models": ("/v1/models", None, 200),
}


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, confdir: Path
) -> Iterator[tuple[MitmProcess, Upstream]]:
    """A proxy for several tests, and its upstream."""
    with Upstream() as upstream:
        setup = Setup(accounts=[api_key_account(KEY, upstream.base_url)])
        with MitmProcess(tmp_path_factory.mktemp("mitm"), setup, confdir=confdir) as proxy:
            yield proxy, upstream


@pytest.mark.parametrize(("path", "body", "status"), ASKED.values(), ids=ASKED)
def test_a_client_that_wants_its_connection_closed_after_the_answer_has_that(
    path: str, body: object, status: int, shared: tuple[MitmProcess, Upstream]
) -> None:
    """RFC 9112 §9.6, byte for byte: the end comes from the proxy, which says so before."""
    proxy, upstream = shared
    is_stream = isinstance(body, dict) and "stream" in body
    upstream.answers(
        lambda _: (
            stream_reply(events(text_stream("Hi"))) if is_stream else json_reply(completion("Hi"))
        )
    )
    data = b"" if body is None else json.dumps(body).encode()
    fields = ("Content-Type: application/json",)
    method = "POST" if data else "GET"
    with RawClient(proxy.ports[0]) as client:
        client.send(raw_request(method, path, *fields, body=data))
        kept = client.answer()
        client.send(raw_request(method, path, "Connection: close", *fields, body=data))
        (last,) = client.answers()
    assert kept is not None
    assert (kept.status, kept.all("connection")) == (status, [])
    assert (last.status, last.all("connection")) == (status, ["close"])
