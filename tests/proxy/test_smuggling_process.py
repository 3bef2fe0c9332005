"""Requests and answers that could be read in two ways, byte for byte, on a real mitmdump.

However they are written, the service behind the accounts sees no request but what the client was
answered for, and no header that somebody wrote into another's value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, Json, completion, events, text_stream
from tests.support.proxy import MitmProcess, Setup
from tests.support.raw_client import Answer, RawClient, raw_request
from tests.support.recorder import Recorder
from tests.support.replies import Reply, json_reply, stream_reply
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
BODY: Final = json.dumps({"model": MODEL, "input": "Hi"}).encode()
SMUGGLED: Final = b"GET /v1/smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CHUNKS: Final = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
END: Final = "Connection: close"


@pytest.fixture(scope="module", params=["true", "false"], ids=["checked", "unchecked"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, confdir: Path
) -> Iterator[tuple[MitmProcess, Upstream]]:
    """A reverse listener; mitmproxy itself checks what comes in, or does not."""
    with Upstream() as upstream:
        setup = Setup(
            accounts=[api_key_account(KEY, upstream.base_url)],
            modes=[f"reverse:http://127.0.0.1:{upstream.port}"],
            options={"validate_inbound_headers": request.param},
        )
        with MitmProcess(tmp_path_factory.mktemp("mitm"), setup, confdir=confdir) as proxy:
            yield proxy, upstream


def exchanged(world: tuple[MitmProcess, Upstream], data: bytes) -> tuple[list[Answer], Upstream]:
    """What the client is told until the connection ends, and where it is seen what came of it."""
    proxy, upstream = world
    upstream.reset()
    upstream.answers(lambda _: json_reply(completion("Hi")))
    with RawClient(proxy.ports[0]) as client:
        client.send(data)
        return client.answers(), upstream


def two_lengths(path: str, *fields: str, body: bytes) -> bytes:
    head = "\r\n".join([f"POST {path} HTTP/1.1", "Host: 127.0.0.1", END, *fields, "", ""])
    return head.encode() + body


LENGTH: Final = f"Content-Length: {len(BODY)}"
CHUNKED: Final = "Transfer-Encoding: chunked"
TWO_WAYS: Final = {
    "a length and chunks": two_lengths("{}", LENGTH, CHUNKED, body=CHUNKS),
    "chunks and a length": two_lengths("{}", CHUNKED, "Content-Length: 4", body=CHUNKS),
    "two lengths": two_lengths("{}", LENGTH, "Content-Length: 0", body=BODY + SMUGGLED),
    "a list of lengths": two_lengths("{}", f"Content-Length: {len(BODY)}, 0", body=BODY),
    "a length with a sign": two_lengths("{}", f"Content-Length: +{len(BODY)}", body=BODY),
    "chunks under another name": two_lengths(
        "{}", LENGTH, "Transfer-Encoding: xchunked", body=BODY
    ),
    "chunks twice": two_lengths("{}", CHUNKED, CHUNKED, body=CHUNKS),
    "chunks, then not": two_lengths("{}", "Transfer-Encoding: chunked, identity", body=CHUNKS),
    "a space before the colon": two_lengths("{}", "Transfer-Encoding : chunked", body=CHUNKS),
    "a space before the name": two_lengths("{}", LENGTH, " Transfer-Encoding: chunked", body=BODY),
    "a lone carriage return": two_lengths(
        "{}", LENGTH, "X: a\rTransfer-Encoding: chunked", body=BODY
    ),
}


@pytest.mark.parametrize("data", TWO_WAYS.values(), ids=TWO_WAYS)
@pytest.mark.parametrize("path", ["/v1/responses", "/v1/files"])
def test_nothing_follows_it(path: str, data: bytes, world: tuple[MitmProcess, Upstream]) -> None:
    """Refused, or read in one way: then the service has seen it once, with a body of one length."""
    answers, upstream = exchanged(world, data.replace(b"{}", path.encode(), 1) + SMUGGLED)
    assert all(answer.status in (200, 400, 502) for answer in answers), answers
    seen = [request.path for request in upstream.requests]
    assert seen.count("/v1/smuggled") <= max(0, len(answers) - 1)
    assert len(seen) <= sum(answer.status == 200 for answer in answers)
    for request in upstream.requests:
        assert request.header("transfer-encoding") is None or path == "/v1/files"
        assert SMUGGLED not in request.body


def test_what_comes_behind_a_question_for_the_models_is_no_request(
    world: tuple[MitmProcess, Upstream],
) -> None:
    """Some servers take the body of a GET for the next request."""
    data = raw_request("GET", "/v1/models", END, body=SMUGGLED)
    (answer,), upstream = exchanged(world, data)
    assert answer.status == 200
    (request,) = upstream.requests
    assert (request.path, request.body) == ("/v1/models", b"")


ODD: Final = {
    "a tab in the address": b"GET /v1/models\tx HTTP/1.1\r\nHost: a\r\n\r\n",
    "a nul in the address": b"GET /v1/\x00models HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method that is no word": b"GE(T /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "a version that nobody knows": b"GET /v1/models HTTP/1.7\r\nHost: a\r\n\r\n",
    "a nul in a header": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_an_odd_head_is_turned_away(data: bytes, world: tuple[MitmProcess, Upstream]) -> None:
    proxy, upstream = world
    upstream.reset()
    with RawClient(proxy.ports[0]) as client:
        client.send(data)
        answer = client.answer()
    assert answer is None or answer.status == 400
    assert upstream.requests == []


# What others write into what becomes a header, or a line of the log

LINES: Final = "a\r\nSet-Cookie: stolen=1\r\n\r\nHTTP/1.1 200 OK\r\n\x00\x1b[2Jü"


def ask(proxy: MitmProcess, recorder: Recorder, path: str, **fields: object) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    said: Json = {"input": "Hi"} if path == "responses" else {"messages": messages}
    with recorder.client() as client:
        client.post(f"{proxy.base_url}/{path}", json={"model": MODEL, **said, **fields})


@pytest.mark.parametrize("path", ["responses", "chat/completions"])
def test_a_label_and_a_model_write_no_header(
    path: str, upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.answers(lambda _: json_reply(completion("Hi")))
    account = api_key_account(KEY, upstream.base_url, label='Grün, ": 🔑')
    proxy = start_mitm(Setup(accounts=[account], saves_flows=True))
    for fields in ({}, {"model": LINES}, {"user": LINES}):
        ask(proxy, recorder, path, **fields)
        assert recorder.last.status == 200
        assert "set-cookie" not in recorder.last.headers
        name = recorder.last.headers["x-qwen-account"]
        assert name.isascii()
        assert name.isprintable()
    assert not any("stolen" in str(request.headers) for request in upstream.requests)
    proxy.stop()
    assert not any(line.startswith("Set-Cookie") for line in proxy.log.splitlines())
    assert "\x1b" not in proxy.log


SEVERAL_LINES: Final[list[Json]] = [{"label": LINES}, {"id": LINES}, {"modelMap": {"m": LINES}}]


@pytest.mark.parametrize("fields", SEVERAL_LINES, ids=str)
def test_an_account_that_writes_several_lines_in_one_is_left_out(
    fields: Json, upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    account = api_key_account(KEY, upstream.base_url, **fields)
    proxy = start_mitm(Setup(accounts=[account]))
    ask(proxy, recorder, "responses")
    assert recorder.last.status == 401
    proxy.stop()
    assert "stolen" not in proxy.log


OWN: Final = (
    ("x-qwen-account", "another"),
    ("x-qwen-attempts", "99"),
    ("X-Qwen-Anything", "yes"),
    ("set-cookie", "qwen=stolen; path=/"),
    ("access-control-allow-origin", "*"),
    ("access-control-allow-credentials", "true"),
    ("clear-site-data", '"*"'),
    ("refresh", "0; url=https://evil.example"),
    ("x-request-id", "req-1"),
    ("x-ratelimit-remaining-requests", "7"),
)


@pytest.mark.parametrize("path", ["responses", "chat/completions"])
@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("stream", [False, True])
def test_a_service_cannot_speak_for_the_proxy(
    path: str,
    status: int,
    stream: bool,
    upstream: Upstream,
    start_mitm: StartMitm,
    recorder: Recorder,
) -> None:
    if status == 200 and stream:
        reply: Reply = stream_reply(events(text_stream("Hi")), headers=dict(OWN))
    else:
        reply = json_reply(completion("Hi"), status, headers=dict(OWN))
    upstream.replies(reply)
    account = api_key_account(KEY, upstream.base_url, label="mine")
    ask(start_mitm(Setup(accounts=[account])), recorder, path, stream=stream)
    headers = recorder.last.headers
    assert recorder.last.status == status
    assert (headers["x-qwen-account"], headers["x-qwen-attempts"]) == ("mine", "1")
    for name in ("x-qwen-anything", "set-cookie", "access-control-allow-origin", "refresh"):
        assert name not in headers
    assert headers["x-request-id"] == "req-1"
