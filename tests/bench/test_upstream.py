"""The scripted upstream says what its scripts say, an event a chunk."""

from __future__ import annotations

import http.client
import json
import socket

import pytest

from tests.bench.answers import Script
from tests.bench.asking import Api, body
from tests.bench.rounds import Bench


def post(port: int, path: str, request: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, request)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("script", [Script(1), Script(40), Script(20, per_second=500)])
def test_it_plays_the_script_that_the_model_names(bench: Bench, script: Script) -> None:
    status, answer = post(bench.upstream.port, Api.CHAT.value, body(Api.CHAT, script))
    events = answer.decode().split("\n\n")[:-1]
    assert (status, len(events), events[-1]) == (200, script.event_count, "data: [DONE]")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert "".join(delta.get("content", "") for delta in deltas) == script.text
    assert chunks[-1]["usage"]["completion_tokens"] == script.pieces


def test_each_event_is_a_chunk_of_its_own(bench: Bench) -> None:
    script = Script(3)
    request = body(Api.CHAT, script).encode()
    head = f"POST {Api.CHAT.value} HTTP/1.1\r\ncontent-length: {len(request)}\r\n\r\n".encode()
    answer = b""
    with socket.create_connection(("127.0.0.1", bench.upstream.port), timeout=30) as client:
        client.sendall(head + request)
        while not answer.endswith(b"0\r\n\r\n"):
            answer += client.recv(65536)
    framed = [b"%x\r\n%s\r\n" % (len(event), event) for event in script.events()]
    assert answer.partition(b"\r\n\r\n")[2] == b"".join(framed) + b"0\r\n\r\n"


def test_another_path_is_not_found(bench: Bench) -> None:
    """So that nobody is measured who hands a Responses request on as it is."""
    status, _ = post(bench.upstream.port, Api.RESPONSES.value, body(Api.RESPONSES, Script(1)))
    assert status == http.HTTPStatus.NOT_FOUND
