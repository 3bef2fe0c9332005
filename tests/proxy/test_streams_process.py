"""Every stream seen in the wild, sent through a real proxy: cut into bytes, HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.support.accounts import api_key_account
from tests.support.chat import MODEL
from tests.support.oracle import CheckedStream, check_stream
from tests.support.proxy import MitmProcess, Setup
from tests.support.replies import stream_reply
from tests.support.streams import STREAMS, Stream
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Upstream

ACCOUNTS: Final = 60
"""So many take turns that none is tired by the streams that fail."""

# A stream without a single event is no answer; what becomes of it is told by another test.
ANSWERS: Final = [stream for stream in STREAMS if stream.raw]


@dataclass(frozen=True, slots=True)
class Line:
    """A way from a client to an upstream."""

    upstream: Upstream
    client: httpx2.Client

    def send(self, pieces: list[bytes]) -> CheckedStream:
        """What the client gets where the upstream sends these pieces."""
        self.upstream.reset()
        self.upstream.replies(stream_reply(pieces))
        body = {"model": MODEL, "input": "Hi", "stream": True}
        answer = self.client.post("/responses", json=body)
        assert answer.status_code == 200, answer.text
        return check_stream(answer.content)


@pytest.fixture(scope="module", params=["HTTP/1.1", "HTTP/2"])
def line(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    confdir: Path,
    upstream_ca: CertificateAuthority,
) -> Iterator[Line]:
    """HTTP/1.1 over the reverse listener, or HTTP/2 over an HTTPS proxy: all the way, each."""
    http2 = request.param == "HTTP/2"
    with Upstream(tls=upstream_ca if http2 else None, http2=http2) as upstream:
        setup = Setup(
            accounts=[
                api_key_account(f"sk-key-{number:020}", upstream.base_url)
                for number in range(ACCOUNTS)
            ],
            options={
                "qwen_rotation_strategy": "round-robin",
                "ssl_verify_upstream_trusted_ca": str(upstream_ca.certificate),
            },
        )
        with (
            MitmProcess(tmp_path_factory.mktemp("mitm"), setup, confdir=confdir) as proxy,
            client_of(proxy, http2=http2) as client,
        ):
            yield Line(upstream, client)
        assert {seen.http_version for seen in upstream.requests} == {request.param}


def client_of(proxy: MitmProcess, *, http2: bool) -> httpx2.Client:
    """A client of the reverse listener, or one that takes the regular one for its proxy."""
    if not http2:
        return httpx2.Client(base_url=proxy.base_url, trust_env=False)
    return httpx2.Client(
        base_url="https://portal.qwen.ai/v1",
        proxy=proxy.url("regular"),
        verify=ssl.create_default_context(cafile=str(proxy.ca)),
        http2=True,
        trust_env=False,
    )


@pytest.mark.parametrize("stream", ANSWERS, ids=lambda stream: stream.name)
def test_a_stream_in_one_piece(line: Line, stream: Stream) -> None:
    checked = line.send([stream.raw])

    assert checked.outcome == stream.expected
    if stream.call_ids is not None:
        output = checked.response["output"]
        assert isinstance(output, list)
        assert stream.call_ids == tuple(
            item["call_id"] for item in output if item["type"] == "function_call"
        )


@pytest.mark.parametrize("stream", ANSWERS, ids=lambda stream: stream.name)
def test_a_stream_in_pieces_of_a_few_bytes(line: Line, stream: Stream) -> None:
    pieces = [stream.raw[start : start + 5] for start in range(0, len(stream.raw), 5)]

    assert line.send(pieces).outcome == stream.expected
