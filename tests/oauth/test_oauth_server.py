"""The OAuth server of the tests is a real one: a device signs in, refreshes, and is caught."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from oauthlib.oauth2 import DeviceClient, OAuth2Error  # type: ignore[import-untyped]

from tests.support.oauth_grants import SCOPES
from tests.support.oauth_server import CLIENT_ID, RESOURCE_URL, OAuthServer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Device:
    """A client that oauthlib's client side speaks for."""

    def __init__(self, server: OAuthServer) -> None:
        self._url = f"{server.url}/api/v1/oauth2"
        self._client = DeviceClient(CLIENT_ID)
        self._verifier = self._client.create_code_verifier(64)

    def start(self) -> dict[str, Any]:
        form = {
            "client_id": CLIENT_ID,
            "scope": " ".join(SCOPES),
            "code_challenge": self._client.create_code_challenge(self._verifier, "S256"),
            "code_challenge_method": "S256",
        }
        answer = self._post("/device/code", urlencode(form))
        assert answer.status_code == 200
        authorization: dict[str, Any] = answer.json()
        return authorization

    def poll(self, device_code: str, verifier: str | None = None) -> dict[str, Any]:
        body = self._client.prepare_request_body(
            device_code=device_code,
            code_verifier=verifier or self._verifier,
            include_client_id=True,
        )
        return self._tokens(body)

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        return self._tokens(
            self._client.prepare_refresh_body(refresh_token=refresh_token, client_id=CLIENT_ID)
        )

    def _tokens(self, body: str) -> dict[str, Any]:
        answer = self._post("/token", body)
        tokens: dict[str, Any] = self._client.parse_request_body_response(answer.text)
        return tokens

    def _post(self, path: str, body: str) -> httpx2.Response:
        return httpx2.post(f"{self._url}{path}", content=body, headers=FORM, trust_env=False)


def error_of(caught: pytest.ExceptionInfo[OAuth2Error]) -> str:
    return str(caught.value.error)


def test_a_device_signs_in_once_the_person_agrees_and_then_refreshes(server: OAuthServer) -> None:
    device = Device(server)
    authorization = device.start()
    with pytest.raises(OAuth2Error) as caught:
        device.poll(authorization["device_code"])
    assert error_of(caught) == "authorization_pending"

    server.decide(authorization["user_code"], "work")
    tokens = device.poll(authorization["device_code"])
    again = device.refresh(tokens["refresh_token"])

    assert tokens["resource_url"] == RESOURCE_URL
    assert server.book.account_of(again["access_token"]) == "work"
    assert again["refresh_token"] != tokens["refresh_token"]


def test_a_person_may_say_no(server: OAuthServer) -> None:
    device = Device(server)
    authorization = device.start()
    server.decide(authorization["user_code"], None)
    with pytest.raises(OAuth2Error) as caught:
        device.poll(authorization["device_code"])
    assert error_of(caught) == "access_denied"


def test_a_device_code_is_of_no_use_to_who_does_not_know_the_verifier(server: OAuthServer) -> None:
    device = Device(server)
    authorization = device.start()
    server.decide(authorization["user_code"], "work")
    with pytest.raises(OAuth2Error) as caught:
        device.poll(authorization["device_code"], verifier="x" * 64)
    assert error_of(caught) == "invalid_grant"


def test_a_refresh_token_that_is_used_twice_is_noted_and_fails_the_test() -> None:
    server = OAuthServer()
    with server:
        refresh_token = server.sign_in("work").refresh_token
        device = Device(server)
        device.refresh(refresh_token)
        with pytest.raises(OAuth2Error):
            device.refresh(refresh_token)
        assert [exchange.spent for exchange in server.book.reused] == [refresh_token]
        with pytest.raises(AssertionError, match="used twice"):
            server.check()
        server.book.reused.clear()
