"""An OAuth server that a sign-in and its refresh can be tried against, as strict as a real one.

oauthlib's server side does the thinking: device authorization (RFC 8628) with PKCE, refresh
with rotation (RFC 6749 §6). It listens on a port of its own, so several processes may use it at
once, and it can be told to fail. When its context ends it is judged: a refresh token that was
presented twice is an AssertionError, unless the test took it out of ``book.reused``.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs

from oauthlib.common import generate_token  # type: ignore[import-untyped]
from oauthlib.oauth2 import BearerToken, OAuth2Error  # type: ignore[import-untyped]
from oauthlib.oauth2.rfc6749.tokens import (  # type: ignore[import-untyped]
    random_token_generator,
)
from oauthlib.oauth2.rfc8628.endpoints import (  # type: ignore[import-untyped]
    DeviceAuthorizationEndpoint,
)
from oauthlib.oauth2.rfc8628.grant_types import DeviceCodeGrant  # type: ignore[import-untyped]

from tests.support.jwts import jwt
from tests.support.oauth_grants import Book, Device, token_endpoint

CLIENT_ID: Final = "f0304373b74a44d2b584a3fb70ca9e56"
RESOURCE_URL: Final = "portal.qwen.ai"

SAFETY_SECONDS: Final = 30.0
"""How long anything is waited for before the test is given up: a net, never a pace."""


class Trouble(Enum):
    """What a token request may meet instead of an answer."""

    SERVER_ERROR = auto()
    BUSY = auto()
    EMPTY = auto()
    """200 without a body."""
    HTML = auto()
    """200 with a page for people."""
    INVALID_GRANT = auto()
    SLOW_DOWN = auto()
    SLOW_DOWN_429 = auto()
    """The same with the status of a rate limit."""
    EXPIRED = auto()
    WRONG_CLIENT = auto()
    HANG = auto()
    """Silence until the server ends."""
    CUT = auto()
    """The connection is closed without an answer, the token not being spent."""
    LOST = auto()
    """As CUT, but the token is spent."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a person's sign-in left on the client's side."""

    account: str
    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    expires_ms: int

    def entry(self, **fields: object) -> dict[str, object]:
        """The account as the accounts file holds it."""
        return {
            "id": self.account,
            "refreshToken": self.refresh_token,
            "accessToken": self.access_token,
            "expires": self.expires_ms,
            "resourceUrl": RESOURCE_URL,
            **fields,
        }


