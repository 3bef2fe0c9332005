"""Requests that are too long, as they come or once they are unpacked, through a real mitmdump.

Each is refused with 400 in a sentence, before it is read whole where that can be, and the process
goes on as if nothing had been.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import brotli
import httpx2
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import StartMitm
from tests.support import changed_mitmproxy
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, completion
from tests.support.oracle import check_response
from tests.support.proxy import REGULAR, REVERSE, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import json_reply
from tests.support.strategies import splits
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
LIMIT: Final = 100_000
MEBIBYTE: Final = 1024 * 1024

SAFETY_SECONDS: Final = 30.0


@pytest.fixture(scope="module")
def started(
    tmp_path_factory: pytest.TempPathFactory, confdir: Path
) -> Iterator[tuple[MitmProcess, Upstream]]:
    # a compressed body goes to it as it came
    with Upstream(validator=None) as upstream:
        accounts = [api_key_account(KEY, upstream.base_url)]
        setup = Setup(
            accounts=accounts,
            modes=[REGULAR, REVERSE],
            options={"qwen_max_request_bytes": str(LIMIT), "stream_large_bodies": "10k"},
        )
        folder = tmp_path_factory.mktemp("limits")
        with MitmProcess(folder, setup, confdir=confdir) as proxy:
            yield proxy, upstream


@pytest.fixture
def proxy(started: tuple[MitmProcess, Upstream]) -> MitmProcess:
    started[1].reset()
    started[1].answers(lambda _: json_reply(completion("Hello")))
    return started[0]


@pytest.fixture
def upstream(started: tuple[MitmProcess, Upstream]) -> Upstream:
    return started[1]


def responses_body(length: int) -> bytes:
    """A request of ``length`` bytes: JSON may end in spaces."""
    return json.dumps({"model": MODEL, "input": "Hi"}).encode().ljust(length)


def chat_body(length: int) -> bytes:
    messages = [{"role": "user", "content": "Hi"}]
    return json.dumps({"model": MODEL, "messages": messages}).encode().ljust(length)


BODIES: Final[dict[str, Callable[[int], bytes]]] = {
    "responses": responses_body,
    "chat/completions": chat_body,
}


def check_too_long(answer: httpx2.Response, upstream: Upstream, limit: int = LIMIT) -> None:
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request", None)
    assert str(limit) in error["message"]
    assert "max_request_bytes" in error["message"]
    assert not upstream.requests


# --- length


@pytest.mark.parametrize("route", BODIES)
def test_a_body_may_be_as_long_as_the_limit_and_no_longer(
    route: str, proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    with recorder.client() as client:
        url, body = f"{proxy.base_url}/{route}", BODIES[route]
        check_too_long(client.post(url, content=body(LIMIT + 1)), upstream)
        # the same connection goes on
        assert client.post(url, content=body(LIMIT)).status_code == 200
        assert len(upstream.requests) == 1


def test_over_http2_it_is_the_same(
    proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    url = "https://portal.qwen.ai/v1/responses"
    with recorder.client(proxy=proxy.url("regular"), ca=proxy.ca, http2=True) as client:
        for _ in range(2):
            check_too_long(client.post(url, content=responses_body(3 * LIMIT)), upstream)
        check_too_long(client.post(url, content=iter([responses_body(3 * LIMIT)])), upstream)
        answer = client.post(url, content=responses_body(LIMIT))
        assert answer.http_version == "HTTP/2"
        check_response(answer.json())


def connected(proxy: MitmProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.ports[1]), timeout=SAFETY_SECONDS)


def head(*more: str, route: str = "responses") -> bytes:
    lines = (f"POST /v1/{route} HTTP/1.1", "host: portal.qwen.ai", *more, "", "")
    return "\r\n".join(lines).encode()


def answer_on(sock: socket.socket) -> httpx2.Response:
    """The answer, read to the length that its head tells."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        seen += received(sock)
    first, _, content = seen.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", first.lower())
    assert length is not None, first
    while len(content) < int(length[1]):
        content += received(sock)
    return httpx2.Response(int(first.split()[1]), content=content)


