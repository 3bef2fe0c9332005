"""The OAuth server: device flow, PKCE, refresh with rotation. A real client library signs in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from oauthlib.oauth2 import DeviceClient, OAuth2Error  # type: ignore[import-untyped]

from addon.sandbox.oauth import CLIENT_ID
from addon.sandbox.server import Sandbox, running_sandbox
from tests.sandbox.conftest import Clock

SCOPE = "openid profile email model.completion"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    """A sandbox of its own for each test, with the clock in the test's hand."""
    with running_sandbox(clock=clock, access_token_seconds=3600) as running:
        yield running


@pytest.fixture
def oauth(sandbox: Sandbox) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=sandbox.oauth_base_url, trust_env=False) as client:
        yield client


class Device:
    """A device that signs in: oauthlib makes and reads the messages, httpx2 carries them."""

    def __init__(self, oauth: httpx2.Client) -> None:
        self.http = oauth
        self.client = DeviceClient(CLIENT_ID)
        self.verifier = self.client.create_code_verifier(64)
        self.challenge = self.client.create_code_challenge(self.verifier, "S256")
        self.authorization: dict[str, Any] = {}

    def start(self) -> dict[str, Any]:
        """Asks for a device code."""
        answer = self.http.post("/api/v1/oauth2/device/code", data=device_form(self.challenge))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        self.authorization = answer.json()
        return self.authorization

    def poll(self, **changes: str) -> dict[str, Any]:
        """Asks for the tokens; raises oauthlib's exception for the refusal."""
        fields = {
            "device_code": self.authorization["device_code"],
            "code_verifier": self.verifier,
            "include_client_id": True,
        } | changes
        return self.exchange(self.client.prepare_request_body(**fields))

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Exchanges a refresh token."""
        body = self.client.prepare_refresh_body(refresh_token=refresh_token, client_id=CLIENT_ID)
        return self.exchange(body)

    def exchange(self, body: str) -> dict[str, Any]:
        answer = self.http.post("/api/v1/oauth2/token", content=body, headers=FORM)
        tokens: dict[str, Any] = self.client.parse_request_body_response(answer.text)
        return tokens

    def decide(self, decision: str) -> httpx2.Response:
        """Presses a button on the page."""
        user_code = self.authorization["user_code"]
        return self.http.post("/device", data={"user_code": user_code, "decision": decision})


@pytest.fixture
def device(oauth: httpx2.Client) -> Device:
    return Device(oauth)


def device_form(challenge: str, **changes: str) -> dict[str, str]:
    return {
        "client_id": CLIENT_ID,
        "scope": SCOPE,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    } | changes


def error_of(caught: pytest.ExceptionInfo[OAuth2Error]) -> str:
    return str(caught.value.error)


def models_status(sandbox: Sandbox, access_token: str) -> int:
    """The status that a token gets from the API."""
    headers = {"authorization": f"Bearer {access_token}"}
    return httpx2.get(f"{sandbox.base_url}/models", headers=headers, trust_env=False).status_code


def test_a_device_signs_in(sandbox: Sandbox, device: Device, clock: Clock) -> None:
    authorization = device.start()
    assert authorization["expires_in"] == 900
    with pytest.raises(OAuth2Error) as caught:
        device.poll()
    assert error_of(caught) == "authorization_pending"
    assert device.decide("approved").status_code == 200
    clock.advance(authorization["interval"])
    tokens = device.poll()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    assert tokens["resource_url"] == sandbox.base_url
    assert models_status(sandbox, tokens["access_token"]) == 200


def test_the_page_shows_the_code_and_two_buttons(device: Device) -> None:
    authorization = device.start()
    link = urlsplit(authorization["verification_uri_complete"])
    assert parse_qs(link.query) == {"user_code": [authorization["user_code"]]}
    page = device.http.get(authorization["verification_uri_complete"])
    assert page.status_code == 200
    assert page.text.count("<button") == 2
    assert f"<strong>{authorization['user_code']}</strong>" in page.text


def test_a_code_may_be_typed_in_carelessly(device: Device, clock: Clock) -> None:
    device.start()
    device.authorization["user_code"] = (
        f" {device.authorization['user_code'].lower()[:4]}"
        + (device.authorization["user_code"].lower()[5:])
    )
    assert device.decide("approved").status_code == 200
    clock.advance(5)
    assert device.poll()["access_token"]


def test_the_page_escapes_what_it_is_given(oauth: httpx2.Client) -> None:
    attack = "<script>alert(1)</script>"
    for page in (
        oauth.get("/device", params={"user_code": attack}),
        oauth.post("/device", data={"user_code": attack, "decision": "approved"}),
        oauth.post("/device", data={"user_code": attack, "decision": attack}),
        oauth.get("/device"),
        oauth.post("/device"),
    ):
        assert page.status_code in (400, 404)
        assert "<script" not in page.text


def test_another_site_s_page_cannot_press_the_button(device: Device) -> None:
    device.start()
    form = {"user_code": device.authorization["user_code"], "decision": "approved"}
    for origin, status in (("https://evil.example", 403), (str(device.http.base_url), 200)):
        answer = device.http.post("/device", data=form, headers={"origin": origin})
        assert answer.status_code == status


def test_a_person_can_refuse(device: Device) -> None:
    device.start()
    device.decide("denied")
    with pytest.raises(OAuth2Error) as caught:
        device.poll()
    assert error_of(caught) == "access_denied"
    assert device.decide("approved").status_code == 404


def test_a_device_that_polls_too_fast_has_to_slow_down(device: Device, clock: Clock) -> None:
    device.start()
    errors = []
    for pause in (0, 4, 9, 10, 14.9, 20):
        clock.advance(pause)
        with pytest.raises(OAuth2Error) as caught:
            device.poll()
        errors.append(error_of(caught))
    pending, slow = "authorization_pending", "slow_down"
    assert errors == [pending, slow, slow, slow, slow, slow]


def test_a_device_that_slowed_down_gets_on(device: Device, clock: Clock) -> None:
    device.start()
    for pause, error in ((0, "authorization_pending"), (1, "slow_down")):
        clock.advance(pause)
        with pytest.raises(OAuth2Error) as caught:
            device.poll()
        assert error_of(caught) == error
    device.decide("approved")
    clock.advance(10)
    assert device.poll()["access_token"]


def test_a_code_expires(device: Device, clock: Clock) -> None:
    device.start()
    clock.advance(900)
    assert device.decide("approved").status_code == 404
    with pytest.raises(OAuth2Error) as caught:
        device.poll()
    assert error_of(caught) == "expired_token"


@pytest.mark.parametrize("verifier", ["x" * 43, "short", "ü" * 43])
def test_a_verifier_of_someone_else_is_refused(device: Device, verifier: str, clock: Clock) -> None:
    device.start()
    device.decide("approved")
    with pytest.raises(OAuth2Error) as caught:
        device.poll(code_verifier=verifier)
    assert error_of(caught) == "invalid_grant"
    clock.advance(5)
    assert device.poll()["access_token"]


def test_a_code_is_good_once(device: Device, clock: Clock) -> None:
    device.start()
    device.decide("approved")
    device.poll()
    clock.advance(5)
    with pytest.raises(OAuth2Error) as caught:
        device.poll()
    assert error_of(caught) == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "error", "status"),
    [
        ({"client_id": "another"}, "invalid_client", 401),
        ({"client_id": ""}, "invalid_request", 400),
        ({"scope": ""}, "invalid_request", 400),
        ({"scope": "openid admin"}, "invalid_scope", 400),
        ({"code_challenge": ""}, "invalid_request", 400),
        ({"code_challenge": "too-short"}, "invalid_request", 400),
        ({"code_challenge_method": "plain"}, "invalid_request", 400),
        ({"code_challenge_method": ""}, "invalid_request", 400),
    ],
)
def test_a_device_asks_in_the_right_form(
    oauth: httpx2.Client, change: dict[str, str], error: str, status: int
) -> None:
    refused = oauth.post("/api/v1/oauth2/device/code", data=device_form("x" * 43, **change))
    assert (refused.status_code, refused.json()["error"]) == (status, error)


def test_forms_are_forms(oauth: httpx2.Client) -> None:
    for answer in (
        oauth.post("/api/v1/oauth2/token", json={"grant_type": "refresh_token"}),
        oauth.post("/api/v1/oauth2/token", content=b"client_id=a&client_id=b", headers=FORM),
        oauth.post("/api/v1/oauth2/token", data={"client_id": CLIENT_ID}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    other = {"client_id": CLIENT_ID, "grant_type": "password"}
    refused = oauth.post("/api/v1/oauth2/token", data=other)
    assert refused.json()["error"] == "unsupported_grant_type"


def test_a_refresh_token_is_good_once(sandbox: Sandbox, device: Device) -> None:
    first = sandbox.accounts_document()["accounts"][0]
    renewed = device.refresh(first["refreshToken"])
    assert renewed["refresh_token"] != first["refreshToken"]
    assert renewed["resource_url"] == sandbox.base_url
    with pytest.raises(OAuth2Error) as caught:
        device.refresh(first["refreshToken"])
    assert error_of(caught) == "invalid_grant"


def test_reuse_of_a_spent_token_revokes_nothing(sandbox: Sandbox, device: Device) -> None:
    first = sandbox.accounts_document()["accounts"][0]
    renewed = device.refresh(first["refreshToken"])
    with pytest.raises(OAuth2Error):
        device.refresh(first["refreshToken"])
    for access_token in (first["accessToken"], renewed["access_token"]):
        assert models_status(sandbox, access_token) == 200
    assert device.refresh(renewed["refresh_token"])["access_token"]


def test_an_access_token_expires_and_is_renewed(
    sandbox: Sandbox, device: Device, clock: Clock
) -> None:
    first = sandbox.accounts_document()["accounts"][0]
    assert first["expires"] == int((clock.now + 3600) * 1000)
    clock.advance(3600)
    assert models_status(sandbox, first["accessToken"]) == 401
    renewed = device.refresh(first["refreshToken"])
    assert models_status(sandbox, renewed["access_token"]) == 200


def test_refreshing_changes_no_account(sandbox: Sandbox, device: Device) -> None:
    """A limit follows the account, not the token."""
    first = sandbox.accounts_document()["accounts"][0]
    before = httpx2.Headers({"authorization": f"Bearer {first['accessToken']}"})
    after = {"authorization": f"Bearer {device.refresh(first['refreshToken'])['access_token']}"}
    request = {"model": "coder-model", "messages": [{"role": "user", "content": "hi"}]}
    url = f"{sandbox.base_url}/chat/completions"
    statuses = [
        httpx2.post(url, json=request, headers=headers, trust_env=False).status_code
        for headers in [before] * 10 + [after] * 11
    ]
    assert statuses == [200] * 20 + [429]
