"""Upstreams, clients and options that would lead a token astray, or the proxy out of its mind.

That no secret stands in the log or in the saved flows is judged at the end of every process.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Final

import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import (
    MODEL,
    Json,
    ToolCall,
    call_stream,
    completion,
    events,
    sse,
    text_deltas,
    text_stream,
)
from tests.support.oracle import check_response, check_stream
from tests.support.proxy import MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Ending, Reply, json_reply, refusal, stream_reply
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
OTHER_KEY: Final = "sk-the-key-of-an-account-somewhere-else"
SHOWN: Final = "sk-t...1234"
ECHO: Final = f"Incorrect API key provided: {KEY}."
ERROR: Final = sse({"error": {"message": ECHO, "code": KEY}})


@contextlib.contextmanager
def speaking(data: bytes) -> Iterator[str]:
    """The base URL of a service that says ``data`` to whatever it is asked, and hangs up."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def proxy(upstream: Upstream, start_mitm: StartMitm) -> MitmProcess:
    accounts = [api_key_account(KEY, upstream.base_url)]
    return start_mitm(Setup(accounts=accounts, saves_flows=True))


def ask(proxy: MitmProcess, recorder: Recorder, **fields: object) -> bytes:
    with recorder.client() as client:
        body = {"model": MODEL, "input": "Hi", **fields}
        return client.post(f"{proxy.base_url}/responses", json=body).content


ECHOES: Final[dict[str, Reply]] = {
    "in a refusal": refusal(400, "invalid_api_key", ECHO),
    "in a page": Reply(400, (("content-type", "text/html"),), (ECHO.encode(),)),
    "as the first event": stream_reply([ERROR]),
    "in the middle of a stream": stream_reply([*map(sse, text_deltas("Hel")), ERROR]),
    "in what the model says": stream_reply(events(text_stream("Hel", ECHO))),
    "in a call's arguments": stream_reply(
        events(call_stream(ToolCall("call-1", "run", json.dumps([KEY, "x" * 2 * len(KEY)]))))
    ),
    "in a packed refusal": json_reply({"error": {"message": ECHO}}, 400, encoding="gzip"),
    "in a packed stream": stream_reply(events(text_stream("Hel", ECHO)), encoding="br"),
    "in a header": json_reply({}, 400, headers={"x-request-id": KEY}),
}


@pytest.mark.parametrize("reply", ECHOES.values(), ids=ECHOES)
def test_a_token_that_the_upstream_repeats_is_masked(
    reply: Reply, proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.answers(lambda _: reply)
    answer = ask(proxy, recorder, stream=True)
    assert KEY.encode() not in answer
    assert SHOWN in f"{answer.decode()} {recorder.last.headers}"
    assert KEY not in str(recorder.last.headers)


BROKEN: Final[dict[str, bytes]] = {
    "no HTTP": b"\x16\x03\x01\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-ty",
    "no chunks": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\n\r\nZZ\r\n",
    "no chunks in a refusal": b"HTTP/1.1 429 No\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_no_http_falls_over_and_its_end_is_not_taken_for_the_next_ones(
    data: bytes, upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.replies(stream_reply(events(text_stream("Hello"))))
    with speaking(data) as broken_url:
        accounts = [
            api_key_account(OTHER_KEY, broken_url, priority=-1),
            api_key_account(KEY, upstream.base_url),
        ]
        answer = ask(start_mitm(Setup(accounts=accounts)), recorder, stream=True)
    assert check_stream(answer).outcome.text == "Hello"
    assert recorder.last.headers["x-qwen-attempts"] == "2"


@pytest.mark.parametrize("encoding", [None, "gzip", "zstd"])
def test_a_token_that_is_repeated_in_an_untouched_answer_is_masked_too(
    encoding: str | None, proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.replies(json_reply({"error": {"message": ECHO}}, 400, encoding=encoding))
    with recorder.client() as client:
        messages = [{"role": "user", "content": "Hi"}]
        body: Json = {"model": MODEL, "messages": messages}
        answer = client.post(f"{proxy.base_url}/chat/completions", json=body)
    assert answer.json()["error"]["message"] == ECHO.replace(KEY, SHOWN)


def test_a_request_that_another_addon_moves_goes_without_the_token(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    with Upstream() as elsewhere:
        elsewhere.replies(json_reply(completion("Hi")))
        moved = f"|{upstream.base_url}|{elsewhere.base_url}"
        setup = Setup(
            accounts=[api_key_account(KEY, upstream.base_url)], options={"map_remote": moved}
        )
        ask(start_mitm(setup), recorder)
        assert [request.token for request in elsewhere.requests] == [SHOWN]


def test_a_refusal_that_is_cut_keeps_what_its_head_said(
    proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    head = (("content-length", "99"), ("retry-after", "900"))
    upstream.replies(Reply(429, head, (b'{"error',), Ending.CUT))
    ask(proxy, recorder)
    assert recorder.last.status == 429
    assert 890 <= int(recorder.last.headers["retry-after"]) <= 900


def test_a_stream_that_is_cut_after_done_is_complete(
    proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.replies(stream_reply(events(text_stream("Hi")), ending=Ending.CUT))
    assert check_stream(ask(proxy, recorder, stream=True)).outcome.status == "completed"


def test_a_head_that_cannot_be_read_harms_no_other_request(
    proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    two_lengths = (("content-length", "2"), ("transfer-encoding", "chunked"))
    upstream.replies(Reply(200, two_lengths, (b"{}",)), json_reply(completion("Hi")))
    ask(proxy, recorder)
    assert recorder.last.status == 502
    ask(proxy, recorder)
    check_response(recorder.last.response())


def test_a_model_cannot_write_lines_of_its_own_into_the_log(
    proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.answers(lambda _: refusal(404, "model_not_found", "No\n[00:00:00.000] forged"))
    ask(proxy, recorder, model="m\n[00:00:00.000] forged")
    proxy.wait_for_log("model_not_found")
    assert not any(line.startswith("[00:00:00.000] forged") for line in proxy.log.splitlines())
