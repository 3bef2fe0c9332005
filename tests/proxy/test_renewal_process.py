"""Tokens renewed by a real mitmdump at a real OAuth server, unseen by the client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, Json, completion
from tests.support.oauth_server import OAuthServer, SignIn
from tests.support.oracle import check_response
from tests.support.proxy import MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Reply, json_reply, refusal
from tests.support.upstream import Request, Upstream

OTHER = "sk-the-real-key-of-another-account-5678"


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with OAuthServer() as server:
        yield server


def ask(proxy: MitmProcess, recorder: Recorder) -> httpx2.Response:
    with recorder.client() as client:
        return client.post(f"{proxy.base_url}/responses", json={"model": MODEL, "input": "Hi"})


def started(start_mitm: StartMitm, server: OAuthServer, *accounts: Json) -> MitmProcess:
    return start_mitm(
        Setup(accounts=accounts, options={"qwen_oauth_base_url": server.url}, saves_flows=True)
    )


def signed_in(server: OAuthServer, upstream: Upstream, **fields: object) -> tuple[SignIn, Json]:
    sign_in = server.sign_in("work")
    return sign_in, sign_in.entry(baseUrl=upstream.base_url, priority=-1, **fields)


def kept(proxy: MitmProcess) -> Json:
    """The first account, as the file has it."""
    account: Json = json.loads(proxy.accounts_file.read_text("utf-8"))["accounts"][0]
    return account


def refusing(token: str) -> Callable[[Request], Reply]:
    """An upstream that takes any token but this one."""

    def answer(request: Request) -> Reply:
        if request.token == token:
            return refusal(401, None, "invalid access token or token expired")
        return json_reply(completion("Hi"))

    return answer


def test_an_expired_token_is_renewed_before_use(
    start_mitm: StartMitm, server: OAuthServer, upstream: Upstream, recorder: Recorder
) -> None:
    sign_in, account = signed_in(server, upstream, expires=1_000)
    upstream.replies(json_reply(completion("Hi")))
    proxy = started(start_mitm, server, account)
    check_response(ask(proxy, recorder).json())
    assert upstream.requests[0].token == kept(proxy)["accessToken"] != sign_in.access_token
    assert kept(proxy)["refreshToken"] != sign_in.refresh_token
    proxy.secrets |= {str(kept(proxy)["accessToken"]), str(kept(proxy)["refreshToken"])}


def test_where_a_token_could_not_be_kept_it_is_not_renewed_and_the_next_account_serves(
    start_mitm: StartMitm, server: OAuthServer, upstream: Upstream, recorder: Recorder
) -> None:
    sign_in, account = signed_in(server, upstream)
    upstream.answers(refusing(sign_in.access_token))
    proxy = started(start_mitm, server, account, api_key_account(OTHER, upstream.base_url))
    proxy.accounts_file.with_name(f"{proxy.accounts_file.name}.refresh").touch()
    for _ in range(2):
        check_response(ask(proxy, recorder).json())
    assert [request.token for request in upstream.requests] == [sign_in.access_token, OTHER, OTHER]
    assert server.requests == 0
    assert "cannot be written" in proxy.log


def test_no_request_waits_for_a_slow_server_where_another_account_can_serve(
    start_mitm: StartMitm, server: OAuthServer, upstream: Upstream, recorder: Recorder
) -> None:
    sign_in, account = signed_in(server, upstream, expires=1_000)
    upstream.answers(refusing(sign_in.access_token))
    proxy = started(start_mitm, server, account, api_key_account(OTHER, upstream.base_url))
    with server.held():
        check_response(ask(proxy, recorder).json())
        assert [request.token for request in upstream.requests] == [OTHER]
    proxy.wait_for_books(lambda _: kept(proxy)["accessToken"] != sign_in.access_token, "a token")
    proxy.secrets |= {str(kept(proxy)["accessToken"]), str(kept(proxy)["refreshToken"])}


def test_a_token_that_is_refused_is_renewed_once_and_the_request_sent_again(
    start_mitm: StartMitm, server: OAuthServer, upstream: Upstream, recorder: Recorder
) -> None:
    sign_in, account = signed_in(server, upstream)
    upstream.answers(refusing(sign_in.access_token))
    proxy = started(start_mitm, server, account)
    answer = ask(proxy, recorder)
    check_response(answer.json())
    assert answer.headers["x-qwen-attempts"] == "2"
    renewed = kept(proxy)["accessToken"]
    assert [request.token for request in upstream.requests] == [sign_in.access_token, renewed]


def test_a_sign_in_that_was_ended_is_marked_and_the_next_account_serves(
    start_mitm: StartMitm, server: OAuthServer, upstream: Upstream, recorder: Recorder
) -> None:
    sign_in, account = signed_in(server, upstream)
    server.book.end_sign_in(sign_in.account)
    upstream.answers(refusing(sign_in.access_token))
    proxy = started(start_mitm, server, account, api_key_account(OTHER, upstream.base_url))
    check_response(ask(proxy, recorder).json())
    assert upstream.requests[-1].token == OTHER
    assert kept(proxy)["requiresReauth"] is True
