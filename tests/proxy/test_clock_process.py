"""The wall clock is set while requests are under way: none is taken for silent, or stuck."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.conftest import StartMitm
from tests.support import jumping_clock
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, events, text_stream
from tests.support.jumping_clock import BACK, ON
from tests.support.oracle import check_stream
from tests.support.proxy import REVERSE, ROOT, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Ending, broken, stream_reply
from tests.support.upstream import Upstream

KEY = "sk-the-key-of-an-account-in-a-strange-time"
PIECES = events(text_stream("Hel", "lo"))


def ask(proxy: MitmProcess, recorder: Recorder) -> httpx2.Response:
    with recorder.client() as client:
        body = {"model": MODEL, "input": "Hi", "stream": True}
        return client.post(f"{proxy.base_url}/responses", json=body)


@pytest.mark.parametrize("jump", [ON, BACK], ids=["an hour on", "an hour back"])
def test_a_stream_outlives_a_jump_of_the_clock_and_silence_is_found_all_the_same(
    jump: int, start_mitm: StartMitm, upstream: Upstream, recorder: Recorder
) -> None:
    proxy = start_mitm(
        Setup(
            accounts=[api_key_account(KEY, upstream.base_url)],
            modes=[REVERSE],
            script=Path(jumping_clock.__file__),
            env={"PYTHONPATH": str(ROOT)},
            options={"qwen_first_byte_timeout_seconds": "1"},
        )
    )
    gate = upstream.gate()
    upstream.replies(stream_reply([*PIECES[:2], gate, *PIECES[2:]]), broken(Ending.HANG))
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask, proxy, recorder)
        upstream.wait_for_requests(1)
        second = threads.submit(ask, proxy, recorder)
        upstream.wait_for_requests(2)
        proxy.send_signal(jump)
        # by the time that the second is given up, the first has been looked at as well
        assert second.result().json()["error"]["code"] == "upstream_timeout"
        gate.open()
        assert check_stream(first.result().content).outcome.text == "Hello"
