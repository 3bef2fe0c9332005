"""Who else looks on sees all of it: another addon, and a flow that keeps its stream."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import httpx2
import pytest
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowReader

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, events, text_stream
from tests.support.mitm_context import mitm_context
from tests.support.oracle import check_stream
from tests.support.proxy import ROOT, MitmProcess, Setup
from tests.support.replies import stream_reply
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"

ONLOOKER: Final = """
from addon.proxy.addon import QwenProxy

class Onlooker:
    def responseheaders(self, flow):
        translate = flow.response.stream

        def look_on(data):
            made = translate(data)
            for line in bytes(made or b"").splitlines():
                if line.startswith(b"event: "):
                    print("seen:", line.decode(), flush=True)
            return made

        flow.response.stream = look_on

addons = [QwenProxy(), Onlooker()]
"""

WITNESS: Final = """
from addon.proxy.addon import QwenProxy

class Witness:
    def requestheaders(self, flow):
        print("called: requestheaders", flush=True)

    async def request(self, flow):
        print("called: request", flush=True)

    def responseheaders(self, flow):
        print("called: responseheaders", flush=True)

    def response(self, flow):
        print("called: response", flush=True)

class Holder:
    addons = [Witness()]

    def update(self, flows):
        print("called: update", flush=True)

    def add_log(self, entry):
        if "/v1/responses" in entry.msg:
            print("called: add_log", flush=True)

addons = [QwenProxy(), Holder()]
"""


def has_option(name: str) -> bool:
    with mitm_context(Proxyserver()) as context:
        return name in context.options


def beside(others: str, folder: Path, upstream: Upstream) -> Setup:
    """A proxy whose script is ``others``, which loads the addon too."""
    script = folder / "script.py"
    script.write_text(others, "utf-8")
    accounts = [api_key_account(KEY, upstream.base_url)]
    return Setup(accounts=accounts, script=script, env={"PYTHONPATH": str(ROOT)})


def ask(proxy: MitmProcess, upstream: Upstream) -> bytes:
    """The answer, whose events come one by one."""
    upstream.replies(stream_reply(events(text_stream("Hel", "lo", " there"))))
    body = {"model": MODEL, "input": "Hi", "stream": True}
    with httpx2.Client(trust_env=False) as client:
        answer = client.post(f"{proxy.base_url}/responses", json=body)
    assert check_stream(answer.content).response["status"] == "completed"
    return answer.content


def test_another_addon_may_put_its_function_on_the_stream(
    upstream: Upstream, start_mitm: StartMitm, tmp_path: Path
) -> None:
    proxy = start_mitm(beside(ONLOOKER, tmp_path, upstream))
    ask(proxy, upstream)
    for event in ("response.created", "response.output_text.delta"):
        proxy.wait_for_log(f"seen: event: {event}")


def test_another_addon_is_called_at_every_hook(
    upstream: Upstream, start_mitm: StartMitm, tmp_path: Path
) -> None:
    proxy = start_mitm(beside(WITNESS, tmp_path, upstream))
    ask(proxy, upstream)
    proxy.wait_for_log("called: add_log")
    proxy.stop()
    called = [
        line.removeprefix("called: ") for line in proxy.log.splitlines() if "called: " in line
    ]
    hooks = ("requestheaders", "request", "responseheaders", "response")
    # the log is told of as soon as the loop gets to it
    assert [each for each in called if each != "add_log"] == [
        name for hook in hooks for name in (hook, "update")
    ]
    assert called.count("add_log") == 1


@pytest.mark.skipif(not has_option("store_streamed_bodies"), reason="mitmproxy 12 has it")
def test_a_flow_may_keep_the_stream(upstream: Upstream, start_mitm: StartMitm) -> None:
    accounts = [api_key_account(KEY, upstream.base_url)]
    options = {"store_streamed_bodies": "true"}
    proxy = start_mitm(Setup(accounts=accounts, options=options, saves_flows=True))
    answer = ask(proxy, upstream)
    proxy.stop()
    with proxy.flows_file.open("rb") as file:
        (flow,) = FlowReader(file).stream()
    assert isinstance(flow, HTTPFlow)
    assert flow.response is not None
    kept = flow.response.raw_content
    assert kept
    assert answer.startswith(kept)  # the events of the end come after it
