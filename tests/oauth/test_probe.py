"""A service is asked whether it takes a token, by one cheap request."""

from __future__ import annotations

import socket
import ssl

import pytest

from addon.oauth.probe import NoAnswer, Probe, ProbeAnswer, Prober
from tests.support.replies import Ending, Reply, broken, json_reply, refusal
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Upstream

TOKEN = "sk-0123456789abcdef"
MODELS = {"object": "list", "data": [{"id": "qwen3-coder-plus", "object": "model"}]}
COMPLETION = {"id": "c", "object": "chat.completion", "choices": [{"index": 0}]}


@pytest.fixture
def prober(tls: ssl.SSLContext) -> Prober:
    return Prober(tls=tls)


def probe(upstream: Upstream, **headers: str) -> Probe:
    return Probe(upstream.base_url, TOKEN, "qwen3-coder-plus", headers)


async def test_the_list_of_models_is_enough(prober: Prober, upstream: Upstream) -> None:
    upstream.replies(json_reply(MODELS))
    answer = await prober.ask(probe(upstream, **{"user-agent": "QwenCode/1"}))
    assert answer.status == 200
    assert b"qwen3-coder-plus" in answer.body
    (request,) = upstream.requests
    assert (request.method, request.path, request.token) == ("GET", "/v1/models", TOKEN)
    assert request.header("user-agent") == "QwenCode/1"


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_service_without_a_list_is_asked_for_one_token(
    prober: Prober, upstream: Upstream, status: int
) -> None:
    upstream.replies(refusal(status, None, "no such thing"), json_reply(COMPLETION))
    assert (await prober.ask(probe(upstream))).status == 200
    _, chat = upstream.requests
    assert (chat.path, chat.token) == ("/v1/chat/completions", TOKEN)
    assert (chat.json()["max_tokens"], chat.json()["model"]) == (1, "qwen3-coder-plus")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 302])
async def test_any_other_answer_is_given_as_it_came(
    prober: Prober, upstream: Upstream, status: int
) -> None:
    upstream.replies(refusal(status, "code", "words", headers={"Retry-After": "7"}))
    answer = await prober.ask(probe(upstream))
    assert (answer.status, answer.headers["retry-after"]) == (status, "7")
    assert b"words" in answer.body


async def test_nobody_follows_a_redirect_with_a_token(prober: Prober, upstream: Upstream) -> None:
    with Upstream() as elsewhere:
        upstream.replies(Reply(307, (("location", f"{elsewhere.base_url}/models"),)))
        assert (await prober.ask(probe(upstream))).status == 307
        assert elsewhere.requests == []


async def test_of_a_long_answer_only_the_beginning_is_read(
    prober: Prober, upstream: Upstream
) -> None:
    endless = (b'{"data": [', *[b" " * 65536] * 20)
    upstream.replies(Reply(200, (), endless, Ending.HANG))
    answer = await prober.ask(probe(upstream))
    assert 1 << 20 <= len(answer.body) < 2 << 20


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.RESET])
async def test_a_service_that_breaks_off_gave_no_answer(
    prober: Prober, upstream: Upstream, ending: Ending
) -> None:
    upstream.replies(broken(ending))
    with pytest.raises(NoAnswer, match="broke off"):
        await prober.ask(probe(upstream))


async def test_a_silent_service_is_not_waited_for_without_end(
    tls: ssl.SSLContext, upstream: Upstream
) -> None:
    upstream.replies(broken(Ending.HANG))
    with pytest.raises(NoAnswer, match=r"did not answer within 0\.1 s"):
        await Prober(answer_seconds=0.1, tls=tls).ask(probe(upstream))


async def test_a_closed_port_cannot_be_reached(prober: Prober) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NoAnswer, match="cannot be reached"):
        await prober.ask(Probe(f"http://127.0.0.1:{port}/v1", TOKEN, "m"))


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'x' * 80}.example"])
async def test_a_host_that_is_not_there_is_said_to_be(prober: Prober, host: str) -> None:
    with pytest.raises(NoAnswer, match=r"cannot be reached|no usable address"):
        await prober.ask(Probe(f"https://{host}/v1", TOKEN, "m"))


async def test_a_certificate_that_nobody_vouches_for_is_named(
    prober: Prober, upstream_ca: CertificateAuthority
) -> None:
    with Upstream(tls=upstream_ca) as upstream:
        with pytest.raises(NoAnswer, match="certificate that is not trusted"):
            await prober.ask(probe(upstream))
        assert upstream.requests == []


async def test_the_environments_proxy_is_not_used(
    prober: Prober, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    upstream.replies(json_reply(MODELS))
    assert (await prober.ask(probe(upstream))).status == 200


def test_the_token_shows_in_no_repr() -> None:
    assert TOKEN not in repr(Probe("https://host.example/v1", TOKEN, "m"))
    assert TOKEN not in repr(ProbeAnswer(401, {}, TOKEN.encode()))
