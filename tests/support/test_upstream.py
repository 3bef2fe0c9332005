"""The scripted upstream plays what it is told, byte by byte, and notices what is sent to it."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import brotli
import httpx2
import pytest
import zstandard

from tests.support.chat import MODEL, completion
from tests.support.replies import Ending, broken, compressed, json_reply, stream_reply
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Upstream

BODY = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
def server(request: pytest.FixtureRequest, upstream_ca: CertificateAuthority) -> Iterator[Upstream]:
    """An upstream of either protocol."""
    http2 = request.param == "HTTP/2"
    with Upstream(tls=upstream_ca if http2 else None, http2=http2) as upstream:
        yield upstream
        assert {seen.http_version for seen in upstream.requests} == {request.param}


@pytest.fixture
def client(server: Upstream, upstream_ca: CertificateAuthority) -> Iterator[httpx2.Client]:
    """A client of it."""
    trusting = ssl.create_default_context(cafile=str(upstream_ca.certificate))
    with httpx2.Client(
        base_url=server.base_url, verify=trusting, http2=True, trust_env=False
    ) as client:
        yield client


def test_replies_are_played_in_order(server: Upstream, client: httpx2.Client) -> None:
    server.replies(json_reply({"n": 1}), json_reply({"n": 2}, 503, headers={"retry-after": "1"}))

    first, second = client.get("/models"), client.get("/models")

    assert (first.status_code, first.json()) == (200, {"n": 1})
    assert (second.status_code, second.json()) == (503, {"n": 2})
    assert second.headers["retry-after"] == "1"


def test_the_last_piece_waits_for_its_gate(server: Upstream, client: httpx2.Client) -> None:
    gate = server.gate()
    server.replies(stream_reply([b"one", gate, b"two"]))

    with client.stream("GET", "/models") as answer:
        pieces = answer.iter_raw()
        seen = next(pieces)
        gate.open()
        rest = b"".join(pieces)

    assert (seen, rest) == (b"one", b"two")


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.RESET], ids=lambda ending: ending.name)
@pytest.mark.parametrize("has_begun", [False, True], ids=["before its head", "in its body"])
def test_a_reply_breaks_off(
    server: Upstream, client: httpx2.Client, ending: Ending, *, has_begun: bool
) -> None:
    server.replies(stream_reply([b"one"], ending=ending) if has_begun else broken(ending))

    with pytest.raises(httpx2.TransportError):
        client.get("/models")


def test_an_interim_answer_comes_before_the_real_one(
    server: Upstream, client: httpx2.Client
) -> None:
    server.replies(replace(json_reply({"n": 1}), interim=(100, 103)))

    assert client.get("/models").json() == {"n": 1}


DECODERS: dict[str, Callable[[], Callable[[bytes], bytes]]] = {
    "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS + 16).decompress,
    "deflate": lambda: zlib.decompressobj().decompress,
    "br": lambda: brotli.Decompressor().process,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
}


@pytest.mark.parametrize("encoding", DECODERS)
def test_a_compressed_piece_can_be_read_at_once(encoding: str) -> None:
    decode = DECODERS[encoding]()

    assert [decode(piece) for piece in compressed([b"one,", b"two"], encoding)] == [b"one,", b"two"]


def test_a_body_larger_than_any_window_arrives(server: Upstream, client: httpx2.Client) -> None:
    large = b"x" * 1_000_000
    server.replies(stream_reply([large, large]))

    assert client.post("/models", content=large).content == large + large
    assert server.requests[0].body == large


def test_a_client_that_leaves_is_noticed(server: Upstream, client: httpx2.Client) -> None:
    server.replies(stream_reply([b"one"], ending=Ending.HANG))

    with client.stream("GET", "/models") as answer:
        next(answer.iter_raw())
        client.close()

    server.wait_for_hangup()


def test_a_request_that_no_service_would_take_is_refused_and_told() -> None:
    with Upstream() as upstream, httpx2.Client(trust_env=False) as client:
        upstream.replies(json_reply(completion("Hi")))
        served = client.post(f"{upstream.base_url}/chat/completions", json=BODY)
        refused = client.post(
            f"{upstream.base_url}/chat/completions", json={**BODY, "store": False}
        )

        assert (served.status_code, refused.status_code) == (200, 400)
        with pytest.raises(AssertionError, match="store"):
            upstream.check()
        upstream.reset()


def test_a_request_beyond_the_script_is_a_fault() -> None:
    with Upstream() as upstream:
        answer = httpx2.get(f"{upstream.base_url}/models", trust_env=False)

        assert answer.status_code == 500
        with pytest.raises(AssertionError, match="no scripted reply"):
            upstream.check()
        upstream.reset()


def test_a_reply_that_was_never_asked_for_is_a_fault() -> None:
    with Upstream() as upstream:
        upstream.replies(json_reply({}))

        with pytest.raises(AssertionError, match="never asked for"):
            upstream.check()
        upstream.reset()