def received(sock: socket.socket) -> bytes:
    data = sock.recv(65_536)
    assert data, "the proxy hung up"
    return data


@pytest.mark.parametrize("route", BODIES)
def test_a_body_that_says_itself_how_long_it_is_need_not_be_sent(
    route: str, proxy: MitmProcess, upstream: Upstream
) -> None:
    with connected(proxy) as sock:
        sock.sendall(head(f"content-length: {10 * 1024**4}", route=route))
        check_too_long(answer_on(sock), upstream)


def test_a_body_without_an_end_is_answered_while_it_is_sent(
    proxy: MitmProcess, upstream: Upstream
) -> None:
    chunk = b"%x\r\n%b\r\n" % (LIMIT // 4, b" " * (LIMIT // 4))
    with connected(proxy) as sock:
        sock.sendall(head("transfer-encoding: chunked") + chunk * 5)
        check_too_long(answer_on(sock), upstream)
        before = peak_memory(proxy)
        for _ in range(1000):
            sock.sendall(chunk)
        # what still comes is kept nowhere, and the connection is as good as new after it
        sock.sendall(b"0\r\n\r\n")
        sock.sendall(head("content-length: 100") + responses_body(100))
        check_response(answer_on(sock).json())
        assert peak_memory(proxy) - before < 20 * LIMIT


@settings(max_examples=25)
@given(data=st.data(), beyond=st.integers(-2, 2))
def test_the_limit_is_the_same_however_a_body_is_cut(
    started: tuple[MitmProcess, Upstream], data: st.DataObject, beyond: int
) -> None:
    proxy, upstream = started
    upstream.reset()
    upstream.answers(lambda _: json_reply(completion("Hello")))
    chunks = data.draw(splits(responses_body(LIMIT + beyond)))
    with connected(proxy) as sock:
        sock.sendall(head("transfer-encoding: chunked"))
        sock.sendall(b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks if c) + b"0\r\n\r\n")
        answer = answer_on(sock)
    if beyond > 0:
        check_too_long(answer, upstream)
    else:
        check_response(answer.json())


def test_a_client_may_leave_in_the_middle_of_what_is_thrown_away(proxy: MitmProcess) -> None:
    with connected(proxy) as sock:
        sock.sendall(head(f"content-length: {10 * LIMIT}") + b" " * LIMIT)
        answer_on(sock)
    proxy.wait_for_books(lambda books: books.exchanges == 0, "no exchanges")


def test_who_may_not_use_the_proxy_is_told_that(proxy: MitmProcess) -> None:
    with connected(proxy) as sock:
        sock.sendall(head("origin: https://evil.example", f"content-length: {10 * LIMIT}"))
        assert answer_on(sock).json()["error"]["code"] == "forbidden_client"


