"""A token goes to its own account's host, whatever anybody says of another; on a real mitmdump.

Over TLS, or to this machine. No redirect takes it along, no answer of an OAuth server, and the
proxy is not led to itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import httpx2
import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account, oauth_account, write_accounts
from tests.support.chat import MODEL, Json, completion
from tests.support.proxy import REGULAR, REVERSE, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Reply, json_reply
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
OTHER_KEY: Final = "sk-the-key-of-an-account-somewhere-else"
TOKEN: Final = "the-access-token-of-an-account-1234"
PATHS: Final = ("responses", "chat/completions", "models")


@pytest.fixture
def elsewhere() -> Iterator[Upstream]:
    """To whom nothing must come."""
    with Upstream() as elsewhere:
        yield elsewhere
        assert elsewhere.connections == 0


def ask(client: httpx2.Client, proxy: MitmProcess, path: str) -> httpx2.Response:
    if path == "models":
        return client.get(f"{proxy.base_url}/models")
    messages = [{"role": "user", "content": "Hi"}]
    body: Json = {"model": MODEL, "input": "Hi"}
    if path == "chat/completions":
        body = {"model": MODEL, "messages": messages}
    return client.post(f"{proxy.base_url}/{path}", json=body)


def redirect(status: int, to: str) -> Reply:
    return Reply(status, (("location", to), ("content-length", "0")))


@pytest.mark.parametrize("status", [302, 307, 308])
@pytest.mark.parametrize("path", PATHS)
def test_a_redirect_is_followed_by_nobody(
    status: int,
    path: str,
    upstream: Upstream,
    elsewhere: Upstream,
    start_mitm: StartMitm,
    recorder: Recorder,
) -> None:
    """Neither by the proxy nor by its client, who would take along what it asks."""
    upstream.answers(lambda _: redirect(status, f"{elsewhere.base_url}/{path}"))
    proxy = start_mitm(Setup(accounts=[api_key_account(KEY, upstream.base_url)], modes=[REVERSE]))
    with recorder.client() as client:
        client.follow_redirects = True
        answer = ask(client, proxy, path)
    assert answer.status_code >= 400
    assert "location" not in answer.headers
    assert "error" in answer.json()


def test_the_next_account_serves_instead(
    upstream: Upstream, elsewhere: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.replies(redirect(307, elsewhere.base_url), json_reply(completion("Hi")))
    accounts = [
        api_key_account(OTHER_KEY, upstream.base_url, priority=-1),
        api_key_account(KEY, upstream.base_url),
    ]
    proxy = start_mitm(Setup(accounts=accounts, modes=[REVERSE]))
    with recorder.client() as client:
        answer = ask(client, proxy, "chat/completions")
    assert answer.json()["choices"][0]["message"]["content"] == "Hi"
    assert [request.token for request in upstream.requests] == [OTHER_KEY, KEY]


@pytest.mark.parametrize("path", PATHS)
def test_the_host_that_a_client_names_is_not_where_its_request_goes(
    path: str, upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    """A program may name any. Its account's host is told its own name."""
    upstream.answers(lambda _: json_reply(completion("Hi")))
    proxy = start_mitm(Setup(accounts=[api_key_account(KEY, upstream.base_url)], modes=[REVERSE]))
    hosts = ("other.example", "127.0.0.2", "evil.example:8081")
    for host in hosts:
        with recorder.client() as client:
            client.headers |= {"host": host, "x-forwarded-host": host, "forwarded": f"host={host}"}
            ask(client, proxy, path)
    assert len(upstream.requests) == len(hosts)
    for request in upstream.requests:
        assert request.header("host") == f"127.0.0.1:{upstream.port}"
        assert not any(host in str(request.headers) for host in hosts)
        assert request.token == KEY


INWARD: Final = [
    "http://169.254.169.254",
    "http://10.0.0.1:8080/v1",
    "http://192.168.1.1",
    "http://[fe80::1]/v1",
    "http://127.0.0.1.evil.example",
    "http://0.0.0.0:8080",
    "http://2130706433",
    "file:///etc/passwd",
    "https://user@127.0.0.1/v1",
]


def test_an_account_whose_resource_url_points_inward_is_left_out(
    start_mitm: StartMitm, recorder: Recorder
) -> None:
    accounts = [oauth_account(f"{TOKEN}{i}", resource_url=url) for i, url in enumerate(INWARD)]
    proxy = start_mitm(Setup(accounts=accounts, modes=[REVERSE]))
    with recorder.client() as client:
        answer = ask(client, proxy, "responses")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "no_accounts")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.0.0.3", "[::1]"])
@pytest.mark.parametrize("mode", [REVERSE, "reverse:http://portal.example", REGULAR])
def test_the_proxy_is_not_led_to_itself(
    name: str, mode: str, start_mitm: StartMitm, recorder: Recorder
) -> None:
    """It would ask itself, which would ask itself …"""
    proxy = start_mitm(Setup(accounts=[], modes=[mode, REVERSE], host=""))
    base_url = f"http://{name}:{proxy.ports[0]}/v1"
    write_accounts(proxy.accounts_file, [api_key_account(KEY, base_url)])
    proxy.secrets.add(KEY)
    with recorder.client() as client:
        answer = ask(client, proxy, "responses")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")


def test_a_token_is_not_shown_to_a_service_that_cannot_say_who_it_is(
    upstream_ca: CertificateAuthority, start_mitm: StartMitm, recorder: Recorder
) -> None:
    with Upstream(tls=upstream_ca) as stranger:  # a certificate of nobody's
        account = api_key_account(KEY, stranger.base_url)
        proxy = start_mitm(Setup(accounts=[account], modes=[REVERSE]))
        with recorder.client() as client:
            answer = ask(client, proxy, "responses")
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")
        assert stranger.requests == []
