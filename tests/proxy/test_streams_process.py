"""Every stream seen in the wild, sent through a real proxy: cut into bytes, HTTP/1.1 and HTTP/2."""

from __future__ import annotations

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

    def send(self, stream: Stream, pieces: list[bytes]) -> CheckedStream:
        """What the client gets where the upstream sends ``stream`` in these pieces."""
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
    """Upstream, proxy and client; the upstream speaks HTTP/2 over TLS, or plain HTTP/1.1."""
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
            httpx2.Client(base_url=proxy.base_url, trust_env=False) as client,
        ):
            yield Line(upstream, client)
        assert {request.http_version for request in upstream.requests} == {
            "HTTP/2" if http2 else "HTTP/1.1"
        }


@pytest.mark.parametrize("stream", ANSWERS, ids=lambda stream: stream.name)
def test_a_stream_in_one_piece(line: Line, stream: Stream) -> None:
    checked = line.send(stream, [stream.raw])

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

    assert line.send(stream, pieces).outcome == stream.expected
