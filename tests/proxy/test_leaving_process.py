"""Clients of a real mitmdump that leave in the midst of things, whatever is going on just then.

Nothing of them stays behind: no lease, no place in the line, no exchange, and no upstream goes on
working for nobody. On HTTP/2 only the client's stream ends; its connection stays.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support.chat import MODEL, sse, text_deltas
from tests.support.leaver import Leaver, leaver
from tests.support.oauth_server import OAuthServer
from tests.support.pool import Pool
from tests.support.proxy import REVERSE, SAFETY_SECONDS, Books, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Ending, broken, refusal, stream_reply
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Upstream

BODY: Final = json.dumps({"model": MODEL, "input": "Hi", "stream": True}).encode()
STARTED: Final = [sse(payload) for payload in text_deltas("Hel", "lo")]


@dataclass(frozen=True, slots=True)
class Rig:
    pool: Pool
    oauth: OAuthServer


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, confdir: Path, upstream_ca: CertificateAuthority
) -> Iterator[Rig]:
    with OAuthServer() as oauth, Upstream() as upstream:
        options = {
            "qwen_oauth_base_url": oauth.url,
            "ssl_verify_upstream_trusted_ca": str(upstream_ca.certificate),
        }
        setup = Setup(accounts=[], modes=[REVERSE], options=options)
        with MitmProcess(tmp_path_factory.mktemp("mitm"), setup, confdir=confdir) as proxy:
            yield Rig(Pool(proxy, upstream), oauth)


@pytest.fixture
def rig(shared: Rig, recorder: Recorder) -> Rig:
    shared.pool.begin(recorder)
    return shared


@pytest.fixture(params=[False, True], ids=["HTTP/1.1", "HTTP/2"])
def client(request: pytest.FixtureRequest, rig: Rig) -> Iterator[Leaver]:
    """A client; when it has left, nothing of it is left."""
    proxy = rig.pool.proxy
    with leaver(proxy.ports[0], http2=request.param, ca=proxy.ca) as client:
        yield client
        proxy.wait_for_books(lambda books: books == Books(), "empty books")


def test_while_its_request_arrives(rig: Rig, client: Leaver) -> None:
    rig.pool.has("only")
    client.send(BODY, cut_at=10)
    rig.pool.proxy.wait_for_books(lambda books: books.exchanges == 1, "a request")
    client.leave()


def test_while_it_waits_in_line(rig: Rig, client: Leaver) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = refusal(429, None, "No.", headers={"retry-after": "200"})
    client.send(BODY)
    rig.pool.proxy.wait_for_books(lambda books: books.waiting == 1, "a request in line")
    client.leave()


def test_while_a_token_is_renewed_for_it(rig: Rig, client: Leaver) -> None:
    account = rig.oauth.sign_in("work")
    rig.pool.has(account.entry(baseUrl=rig.pool.upstream.base_url, expires=1_000))
    asked = rig.oauth.requests
    with rig.oauth.held():
        client.send(BODY)
        rig.oauth.wait_for_requests(asked + 1)
        client.leave()
        rig.pool.proxy.wait_for_books(lambda books: books == Books(), "empty books")


def test_while_the_upstream_is_being_reached(
    rig: Rig, client: Leaver, upstream_ca: CertificateAuthority
) -> None:
    tls = upstream_ca.server_context(["127.0.0.1"], alpn=["http/1.1"])
    with socket.create_server(("127.0.0.1", 0)) as slow:
        base_url = f"https://127.0.0.1:{slow.getsockname()[1]}/v1"
        rig.pool.has({**rig.pool.fresh("only"), "baseUrl": base_url})
        client.send(BODY)
        with slow.accept()[0] as connection:
            client.leave()
            rig.pool.proxy.wait_for_books(lambda books: books == Books(), "empty books")
            assert sent_to(connection, tls) == b""


def sent_to(connection: socket.socket, context: ssl.SSLContext) -> bytes:
    """What comes over a connection, to its end, once TLS is there at last."""
    connection.settimeout(SAFETY_SECONDS)
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            return b"".join(iter(lambda: tls.recv(65536), b""))
    except (ConnectionError, ssl.SSLError):
        return b""


def test_before_the_upstream_answers(rig: Rig, client: Leaver) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = broken(Ending.HANG)
    client.send(BODY)
    rig.pool.upstream.wait_for_requests(1)
    client.leave()
    rig.pool.upstream.wait_for_hangup()


def test_before_the_first_event(rig: Rig, client: Leaver) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = stream_reply([STARTED[0][:5]], ending=Ending.HANG)
    client.send(BODY)
    rig.pool.upstream.wait_for_requests(1)
    client.leave()
    rig.pool.upstream.wait_for_hangup()


def test_in_the_midst_of_the_answer(rig: Rig, client: Leaver) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = stream_reply(STARTED, ending=Ending.HANG)
    client.send(BODY)
    client.wait_for_answer()
    client.leave()
    rig.pool.upstream.wait_for_hangup()