class OAuthServer:
    """One server on 127.0.0.1; a context manager that listens inside the ``with``."""

    def __init__(
        self,
        *,
        token_seconds: int = 3600,
        poll_seconds: float = 5,
        names_accounts: bool = False,
        clients: Collection[str] = (CLIENT_ID,),
    ) -> None:
        """``token_seconds``: how long the access tokens are good that it gives out.

        ``poll_seconds``: how long it asks devices to wait between two questions. With
        ``names_accounts`` its access tokens say whose they are.
        """
        self.token_seconds = token_seconds
        self.book = Book(clients)
        self.troubles: deque[Trouble] = deque()
        """What the next token requests meet, each one of them."""
        self.outage: Trouble | None = None
        """What all token requests meet meanwhile."""
        self.requests = 0
        """How many token requests have come in."""
        self.faults: list[str] = []
        """What went wrong in the server itself."""
        self._changed = threading.Condition()
        self._open = threading.Event()
        self._open.set()
        self._ended = threading.Event()
        bearer = BearerToken(
            self.book,
            token_generator=_named_token if names_accounts else None,
            expires_in=lambda _request: self.token_seconds,
            refresh_token_generator=random_token_generator,
        )
        self._bearer = bearer
        self._tokens = token_endpoint(self.book, bearer)
        self._http = _HttpServer(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._devices = DeviceAuthorizationEndpoint(
            self.book,
            verification_uri=f"{self.url}/authorize",
            expires_in=900,
            interval=poll_seconds,
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._open.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(SAFETY_SECONDS)
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise AssertionError if a refresh token was used twice, or the server itself failed."""
        assert not self.faults, f"the OAuth server failed: {self.faults}"
        assert not self.book.reused, f"refresh tokens were used twice: {self.book.reused}"

    # What a test does

    def sign_in(self, account: str) -> SignIn:
        """The tokens of a person who has just signed in."""
        with self._changed:
            token = {
                "access_token": generate_token(40),
                "refresh_token": generate_token(40),
                "expires_in": self.token_seconds,
            }
            self.book.issue(account, token)
        expires_ms = int((time.time() + self.token_seconds) * 1000)
        return SignIn(account, token["refresh_token"], token["access_token"], expires_ms)

    def decide(self, user_code: str, account: str | None) -> None:
        """The person at the page approves the device for ``account``; None: denies it."""
        with self._changed:
            devices = self.book.devices.values()
            device = next(each for each in devices if each.user_code == user_code)
            device.account = account or ""
            device.status = (
                DeviceCodeGrant.DEVICE_CODE_AUTHORIZED
                if account
                else DeviceCodeGrant.DEVICE_CODE_DENIED
            )

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Token requests that come inside the ``with`` wait for its end."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def wait_for_requests(self, count: int) -> None:
        """Wait until ``count`` token requests have come in, since the start."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.requests >= count, SAFETY_SECONDS)

    # What the wire does

    def answer_token(self, body: str, headers: dict[str, str]) -> _Answer | None:
        """None: none."""
        with self._changed:
            self.requests += 1
            self._changed.notify_all()
        self._open.wait(SAFETY_SECONDS)
        with self._changed:
            trouble = self.troubles.popleft() if self.troubles else self.outage
            if trouble is None or trouble is Trouble.LOST:
                granted = self._tokens.create_token_response(
                    "https://oauth.test/token",
                    "POST",
                    body,
                    headers,
                    {"resource_url": RESOURCE_URL},
                )
                return None if trouble else _Answer(granted[2], granted[0], granted[1].encode())
        if trouble is Trouble.HANG:
            self._ended.wait()
        return _TROUBLES.get(trouble)

    def answer_device(self, body: str, headers: dict[str, str]) -> _Answer:
        """A device asks to be signed in."""
        with self._changed:
            try:
                told, answer, status = self._devices.create_device_authorization_response(
                    "https://oauth.test/device", "POST", body, headers
                )
            except OAuth2Error as refused:
                return _Answer(refused.status_code, {**_JSON}, refused.json.encode())
            if status == 200:
                challenge = parse_qs(body).get("code_challenge", [None])[0]
                self.book.devices[answer["device_code"]] = Device(
                    "", answer["user_code"], challenge
                )
        content = json.dumps(answer) if isinstance(answer, dict) else answer
        return _Answer(status, {"Content-Type": "application/json", **told}, content.encode())


def _named_token(request: Any) -> str:
    """An access token that says whose it is (RFC 9068)."""
    return jwt(request.user, serial=generate_token(40))


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: dict[str, str]
    content: bytes


_JSON: Final = {"Content-Type": "application/json"}

_TROUBLES: Final = {
    Trouble.SERVER_ERROR: _Answer(500, _JSON, b'{"error": "server_error"}'),
    Trouble.BUSY: _Answer(429, {"Content-Type": "text/plain"}, b"Too Many Requests"),
    Trouble.EMPTY: _Answer(200, _JSON, b""),
    Trouble.HTML: _Answer(200, {"Content-Type": "text/html"}, b"<title>Are you human?</title>"),
    Trouble.INVALID_GRANT: _Answer(400, _JSON, b'{"error": "invalid_grant"}'),
    Trouble.SLOW_DOWN: _Answer(400, _JSON, b'{"error": "slow_down"}'),
    Trouble.SLOW_DOWN_429: _Answer(429, _JSON, b'{"error": "slow_down"}'),
    Trouble.EXPIRED: _Answer(400, _JSON, b'{"error": "expired_token"}'),
    Trouble.WRONG_CLIENT: _Answer(401, _JSON, b'{"error": "invalid_client"}'),
}


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: OAuthServer) -> None:
        super().__init__(address, _Handler)
        self.owner = owner

    def handle_error(self, *_: Any) -> None:
        """A client that was killed is no fault; anything else is one of the server's own."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            self.owner.faults.append(repr(error))


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body, headers = self.rfile.read(length).decode(), dict(self.headers.items())
        owner = self.server.owner
        match self.path:
            case "/api/v1/oauth2/token":
                answer = owner.answer_token(body, headers)
            case "/api/v1/oauth2/device/code":
                answer = owner.answer_device(body, headers)
            case _:
                answer = _Answer(404, {}, b"")
        if answer is None:
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: Any) -> None:
        """What comes in is the test's to look at, not the terminal's."""
