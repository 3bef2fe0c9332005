"""A person signs in on a device: at a real OAuth server, and at one that answers oddly."""

from __future__ import annotations

import json
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oauthlib.oauth2 import DeviceClient  # type: ignore[import-untyped]

from addon.oauth import OAuthClient, OAuthRefused, OAuthUnreachable
from addon.oauth.device import (
    DeviceAuthorization,
    DeviceFlow,
    SignInDenied,
    SignInExpired,
    code_challenge,
)
from tests.support.oauth_server import CLIENT_ID, RESOURCE_URL, OAuthServer
from tests.support.waiting import NOW, Waiting

AUTHORIZATION = {
    "device_code": "the-device-code-which-is-a-secret",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://chat.example/authorize",
    "verification_uri_complete": "https://chat.example/authorize?user_code=ABCD-EFGH",
    "expires_in": 600,
}
TOKENS = {"access_token": "at", "refresh_token": "rt", "expires_in": 3600}


@dataclass
class Scripted:
    """A server that answers as the script says."""

    script: deque[tuple[int, object] | OAuthUnreachable]
    client_id: str = CLIENT_ID
    forms: list[Mapping[str, str]] = field(default_factory=list)

    async def post(
        self, path: str, form: Mapping[str, str], *, at: str | None = None
    ) -> tuple[str, int, bytes]:
        assert path == f"/api/v1/oauth2/{'token' if at else 'device/code'}"
        self.forms.append(form)
        answer = self.script.popleft()
        if isinstance(answer, OAuthUnreachable):
            raise answer
        status, body = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return at or "https://chat.example", status, content


def refused(code: str, status: int = 400) -> tuple[int, object]:
    return status, {"error": code, "error_description": "the-device-code-which-is-a-secret"}


async def signed_in(*answers: tuple[int, object] | OAuthUnreachable) -> Waiting:
    """Signs in where the polls are answered so, and gives how long each poll was waited for."""
    waiting = Waiting()
    server = Scripted(deque([(200, AUTHORIZATION), *answers]))
    flow = DeviceFlow(server, clock=waiting.clock, pause=waiting.pause)
    grant = await flow.wait(await flow.begin())
    assert grant.access_token == "at"
    assert not server.script
    return waiting


async def test_a_person_confirms_and_the_device_gets_its_tokens(
    server: OAuthServer, tls: ssl.SSLContext
) -> None:
    waiting = Waiting()
    client = OAuthClient(server.url, client_id=CLIENT_ID, tls=tls)
    flow = DeviceFlow(client, clock=waiting.clock, pause=waiting.pause)
    begun = await flow.begin()

    def decide() -> None:
        if len(waiting.pauses) == 3:
            server.decide(begun.user_code, "work")

    waiting.meanwhile = decide
    grant = await flow.wait(begun)

    assert waiting.pauses == [5.0, 5.0, 5.0]
    assert server.book.account_of(grant.access_token) == "work"
    assert grant.refresh_token is not None
    assert grant.resource_url == RESOURCE_URL
    assert begun.page == f"{server.url}/authorize"


async def test_a_person_may_say_no(server: OAuthServer, tls: ssl.SSLContext) -> None:
    waiting = Waiting()
    client = OAuthClient(server.url, client_id=CLIENT_ID, tls=tls)
    flow = DeviceFlow(client, clock=waiting.clock, pause=waiting.pause)
    begun = await flow.begin()
    waiting.meanwhile = lambda: server.decide(begun.user_code, None)
    with pytest.raises(SignInDenied):
        await flow.wait(begun)


async def test_a_code_that_nobody_confirms_expires_when_the_server_said() -> None:
    waiting = Waiting()
    pending = [refused("authorization_pending")] * 200
    flow = DeviceFlow(
        Scripted(deque([(200, AUTHORIZATION), *pending])),
        clock=waiting.clock,
        pause=waiting.pause,
    )
    with pytest.raises(SignInExpired):
        await flow.wait(await flow.begin())
    assert waiting.now == NOW + 600


async def test_a_server_that_says_it_has_expired_is_believed() -> None:
    with pytest.raises(SignInExpired):
        await signed_in(refused("expired_token"))


