"""Upstreams that say something before they answer: 1xx (RFC 9110 §15.2), on a real mitmdump."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, completion, events, text_stream
from tests.support.oracle import check_response, check_stream
from tests.support.proxy import MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import json_reply, stream_reply
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Upstream

PORTAL: Final = "https://portal.qwen.ai/v1/responses"
KEY: Final = "sk-the-real-key-of-the-account-1234"
OTHER: Final = "sk-the-real-key-of-another-account-5678"
STREAM: Final = stream_reply(events(text_stream("Hel", "lo")))
WHOLE: Final = json_reply(completion("Hello"))


@dataclass(frozen=True, slots=True)
class Rig:
    """A proxy with one account, and the upstream that the account leads to."""

    proxy: MitmProcess
    upstream: Upstream
    http2: bool

    def ask(self, recorder: Recorder, *, stream: bool) -> httpx2.Response:
        """On the way that HTTP/2 takes from one end to the other, if it is to."""
        proxy, ca = self.proxy.url("regular"), self.proxy.ca
        with recorder.client(proxy=proxy, ca=ca, http2=self.http2) as client:
            return client.post(PORTAL, json={"model": MODEL, "input": "Hi", "stream": stream})


@pytest.fixture(scope="module", params=[False, True], ids=["HTTP/1.1", "HTTP/2"])
def rig(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    confdir: Path,
    upstream_ca: CertificateAuthority,
) -> Iterator[Rig]:
    with Upstream(tls=upstream_ca, http2=request.param) as upstream:
        setup = Setup(
            accounts=[api_key_account(KEY, upstream.base_url)],
            options={"ssl_verify_upstream_trusted_ca": str(upstream_ca.certificate)},
        )
        with MitmProcess(tmp_path_factory.mktemp("mitm"), setup, confdir=confdir) as proxy:
            yield Rig(proxy, upstream, request.param)
        versions = {seen.http_version for seen in upstream.requests}
        assert versions == {"HTTP/2" if request.param else "HTTP/1.1"}


@pytest.mark.parametrize("interim", [(100,), (103,), (102, 102, 103)], ids=str)
def test_the_answer_behind_it_is_what_counts(
    interim: tuple[int, ...], rig: Rig, recorder: Recorder
) -> None:
    rig.upstream.replies(replace(STREAM, interim=interim), replace(WHOLE, interim=interim))

    streamed, whole = rig.ask(recorder, stream=True), rig.ask(recorder, stream=False)

    assert check_stream(streamed.content).outcome.text == "Hello"
    assert check_response(whole.json())["status"] == "completed"
    assert {answer.headers["x-qwen-attempts"] for answer in (streamed, whole)} == {"1"}


def test_a_change_of_protocol_that_nobody_asked_for_is_no_answer(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    accounts = [
        api_key_account(KEY, upstream.base_url, priority=-1),
        api_key_account(OTHER, upstream.base_url),
    ]
    proxy = start_mitm(Setup(accounts=accounts))
    upstream.replies(replace(STREAM, interim=(101,)), STREAM)

    with recorder.client() as client:
        body = {"model": MODEL, "input": "Hi", "stream": True}
        answer = client.post(f"{proxy.base_url}/responses", json=body)

    assert check_stream(answer.content).outcome.text == "Hello"
    assert [request.token for request in upstream.requests] == [KEY, OTHER]
