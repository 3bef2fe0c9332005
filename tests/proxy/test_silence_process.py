"""An upstream that falls silent is found out on whatever way its client came."""

from __future__ import annotations

import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, events, sse, text_deltas, text_stream
from tests.support.oracle import check_stream
from tests.support.proxy import REGULAR, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Ending, broken, stream_reply
from tests.support.upstream import Upstream

PORTAL = "https://portal.qwen.ai/v1/responses"
OPTIONS = {"qwen_first_byte_timeout_seconds": "1", "qwen_idle_timeout_seconds": "1"}


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_behind_a_connect_too(
    http2: bool, start_mitm: StartMitm, upstream: Upstream, recorder: Recorder
) -> None:
    keys = ("sk-the-first-key-of-an-account-0123", "sk-the-second-key-of-an-account-4567")
    accounts = [api_key_account(key, upstream.base_url) for key in keys]
    proxy = start_mitm(Setup(accounts=accounts, modes=[REGULAR], options=OPTIONS))
    upstream.replies(
        broken(Ending.HANG),
        stream_reply(events(text_stream("Hel", "lo"))),
        stream_reply(map(sse, text_deltas("Hel")), ending=Ending.HANG),
    )
    body = {"model": MODEL, "input": "Hi", "stream": True}
    with recorder.client(
        proxy=f"http://127.0.0.1:{proxy.ports[0]}", ca=proxy.ca, http2=http2
    ) as client:
        served = client.post(PORTAL, json=body)
        assert check_stream(served.content).outcome.text == "Hello"
        assert served.headers["x-qwen-attempts"] == "2"
        cut = client.post(PORTAL, json=body)
        assert check_stream(cut.content).outcome.status == "failed"
