"""The addon's script is loaded again while requests are under way: they end as they began."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, events, text_stream
from tests.support.oracle import check_stream
from tests.support.proxy import ADDON, REVERSE, ROOT, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Gate, refusal, stream_reply
from tests.support.upstream import Upstream

PIECES = events(text_stream("Hel", "lo"))
KEYS = ("sk-the-first-key-of-an-account-0123", "sk-the-second-key-of-an-account-4567")

Play = Callable[[Upstream, Gate], None]


def stopped_before_the_head(upstream: Upstream, gate: Gate) -> None:
    upstream.replies(stream_reply([gate, *PIECES]))


def stopped_in_mid_stream(upstream: Upstream, gate: Gate) -> None:
    upstream.replies(stream_reply([*PIECES[:2], gate, *PIECES[2:]]))


def stopped_before_a_refusal(upstream: Upstream, gate: Gate) -> None:
    refused = refusal(429, "rate_limit_exceeded", "Slow down.")
    held = stream_reply([gate, *refused.pieces], status=429)
    upstream.replies(held, stream_reply(PIECES))


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A copy of what mitmproxy loads: other proxies must not hear of it."""
    folder = tmp_path / "script"
    folder.mkdir()
    return Path(shutil.copy(ADDON, folder))


@pytest.fixture
def proxy(script: Path, upstream: Upstream, start_mitm: StartMitm) -> MitmProcess:
    accounts = [api_key_account(key, upstream.base_url) for key in KEYS]
    return start_mitm(
        Setup(accounts=accounts, modes=[REVERSE], script=script, env={"PYTHONPATH": str(ROOT)})
    )


def ask(proxy: MitmProcess, recorder: Recorder) -> httpx2.Response:
    with recorder.client() as client:
        body = {"model": MODEL, "input": "Hi", "stream": True}
        return client.post(f"{proxy.base_url}/responses", json=body)


@pytest.mark.parametrize(
    "play", [stopped_before_the_head, stopped_in_mid_stream, stopped_before_a_refusal]
)
def test_a_request_that_is_under_way_is_served_to_its_end(
    play: Play, script: Path, proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    gate = upstream.gate()
    play(upstream, gate)
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(ask, proxy, recorder)
        upstream.wait_for_requests(1)
        script.touch()
        proxy.wait_for_log("Loading script", times=3)
        gate.open()
        assert check_stream(asking.result().content).outcome.text == "Hello"
    # and those that come after it go by the new one
    upstream.replies(stream_reply(PIECES))
    assert check_stream(ask(proxy, recorder).content).outcome.text == "Hello"
    assert proxy.calm().is_at_rest


SLOW = """
import asyncio, logging
from pathlib import Path

async def requestheaders(flow):
    logging.warning("the head is held back")
    while not Path(__file__).with_name("go").exists():
        await asyncio.sleep(0.01)
"""


def test_a_request_whose_head_came_before_the_new_script_is_served_by_that(
    script: Path, upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    slow = script.with_name("slow.py")
    slow.write_text(SLOW)
    proxy = start_mitm(
        Setup(
            accounts=[api_key_account(KEYS[0], upstream.base_url)],
            modes=[REVERSE],
            scripts_before=[slow],
            script=script,
            env={"PYTHONPATH": str(ROOT)},
        )
    )
    upstream.replies(stream_reply(PIECES))
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(ask, proxy, recorder)
        proxy.wait_for_log("the head is held back")
        script.touch()
        proxy.wait_for_log("Loading script", times=4)
        script.with_name("go").touch()
        assert check_stream(asking.result().content).outcome.text == "Hello"
    assert upstream.requests[0].token == KEYS[0]
    assert proxy.calm().is_at_rest
