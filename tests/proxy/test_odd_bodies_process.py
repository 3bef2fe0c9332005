"""Bodies that are no answer, under every label, through a real mitmdump.

Whatever a service sends with a 200: the client gets an answer of OpenAI's shape, an error of
OpenAI's shape, or ``response.failed``, and the service's own words are in it.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, completion, events, sse, text_stream
from tests.support.oracle import check_response, check_stream
from tests.support.proxy import REVERSE, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Reply, json_reply
from tests.support.upstream import Upstream

ACCOUNTS: Final = 100
"""So many take turns that the breaker opens on none."""

LABELS: Final = ("text/event-stream", "application/json", "text/plain", None)

ERROR: Final = b'{"error": {"message": "the engine fell over", "code": "internal_error"}}'
ODD: Final[dict[str, tuple[bytes, str]]] = {
    "nothing": (b"", ""),
    "a page": (b"<html><title>busy, come back later</title></html>", "busy, come back later"),
    "plain words": (b"no capacity at the moment", "no capacity at the moment"),
    "an error": (ERROR, "the engine fell over"),
    "an error as an event": (b"data: " + ERROR + b"\n\n", "the engine fell over"),
    "an error as a word": (b'{"error": "the engine fell over"}', "the engine fell over"),
    "a code and a message": (b'{"code": "X", "message": "fell over"}', "fell over"),
    "no choices": (b'{"object": "chat.completion", "choices": []}', ""),
    "no object": (b"[1, 2]", ""),
    "half an object": (b'{"choices": [{"mess', ""),
    "half an event": (b'data: {"choices": [{"del', ""),
    "an event without choices": (b'data: {"status": "the engine is tired"}\n\n', "is tired"),
    "no text": (b"\xff\xfe\x00\x01", ""),
}


@dataclass(frozen=True, slots=True)
class Line:
    proxy: MitmProcess
    upstream: Upstream
    recorder: Recorder

    def send(
        self, body: bytes, label: str | None, *, stream: bool, coding: str | None = None
    ) -> httpx2.Response:
        self.upstream.reset()
        named = {"content-type": label, "content-encoding": coding}
        headers = tuple((name, value) for name, value in named.items() if value)
        self.upstream.replies(Reply(200, headers, (body,) if body else ()))
        with self.recorder.client() as client:
            request = {"model": MODEL, "input": "Hi", "stream": stream}
            return client.post(f"{self.proxy.base_url}/responses", json=request)


@pytest.fixture(scope="module")
def started(
    tmp_path_factory: pytest.TempPathFactory, confdir: Path
) -> Iterator[tuple[MitmProcess, Upstream]]:
    with Upstream() as upstream:
        accounts = [
            api_key_account(f"sk-key-{number:020}", upstream.base_url) for number in range(ACCOUNTS)
        ]
        options = {"qwen_max_attempts": "1", "qwen_rotation_strategy": "round-robin"}
        setup = Setup(accounts=accounts, modes=[REVERSE], options=options)
        folder = tmp_path_factory.mktemp("odd")
        with MitmProcess(folder, setup, confdir=confdir) as proxy:
            yield proxy, upstream


@pytest.fixture
def line(started: tuple[MitmProcess, Upstream], recorder: Recorder) -> Line:
    return Line(*started, recorder)


def failure(answer: httpx2.Response) -> str:
    """The message of the failure that ``answer`` is, in one of the shapes that clients read."""
    if answer.status_code == 200:
        response: Any = check_stream(answer.content).response
        assert response["status"] == "failed"
        return str(response["error"]["message"])
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert answer.status_code >= 500
    return str(error["message"])


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(("body", "words"), ODD.values(), ids=list(ODD))
def test_a_body_that_is_no_answer_is_a_failure_in_the_services_words(
    line: Line, body: bytes, words: str, label: str | None, stream: bool
) -> None:
    message = failure(line.send(body, label, stream=stream))
    assert message
    assert words in message


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_an_answer_under_a_wrong_label_is_an_answer(
    line: Line, label: str | None, stream: bool
) -> None:
    whole = json_reply(completion("Hello")).pieces[0]
    streamed = b"".join(events(text_stream("Hel", "lo")))
    assert isinstance(whole, bytes)
    for body in (whole, streamed, sse({"choices": []}) + streamed):
        answer = line.send(body, label, stream=stream)
        assert answer.status_code == 200
        if stream:
            assert check_stream(answer.content).outcome.text == "Hello"
        else:
            assert check_response(answer.json())["status"] == "completed"


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_an_answer_in_several_gzip_members_is_read_to_its_end(
    line: Line, label: str | None, stream: bool
) -> None:
    members = b"".join(map(gzip.compress, events(text_stream("Hel", "lo"))))
    answer = line.send(members, label, stream=stream, coding="gzip")
    assert answer.status_code == 200
    assert "Hello" in answer.text


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_a_body_that_is_not_in_its_coding_is_no_answer(
    line: Line, label: str | None, stream: bool
) -> None:
    answer = line.send(b"data: plain\n\n", label, stream=stream, coding="gzip")
    assert "gzip" in failure(answer)
    assert answer.json()["error"]["code"] == "upstream_invalid_response"
