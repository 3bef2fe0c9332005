"""What an account's kind of service makes of a request, through a real mitmdump.

Which kind it is stands in the accounts file here: the upstream of a test is no known host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowReader

from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, Json, completion, events, text_stream
from tests.support.oracle import check_response
from tests.support.proxy import REVERSE, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Reply, json_reply, refusal, stream_reply
from tests.support.upstream import Request, Upstream

PLAIN: Final = "sk-plain-the-key-of-a-service-of-no-known-kind"
STUDIO: Final = "sk-studio-the-key-of-a-model-studio-account"
TOOL: Final[Json] = {
    "type": "function",
    "name": "go",
    "parameters": {
        "type": "object",
        "properties": {"where": {"$ref": "#/$defs/place"}, "how": {"const": "fast"}},
        "$defs": {"place": {"type": "string"}},
    },
    "strict": False,
}


@dataclass(frozen=True, slots=True)
class Rig:
    proxy: MitmProcess
    upstream: Upstream
    recorder: Recorder

    def ask(self, **fields: object) -> httpx2.Response:
        with self.recorder.client() as client:
            body = {"model": MODEL, "input": "Hi", **fields}
            return client.post(f"{self.proxy.base_url}/responses", json=body)

    def asked_of(self, key: str) -> list[Json]:
        return [request.json() for request in self.upstream.requests if request.token == key]


@pytest.fixture(scope="module")
def started(
    tmp_path_factory: pytest.TempPathFactory, confdir: Path
) -> Iterator[tuple[MitmProcess, Upstream]]:
    with Upstream() as upstream:
        accounts = [
            api_key_account(PLAIN, upstream.base_url, label="plain", priority=-1, models=["both"]),
            api_key_account(STUDIO, upstream.base_url, label="studio", profile="model-studio"),
        ]
        setup = Setup(accounts=accounts, modes=[REVERSE], saves_flows=True)
        folder = tmp_path_factory.mktemp("profiles")
        with MitmProcess(folder, setup, confdir=confdir) as proxy:
            yield proxy, upstream


@pytest.fixture
def rig(started: tuple[MitmProcess, Upstream], recorder: Recorder) -> Rig:
    proxy, upstream = started
    upstream.reset()
    return Rig(proxy, upstream, recorder)


def test_a_plain_answer_is_put_together_where_a_service_only_streams(rig: Rig) -> None:
    rig.upstream.replies(stream_reply(events(text_stream("Hel", "lo"))))
    answer = rig.ask()
    assert answer.headers["content-type"] == "application/json"
    assert check_response(answer.json())["status"] == "completed"
    assert answer.json()["output"][0]["content"][0]["text"] == "Hello"
    (asked,) = rig.asked_of(STUDIO)
    assert asked["stream"] is True
    assert asked["stream_options"] == {"include_usage": True}


def test_a_stream_that_breaks_off_before_a_plain_answer_is_whole_is_a_failure_of_the_service(
    rig: Rig,
) -> None:
    pieces = events(text_stream("Hel", "lo"), done=False)[:1]
    rig.upstream.answers(lambda _: stream_reply(pieces))
    answer = rig.ask()
    assert answer.status_code == 502
    assert "before the answer was complete" in answer.json()["error"]["message"]


def test_schemas_are_cleaned_for_a_service_that_refuses_keywords(rig: Rig) -> None:
    rig.upstream.replies(stream_reply(events(text_stream("Hi"))))
    rig.ask(tools=[TOOL], stream=True)
    (asked,) = rig.asked_of(STUDIO)
    tools: Any = asked["tools"]
    assert tools[0]["function"]["parameters"]["properties"] == {
        "where": {"type": "string"},
        "how": {"type": "string", "enum": ["fast"]},
    }


def test_effort_becomes_what_the_service_understands(rig: Rig) -> None:
    rig.upstream.replies(
        stream_reply(events(text_stream("Hi"))), stream_reply(events(text_stream("Hi")))
    )
    for effort in ("none", "high"):
        rig.ask(model="qwen-plus", reasoning={"effort": effort}, stream=True)
    off, on = rig.asked_of(STUDIO)
    assert off["enable_thinking"] is False
    assert on["enable_thinking"] is True
    assert on["thinking_budget"]
    assert "reasoning_effort" not in on


def test_a_request_is_rendered_anew_for_an_account_of_another_kind(rig: Rig) -> None:
    def answer(request: Request) -> Reply:
        if request.token == PLAIN:
            return refusal(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "0"})
        return stream_reply(events(text_stream("Hello")))

    rig.upstream.answers(answer)
    answered = rig.ask(model="both", reasoning={"effort": "low"})
    check_response(answered.json())
    assert answered.headers["x-qwen-account"] == "studio"
    (plain,), (studio,) = rig.asked_of(PLAIN), rig.asked_of(STUDIO)
    assert (plain["reasoning_effort"], "stream" in plain) == ("low", False)
    assert (studio["enable_thinking"], studio["stream"]) == (True, True)


def test_what_was_left_out_stands_in_the_comment_of_the_flow(
    start_profile: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.replies(json_reply(completion("Hi")))
    Rig(start_profile, upstream, recorder).ask(
        tools=[{"type": "web_search"}], truncation="auto", moderation={"model": "m"}
    )
    start_profile.stop()
    with start_profile.flows_file.open("rb") as file:
        (flow,) = [each for each in FlowReader(file).stream() if isinstance(each, HTTPFlow)]
    for note in ("dropped hosted tool web_search", "truncation is not done", "dropped moderation"):
        assert note in flow.comment


@pytest.fixture
def start_profile(tmp_path: Path, confdir: Path, upstream: Upstream) -> Iterator[MitmProcess]:
    accounts = [api_key_account(PLAIN, upstream.base_url)]
    setup = Setup(accounts=accounts, modes=[REVERSE], saves_flows=True)
    with MitmProcess(tmp_path, setup, confdir=confdir) as proxy:
        yield proxy
