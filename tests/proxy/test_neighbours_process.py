"""Clients on another machine: they use no account, see no page, and get no further through us.

The machine is a network namespace of the test's own, the proxy listens on all interfaces as a
mitmproxy does that nobody told otherwise. Beside it runs a proxy that listens on loopback alone.
"""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, completion
from tests.support.neighbour import Neighbour, neighbour
from tests.support.proxy import REGULAR, REVERSE, MitmProcess, Setup
from tests.support.raw_client import RawClient, raw_request
from tests.support.replies import json_reply
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
BODY: Final = json.dumps({"model": MODEL, "input": "Hi"}).encode()
CHAT: Final = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}).encode()
JSON: Final = "Content-Type: application/json"


@dataclass(frozen=True, slots=True)
class Network:
    """Two machines, and on this one a proxy for everybody and a proxy for itself."""

    far: Neighbour
    upstream: Upstream
    open: MitmProcess
    inner: MitmProcess

    @property
    def regular(self) -> int:
        return self.open.ports[0]

    @property
    def reverse(self) -> int:
        return self.open.ports[1]

    def asks(self, port: int, *data: bytes, ipv6: bool = False) -> list[int]:
        """How the neighbour is answered, one request after the other until the connection ends."""
        here = self.far.here_v6 if ipv6 else self.far.here
        statuses = []
        with self.far.at_its_keyboard(), RawClient(port, here) as client:
            for each in data:
                client.send(each)
                if (answer := client.answer(has_body=each[:7] != b"CONNECT")) is None:
                    break
                statuses.append(answer.status)
        return statuses

    def served(self) -> list[str | None]:
        """With which tokens the service behind the accounts was asked since this was asked last."""
        tokens = [request.token for request in self.upstream.requests]
        self.upstream.requests.clear()
        return tokens


@contextlib.contextmanager
def network(folder: Path, confdir: Path, **options: str) -> Iterator[Network]:
    """``options`` are those of the proxy that is for everybody."""
    with neighbour() as far, Upstream() as upstream:
        upstream.answers(lambda _: json_reply(completion("Hi")))
        account = api_key_account(KEY, upstream.base_url, id="mine")
        modes = [REGULAR, f"reverse:http://127.0.0.1:{upstream.port}"]
        told = {
            name: value.format(v4=far.there, v6=far.there_v6) for name, value in options.items()
        }
        everybody = Setup(accounts=[account], modes=modes, host="", options=told)
        itself = Setup(accounts=[account], modes=[REVERSE])
        with (
            MitmProcess(folder / "open", everybody, confdir=confdir) as open_,
            MitmProcess(folder / "inner", itself, confdir=confdir) as inner,
        ):
            yield Network(far, upstream, open_, inner)


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory, confdir: Path) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("strangers"), confdir) as found:
        yield found


@pytest.fixture(scope="module")
def guests(tmp_path_factory: pytest.TempPathFactory, confdir: Path) -> Iterator[Network]:
    """The neighbour is let in, and nobody else of its network."""
    folder = tmp_path_factory.mktemp("guests")
    with network(folder, confdir, qwen_allow_clients="{v4}/32,{v6}") as found:
        yield found


OURS: Final[dict[str, bytes]] = {
    "responses": raw_request("POST", "/v1/responses", JSON, body=BODY),
    "chat completions": raw_request("POST", "/v1/chat/completions", JSON, body=CHAT),
    "models": raw_request("GET", "/v1/models"),
    "what is passed on": raw_request("GET", "/v1/files"),
}
FORGED: Final = [
    (),
    ("X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1"),
    ("Forwarded: for=127.0.0.1;host=localhost", "Via: 1.1 localhost"),
]
PAGES: Final = ("", "status.json", "health", "metrics", "events", "assets/page.js")


@pytest.mark.parametrize("data", OURS.values(), ids=OURS)
@pytest.mark.parametrize("ipv6", [False, True], ids=["IPv4", "IPv6"])
def test_a_stranger_gets_no_account(strangers: Network, data: bytes, ipv6: bool) -> None:
    assert strangers.asks(strangers.reverse, data, ipv6=ipv6) == [403]
    assert strangers.served() == []


@pytest.mark.parametrize("fields", FORGED, ids=str)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "portal.qwen.ai"])
def test_whatever_it_says_of_itself(strangers: Network, fields: tuple[str, ...], host: str) -> None:
    forged = raw_request("POST", "/v1/responses", JSON, *fields, body=BODY, host=host)
    assert strangers.asks(strangers.reverse, forged) == [403]
    assert strangers.served() == []


@pytest.mark.parametrize("host", ["portal.qwen.ai", "127.0.0.1"])
@pytest.mark.parametrize(
    "target", ["http://portal.qwen.ai", "https://portal.qwen.ai", "http://127.0.0.1"]
)
def test_nor_by_the_http_proxy(strangers: Network, target: str, host: str) -> None:
    data = raw_request("POST", f"{target}/v1/responses", JSON, body=BODY, host=host)
    assert strangers.asks(strangers.regular, data) == [403]
    assert strangers.served() == []