def test_requests_that_are_not_ours_have_no_limit(
    proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    with recorder.client(proxy=proxy.url("regular")) as client:
        url = f"{upstream.base_url.replace('127.0.0.1', 'localhost')}/files"
        client.post(url, content=b"x" * 3 * LIMIT)
    assert len(upstream.requests[0].body) == 3 * LIMIT


# --- compressed bodies


def raw_deflate(data: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(data) + packing.flush()


def members(data: bytes) -> bytes:
    return b"".join(gzip.compress(data[at : at + 100]) for at in range(0, len(data), 100))


CODINGS: Final[list[tuple[str, Callable[[bytes], bytes]]]] = [
    ("gzip", gzip.compress),
    ("gzip", members),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", brotli.compress),
    ("zstd", zstandard.compress),
    ("identity", bytes),
]


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize(("coding", "pack"), CODINGS)
def test_a_compressed_body_may_be_as_long_as_the_limit_when_it_is_unpacked(
    coding: str,
    pack: Callable[[bytes], bytes],
    route: str,
    proxy: MitmProcess,
    upstream: Upstream,
    recorder: Recorder,
) -> None:
    headers = {"content-encoding": coding, "content-type": "application/json"}
    with recorder.client() as client:
        url = f"{proxy.base_url}/{route}"
        long, longest = (pack(BODIES[route](length)) for length in (LIMIT + 1, LIMIT))
        check_too_long(client.post(url, content=long, headers=headers), upstream)
        assert client.post(url, content=longest, headers=headers).status_code == 200


def peak_memory(proxy: MitmProcess) -> int:
    """The most that the process has held so far, in bytes."""
    status = Path(f"/proc/{proxy.pid}/status")
    if not status.exists():
        pytest.skip("this system does not tell how much memory a process took")
    kilobytes = re.search(r"VmHWM:\s+(\d+) kB", status.read_text("utf-8"))
    assert kilobytes is not None
    return 1024 * int(kilobytes[1])


class Packing(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class BrotliPacking:
    def __init__(self) -> None:
        self._packing: Any = brotli.Compressor(quality=5, lgwin=24)

    def compress(self, data: bytes, /) -> bytes:
        return bytes(self._packing.process(data))

    def flush(self) -> bytes:
        return bytes(self._packing.finish())


PACKINGS: Final[dict[str, Callable[[], Packing]]] = {
    "gzip": lambda: zlib.compressobj(wbits=zlib.MAX_WBITS | 16),
    "deflate": zlib.compressobj,
    "br": BrotliPacking,
    "zstd": lambda: zstandard.ZstdCompressor().compressobj(),
}


def bomb(packing: Packing) -> bytes:
    """Half a gibibyte of nothing, or what of it fits into LIMIT bytes."""
    pieces = [packing.compress(bytes(MEBIBYTE)) for _ in range(512)]
    return b"".join((*pieces, packing.flush()))[:LIMIT]


@pytest.mark.parametrize("coding", PACKINGS)
def test_half_a_gibibyte_in_a_few_bytes_is_not_unpacked(
    coding: str, proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    body, before = bomb(PACKINGS[coding]()), peak_memory(proxy)
    with recorder.client() as client:
        headers = {"content-encoding": coding}
        answer = client.post(f"{proxy.base_url}/responses", content=body, headers=headers)
    check_too_long(answer, upstream)
    assert peak_memory(proxy) - before < 128 * MEBIBYTE


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"plain"),
        pytest.param("gzip", gzip.compress(responses_body(1000))[:-20], id="cut gzip"),
        ("deflate", b"plain"),
        ("br", b"plain, and long enough to be seen as such"),
        ("zstd", b"plain"),
        ("bz2", b"plain"),
        ("compress", b"plain"),
        pytest.param(
            "gzip, gzip", gzip.compress(gzip.compress(responses_body(1000))), id="gzip twice"
        ),
    ],
)
def test_a_body_that_is_not_in_its_coding_is_refused(
    coding: str, body: bytes, proxy: MitmProcess, upstream: Upstream, recorder: Recorder
) -> None:
    with recorder.client() as client:
        headers = {"content-encoding": coding}
        answer = client.post(f"{proxy.base_url}/responses", content=body, headers=headers)
    assert answer.status_code == 400
    assert coding in answer.json()["error"]["message"]
    assert not upstream.requests


# --- on a mitmproxy whose internals have changed


def test_without_the_stream_class_a_body_is_refused_once_it_is_there(
    start_mitm: StartMitm, recorder: Recorder
) -> None:
    script = Path(changed_mitmproxy.__file__)
    with Upstream() as upstream:
        setup = Setup(
            accounts=[api_key_account(KEY, upstream.base_url)],
            script=script,
            env={"PYTHONPATH": str(script.parents[2]), "QWEN_MAX_REQUEST_BYTES": "2000"},
            options={"connection_strategy": "lazy"},
        )
        proxy = start_mitm(setup)
        with recorder.client() as client:
            answer = client.post(f"{proxy.base_url}/responses", content=responses_body(2001))
        check_too_long(answer, upstream, limit=2000)