@pytest.mark.parametrize("status", [400, 429])
async def test_slow_down_adds_five_seconds_for_good(status: int) -> None:
    waiting = await signed_in(
        refused("authorization_pending"),
        refused("slow_down", status),
        refused("authorization_pending"),
        (200, TOKENS),
    )
    assert waiting.pauses == [5, 5, 10, 10]


async def test_a_429_without_a_word_means_slow_down_too() -> None:
    waiting = await signed_in((429, b"Too Many Requests"), (200, TOKENS))
    assert waiting.pauses == [5, 10]


async def test_a_server_that_fails_or_vanishes_for_a_moment_is_asked_again_less_often() -> None:
    waiting = await signed_in(
        OAuthUnreachable("gone"), (502, b"<html>"), OAuthUnreachable("gone"), (200, TOKENS)
    )
    assert waiting.pauses == [5, 10, 20, 40]


async def test_a_server_that_is_back_is_asked_as_often_as_before() -> None:
    waiting = await signed_in(
        refused("slow_down"),
        OAuthUnreachable("gone"),
        (503, b"<html>"),
        refused("authorization_pending"),
        (200, TOKENS),
    )
    assert waiting.pauses == [5, 10, 20, 40, 10]


@pytest.mark.parametrize(
    ("asked", "kept"),
    [(2, 2), ("2", 2), (0.001, 1), (0, 5), (-3, 5), (3600, 60), (1e12, 5), (None, 5), ("x", 5)],
    ids=repr,
)
async def test_the_interval_that_the_server_asks_for_is_kept_within_reason(
    asked: object, kept: float
) -> None:
    waiting = Waiting()
    server = Scripted(deque([(200, AUTHORIZATION | {"interval": asked}), (200, TOKENS)]))
    flow = DeviceFlow(server, clock=waiting.clock, pause=waiting.pause)
    await flow.wait(await flow.begin())
    assert waiting.pauses == [kept]


async def test_any_other_refusal_ends_it_without_repeating_what_was_said() -> None:
    with pytest.raises(OAuthRefused) as caught:
        await signed_in(refused("invalid_grant", 403))
    assert "invalid_grant" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "tokens",
    [
        b"",
        b"<html>",
        {"access_token": "at"},
        {"refresh_token": "rt"},
        {**TOKENS, "access_token": 7},
    ],
    ids=["nothing", "a page", "no refresh token", "no access token", "a number"],
)
async def test_a_success_without_tokens_is_none(tokens: object) -> None:
    with pytest.raises(OAuthRefused):
        await signed_in((200, tokens))


@pytest.mark.parametrize(
    "wrong",
    [
        {"device_code": ""},
        {"user_code": "\x1b[2J"},
        {"user_code": None},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "file:///etc/passwd"},
        {"verification_uri": "https://[broken"},
    ],
    ids=str,
)
async def test_an_answer_that_begins_no_sign_in_is_refused(wrong: Mapping[str, object]) -> None:
    flow = DeviceFlow(Scripted(deque([(200, {**AUTHORIZATION, **wrong})])))
    with pytest.raises(OAuthRefused):
        await flow.begin()


async def test_without_a_complete_address_the_plain_one_is_opened() -> None:
    answer = AUTHORIZATION | {"verification_uri_complete": "data:text/html,x"}
    begun = await DeviceFlow(Scripted(deque([(200, answer)]))).begin()
    assert begun.page == AUTHORIZATION["verification_uri"]


async def test_what_is_secret_shows_in_no_repr() -> None:
    begun = await DeviceFlow(Scripted(deque([(200, AUTHORIZATION)]))).begin()
    assert isinstance(begun, DeviceAuthorization)
    assert begun.device_code not in repr(begun)
    assert begun.code_verifier not in repr(begun)


@given(st.text(st.sampled_from("abcXYZ019-._~"), min_size=43, max_size=128))
def test_the_challenge_is_the_one_that_a_standard_client_makes(verifier: str) -> None:
    client = DeviceClient(CLIENT_ID)
    assert code_challenge(verifier) == client.create_code_challenge(verifier, "S256")
