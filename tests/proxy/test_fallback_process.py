"""On a mitmproxy whose internals have changed: one account a request, and all the rest works."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.conftest import StartMitm
from tests.support import changed_mitmproxy
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, completion, events, text_stream
from tests.support.live_page import Visitor
from tests.support.oracle import check_response, check_stream
from tests.support.proxy import MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import json_reply, refusal, stream_reply
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
OTHER: Final = "sk-the-real-key-of-another-account-5678"


@pytest.fixture
def proxy(upstream: Upstream, start_mitm: StartMitm) -> MitmProcess:
    accounts = [
        api_key_account(KEY, upstream.base_url, priority=-1),
        api_key_account(OTHER, upstream.base_url),
    ]
    script = Path(changed_mitmproxy.__file__)
    root = str(script.parents[2])
    return start_mitm(
        Setup(
            accounts=accounts,
            script=script,
            env={"PYTHONPATH": root},
            # nothing keeps mitmproxy from connecting early then
            options={"connection_strategy": "lazy"},
            saves_flows=True,
        )
    )


def ask(proxy: MitmProcess, recorder: Recorder, *, stream: bool) -> httpx2.Response:
    with recorder.client() as client:
        body = {"model": MODEL, "input": "Hi", "stream": stream}
        return client.post(f"{proxy.base_url}/responses", json=body)


def test_it_is_said_once_what_has_changed(proxy: MitmProcess) -> None:
    assert proxy.log.count("HttpStream.state_of_tomorrow") == 1


def test_a_stream_is_translated(proxy: MitmProcess, upstream: Upstream, recorder: Recorder) -> None:
    upstream.replies(stream_reply(events(text_stream("Hel", "lo"))))
    answer = ask(proxy, recorder, stream=True)
    assert check_stream(answer.content).outcome.text == "Hello"
    assert upstream.requests[0].token == KEY


def test_a_plain_answer_is_translated(
    proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.replies(json_reply(completion("Hello")))
    check_response(ask(proxy, recorder, stream=False).json())


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
def test_a_refusal_goes_to_the_client_with_the_time_to_wait(
    stream: bool, proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.replies(refusal(429, "x", "Slow down.", headers={"retry-after": "7"}))
    answer = ask(proxy, recorder, stream=stream)
    assert answer.status_code == 429
    assert answer.json()["error"]["message"] == "Slow down."
    assert answer.headers["retry-after"] == "7"
    assert len(upstream.requests) == 1


def test_an_error_in_disguise_ends_the_stream(
    proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.replies(stream_reply([b'data: {"error": {"message": "No."}}\n\n']))
    answer = ask(proxy, recorder, stream=True)
    assert check_stream(answer.content).outcome.status == "failed"


def test_the_live_page_asks_anew_where_nothing_can_go_on(proxy: MitmProcess) -> None:
    with Visitor(proxy, through_it=True) as visitor, visitor.news() as news:
        assert news.until("proxy")["pid"] == proxy.pid
        assert [event for event, _ in news]  # and that is all: the body ends
        assert visitor.do("disable", "nobody").status_code == 404


def test_a_reverse_listener_cannot_tell_by_which_name_it_was_asked_and_shows_nothing(
    proxy: MitmProcess,
) -> None:
    with httpx2.Client(trust_env=False) as client:
        answer = client.get(f"{proxy.url('reverse')}/_qwen/")
    assert answer.status_code == 403