def test_nor_inside_a_tunnel(strangers: Network) -> None:
    trusting = ssl.create_default_context(cafile=str(strangers.open.ca))
    proxy = f"http://{strangers.far.here}:{strangers.regular}"
    with (
        strangers.far.at_its_keyboard(),
        httpx2.Client(proxy=proxy, verify=trusting, trust_env=False) as client,
    ):
        answer = client.post("https://portal.qwen.ai/v1/responses", content=BODY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden_client")
    assert strangers.served() == []


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("who", ["strangers", "guests"])
def test_nobody_on_another_machine_sees_a_page_of_ours(
    who: str, page: str, request: pytest.FixtureRequest
) -> None:
    found: Network = request.getfixturevalue(who)
    for host in ("127.0.0.1", f"localhost:{found.reverse}", found.far.here):
        asked = raw_request("GET", f"/_qwen/{page}", host=host)
        assert found.asks(found.reverse, asked) == [403]
    by_name = raw_request("GET", f"http://qwen.internal/_qwen/{page}", host="qwen.internal")
    assert found.asks(found.regular, by_name) == [403]


@pytest.mark.parametrize("who", ["strangers", "guests"])
def test_nor_changes_anything(who: str, request: pytest.FixtureRequest) -> None:
    found: Network = request.getfixturevalue(who)
    own_origin = f"Origin: http://127.0.0.1:{found.reverse}"
    deed = raw_request("POST", "/_qwen/do/disable?account=mine", own_origin)
    assert found.asks(found.reverse, deed) == [403]
    assert '"enabled": false' not in found.open.accounts_file.read_text("utf-8")


NAMES: Final = ("127.0.0.1", "127.1", "2130706433", "0.0.0.0", "localhost", "[::ffff:127.0.0.1]")  # noqa: S104
"""Of this machine, as it knows itself."""


def page_at(port: int) -> bytes:
    return raw_request("GET", "/_qwen/status.json", host=f"127.0.0.1:{port}")


def by_its_full_address(data: bytes, host: str, port: int) -> bytes:
    method, rest = data.split(b" ", 1)
    return b"%s http://%s:%d%s" % (method, host.encode(), port, rest)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("who", ["strangers", "guests"])
def test_nobody_gets_to_what_is_for_this_machine_by_way_of_the_proxy(
    who: str, name: str, request: pytest.FixtureRequest
) -> None:
    found: Network = request.getfixturevalue(who)
    for port in (*found.inner.ports, found.reverse):
        asked = page_at(port)
        (status,) = found.asks(found.regular, by_its_full_address(asked, name, port))
        assert status in (400, 502)
        tunnel = b"CONNECT %s:%d HTTP/1.1\r\n\r\n" % (name.encode(), port)
        assert found.asks(found.regular, tunnel, asked) in ([200, 502], [200], [502], [400])


@pytest.mark.parametrize("name", NAMES)
def test_nor_to_an_account_by_way_of_a_listener_that_is_for_this_machine(
    strangers: Network, name: str
) -> None:
    for port in (*strangers.inner.ports, strangers.reverse):
        data = OURS["responses"]
        (status,) = strangers.asks(strangers.regular, by_its_full_address(data, name, port))
        assert status in (400, 403, 502)
        tunnel = b"CONNECT %s:%d HTTP/1.1\r\n\r\n" % (name.encode(), port)
        statuses = strangers.asks(strangers.regular, tunnel, data)
        assert statuses[-1] in (400, 403, 502) or statuses == [200]  # the tunnel, and no more
    assert strangers.served() == []


def test_nor_by_this_machines_address_in_the_network(guests: Network) -> None:
    """A stranger who came from there would be let in, were the network the machine's own."""
    asked = by_its_full_address(OURS["what is passed on"], guests.far.here, guests.reverse)
    assert guests.asks(guests.regular, asked) == [502]
    assert guests.served() == []


def test_the_proxy_does_not_connect_to_itself_under_another_name(guests: Network) -> None:
    port = guests.regular
    with RawClient(port) as client:
        client.send(raw_request("GET", "/", host=f"127.0.0.2:{port}"))
        answer = client.answer()
    assert answer is not None
    assert answer.status == 502


@pytest.mark.parametrize("data", OURS.values(), ids=OURS)
@pytest.mark.parametrize("ipv6", [False, True], ids=["IPv4", "IPv6"])
def test_a_machine_that_is_let_in_may_use_the_accounts(
    guests: Network, data: bytes, ipv6: bool
) -> None:
    """Which are those of a service on the proxy's own machine."""
    assert guests.asks(guests.reverse, data, ipv6=ipv6) == [200]
    assert guests.served() == [KEY if data != OURS["what is passed on"] else None]


def test_by_the_http_proxy_too(guests: Network) -> None:
    data = raw_request("POST", "http://portal.qwen.ai/v1/responses", JSON, body=BODY)
    assert guests.asks(guests.regular, data) == [200]
    assert guests.served() == [KEY]


def test_a_password_lets_a_stranger_in_to_the_accounts_and_to_no_page(
    tmp_path: Path, confdir: Path
) -> None:
    login = f"Proxy-Authorization: Basic {base64.b64encode(b'user:secret').decode()}"
    with network(tmp_path, confdir, proxyauth="user:secret") as found:
        target = "http://portal.qwen.ai/v1/responses"
        ask = raw_request("POST", target, JSON, body=BODY)
        assert found.asks(found.regular, ask) == [407]
        assert found.asks(found.regular, raw_request("POST", target, JSON, login, body=BODY)) == [
            200
        ]
        page = raw_request("GET", "http://qwen.internal/", login, host="qwen.internal")
        assert found.asks(found.regular, page) == [403]
        assert found.served() == [KEY]
