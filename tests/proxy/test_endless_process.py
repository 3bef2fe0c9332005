"""Upstreams whose answers do not come to an end, on a real mitmdump: each is given up.

What the proxy has taken by then is bounded, and so is what a few bytes unpack to.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, completion, events, sse, text_deltas, text_stream
from tests.support.endless import EndlessService
from tests.support.oracle import check_stream
from tests.support.proxy import REVERSE, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Reply, json_reply, stream_reply
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
OTHER_KEY: Final = "sk-the-key-of-an-account-somewhere-else"

MIB: Final = 1024 * 1024
IN_THE_POST: Final = 16 * MIB
"""What the two ends of a connection may hold between them."""

OK: Final = b"HTTP/1.1 200 OK\r\n"
EVENTS: Final = OK + b"content-type: text/event-stream\r\n"
WHOLE: Final = OK + b"content-type: application/json\r\n"
BUSY: Final = b"HTTP/1.1 429 No\r\nretry-after: 900\r\n"
BEGUN: Final = b"".join(map(sse, text_deltas("Hel")))


@dataclass(frozen=True, slots=True)
class Endless:
    """What is said once, what is said for ever, and how much of it is taken."""

    beginning: bytes
    again: bytes
    most: int = MIB


BEFORE_AN_ANSWER: Final = {
    "header": Endless(OK + b"x-long: ", b"x"),
    "head": Endless(OK, b"x-many: 1\r\n"),
    "first line": Endless(b"HTTP/1.1 200 ", b"O"),
    "waiting for the answer": Endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "chunk's length": Endless(EVENTS + b"transfer-encoding: chunked\r\n\r\n", b"0"),
    "refusal": Endless(BUSY + b"\r\n", b"No. ", 2 * MIB),
    "answer in one piece": Endless(WHOLE + b"\r\n", b'{"choices": ', 33 * MIB),
    "first event": Endless(EVENTS + b"\r\n", b": still thinking\n", 17 * MIB),
    "first line of an event": Endless(EVENTS + b"\r\n", b"data: x", 17 * MIB),
}


@pytest.mark.parametrize("endless", BEFORE_AN_ANSWER.values(), ids=BEFORE_AN_ANSWER)
def test_the_next_account_serves(
    endless: Endless, upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.replies(stream_reply(events(text_stream("Hello"))))
    with EndlessService(endless.beginning, endless.again) as service:
        accounts = [
            api_key_account(OTHER_KEY, service.base_url, priority=-1),
            api_key_account(KEY, upstream.base_url),
        ]
        proxy = start_mitm(Setup(accounts=accounts, modes=[REVERSE]))
        with recorder.client() as client:
            body = {"model": MODEL, "input": "Hi", "stream": True}
            answer = client.post(f"{proxy.base_url}/responses", json=body)
    assert check_stream(answer.content).outcome.text == "Hello"
    assert answer.headers["x-qwen-attempts"] == "2"
    assert max(service.said) <= endless.most + IN_THE_POST


IN_A_STREAM: Final = {
    "comments": Endless(EVENTS + b"\r\n" + BEGUN, b": still thinking\n", 17 * MIB),
    "an event": Endless(EVENTS + b"\r\n" + BEGUN + b"data: ", b"x", 17 * MIB),
    "a chunk's length": Endless(
        EVENTS + b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(BEGUN), BEGUN),
        b"0",
    ),
}


@pytest.mark.parametrize("endless", IN_A_STREAM.values(), ids=IN_A_STREAM)
def test_a_stream_that_goes_on_without_a_word_is_ended(
    endless: Endless, start_mitm: StartMitm, recorder: Recorder
) -> None:
    with EndlessService(endless.beginning, endless.again) as service:
        accounts = [api_key_account(KEY, service.base_url)]
        proxy = start_mitm(Setup(accounts=accounts, modes=[REVERSE]))
        with recorder.client() as client:
            body = {"model": MODEL, "input": "Hi", "stream": True}
            answer = client.post(f"{proxy.base_url}/responses", json=body)
    outcome = check_stream(answer.content).outcome
    assert (outcome.status, outcome.text) == ("failed", "Hel")
    assert max(service.said) <= endless.most + IN_THE_POST


def packed(beginning: bytes, again: bytes, mebibytes: int) -> bytes:
    """``beginning``, and so much of ``again``, in gzip."""
    coder = zlib.compressobj(9, wbits=31)
    pieces = [coder.compress(beginning)]
    pieces += [coder.compress(again * (MIB // len(again))) for _ in range(mebibytes)]
    return b"".join([*pieces, coder.flush()])


def bomb(status: int, content_type: str, beginning: bytes, again: bytes) -> Reply:
    body = packed(beginning, again, 512)
    fields = (
        ("content-type", content_type),
        ("content-encoding", "gzip"),
        ("content-length", str(len(body))),
    )
    return Reply(status, fields, (body,))


BOMBS: Final = {
    "in one piece": bomb(200, "application/json", b'{"choices": "', b"x"),
    "as a stream": bomb(200, "text/event-stream", b"", b": still thinking..."),
    "as a refusal": bomb(429, "application/json", b'{"error": "', b"x"),
}


@pytest.mark.parametrize("reply", BOMBS.values(), ids=BOMBS)
def test_half_a_gibibyte_in_a_few_bytes_is_not_unpacked(
    reply: Reply, upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.replies(reply, json_reply(completion("Hi")))
    accounts = [
        api_key_account(OTHER_KEY, upstream.base_url, priority=-1),
        api_key_account(KEY, upstream.base_url),
    ]
    proxy = start_mitm(Setup(accounts=accounts, modes=[REVERSE]))
    before = proxy.left().resident
    with recorder.client() as client:
        body = {"model": MODEL, "input": "Hi"}
        answer = client.post(f"{proxy.base_url}/responses", json=body)
    assert answer.headers["x-qwen-attempts"] == "2"
    assert proxy.left().resident - before < 256 * MIB
