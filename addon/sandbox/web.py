"""The sandbox over HTTP: tornado handlers that read, ask the pure rooms, and write.

Nothing is decided here but the order in which a service looks at a request: its token, the
account's limit, its headers, its body, its model. Refusals have the shape that OpenAI's SDKs
parse; those of the OAuth endpoints the shape of RFC 6749.
"""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http.client import responses as reason_phrases
from typing import Any, Final, NoReturn
from urllib.parse import urlencode, urlsplit

from pydantic_core import from_json, to_json
from tornado.iostream import StreamClosedError
from tornado.template import Template
from tornado.web import Application, Finish, RequestHandler

from addon.errors import ApiError
from addon.sandbox import chat, tokens
from addon.sandbox.limits import RateLimiter
from addon.sandbox.model import MODELS, answer
from addon.sandbox.oauth import (
    AuthorizationServer,
    Clock,
    Decision,
    Form,
    OAuthError,
    SandboxAccount,
    TokenSet,
)
from addon.sandbox.request import ChatRequest
from addon.sandbox.strict import header_violations, validate

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """What the handlers share: the state of one sandbox."""

    origin: str
    """``http://127.0.0.1:port``"""
    clock: Clock
    authorization: AuthorizationServer
    limiter: RateLimiter
    delta_interval_seconds: float

    @property
    def base_url(self) -> str:
        """The base URL of the API, which sign-ins hand out as ``resource_url``."""
        return f"{self.origin}/v1"


class _Handler(RequestHandler):
    """A handler that knows the service and speaks JSON."""

    service: Service

    def initialize(self, service: Service) -> None:
        self.service = service

    def refuse(self, error: ApiError) -> NoReturn:
        """Answers with ``error`` and ends the request."""
        self.set_status(error.status)
        for name, value in error.headers().items():
            self.set_header(name, value)
        raise Finish(error.body())

    def write_error(self, status_code: int, **_details: object) -> None:
        """What tornado itself refuses or fails at, in the same shape."""
        error = ApiError(status_code, reason_phrases.get(status_code, "Unknown"))
        self.set_header("content-type", "application/json")
        self.finish(error.body())

    def account(self) -> SandboxAccount:
        """Whose bearer token the request carries; refuses the request without a good one."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        account = self.service.authorization.account_of(token.strip())
        if scheme.lower() != "bearer" or account is None:
            self.refuse(
                ApiError(401, "invalid access token or token expired", code="invalid_api_key")
            )
        return account


class NotFoundHandler(_Handler):
    """Every path that the sandbox does not know."""

    def prepare(self) -> None:
        """Refuses, whatever the method."""
        self.refuse(ApiError(404, f"there is nothing at {self.request.path}", code="not_found"))


class ModelsHandler(_Handler):
    """``GET /v1/models``."""

    def get(self) -> None:
        """Lists the models, to whoever is signed in."""
        self.account()
        self.set_header("content-type", "application/json")
        self.finish(to_json(chat.model_list()))


class ChatHandler(_Handler):
    """``POST /v1/chat/completions``."""

    _client_gone: asyncio.Future[None]

    def prepare(self) -> None:
        """Gets ready to notice that the client goes away."""
        self._client_gone = asyncio.get_running_loop().create_future()

    def on_connection_close(self) -> None:
        """Ends a pause between two chunks: nobody waits for the next one."""
        if not self._client_gone.done():
            self._client_gone.set_result(None)

    async def post(self) -> None:
        """Answers a valid request in the form that it asks for."""
        self._admit(self.account())
        request = self._valid_request()
        self._check_model(request)
        completion = chat.Completion(
            id=f"chatcmpl-{uuid.uuid4().hex}",
            created_at_seconds=int(self.service.clock()),
            request=request,
            answer=answer(request),
        )
        if request.stream:
            await self._stream(completion)
        else:
            self.set_header("content-type", "application/json")
            self.finish(to_json(completion.body()))

    def _admit(self, account: SandboxAccount) -> None:
        wait_seconds = self.service.limiter.admit(account.id, self.service.clock())
        if wait_seconds is not None:
            self.refuse(
                ApiError(
                    429,
                    f"{account.label} made too many requests, "
                    f"wait {math.ceil(wait_seconds)} seconds",
                    code="rate_limit_exceeded",
                    retry_after_seconds=wait_seconds,
                )
            )

    def _valid_request(self) -> ChatRequest:
        for violation in header_violations(self.request.headers):
            self._refuse_field(violation.message, violation.param)
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0]
        if media_type.strip().lower() != "application/json":
            self._refuse_field("the content-type must be application/json", "content-type")
        try:
            body = from_json(self.request.body, allow_inf_nan=False)
        except ValueError as error:
            self._refuse_field(f"the body is not valid JSON: {error}", None)
        for violation in validate(body):
            self._refuse_field(violation.message, violation.param)
        return ChatRequest.model_validate(body)

    def _check_model(self, request: ChatRequest) -> None:
        model = MODELS.get(request.model)
        if model is None:
            message = f"The model `{request.model}` does not exist or you do not have access to it."
            self.refuse(ApiError(404, message, code="model_not_found", param="model"))
        if tokens.prompt_size(request).tokens > model.context_tokens:
            limits = f"[1, {model.context_tokens}]"
            self._refuse_field(f"Range of input length should be {limits}", "messages")

    def _refuse_field(self, message: str, param: str | None) -> NoReturn:
        self.refuse(ApiError(400, message, code="invalid_parameter_error", param=param))

    async def _stream(self, completion: chat.Completion) -> None:
        self.set_header("content-type", "text/event-stream")
        self.set_header("cache-control", "no-cache")
        try:
            for chunk in completion.chunks():
                self.write(chat.event(chunk))
                await self.flush()
                await asyncio.wait([self._client_gone], timeout=self.service.delta_interval_seconds)
            await self.finish(chat.DONE)
        except StreamClosedError:
            _log.info("the client went before the end of its answer")


class _OAuthHandler(_Handler):
    """An endpoint that takes a form and answers as RFC 6749 §5 says."""

    def answer_form(self, act: Callable[[Form], dict[str, Any]]) -> None:
        """Answers with what ``act`` makes of the form, or with the OAuthError that it raises."""
        self.set_header("content-type", "application/json")
        self.set_header("cache-control", "no-store")
        try:
            body = act(self._form())
        except OAuthError as error:
            self.set_status(error.status)
            body = {"error": error.error, "error_description": error.description}
        self.finish(to_json(body))

    def _form(self) -> Form:
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0]
        if media_type.strip().lower() != "application/x-www-form-urlencoded":
            raise OAuthError(
                "invalid_request", "the body must be application/x-www-form-urlencoded"
            )
        names = self.request.body_arguments
        if any(len(values) > 1 for values in names.values()):
            raise OAuthError("invalid_request", "a parameter must not be sent twice")
        return {name: self.get_body_arguments(name, strip=False)[0] for name in names}


class DeviceCodeHandler(_OAuthHandler):
    """``POST /api/v1/oauth2/device/code`` (RFC 8628 §3.1)."""

    def post(self) -> None:
        """Starts a sign-in."""
        self.answer_form(self._authorize)

    def _authorize(self, form: Form) -> dict[str, Any]:
        device = self.service.authorization.authorize_device(form)
        page = f"{self.service.origin}/device"
        return {
            "device_code": device.device_code,
            "user_code": device.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?{urlencode({'user_code': device.user_code})}",
            "expires_in": device.expires_in_seconds,
            "interval": device.interval_seconds,
        }


class TokenHandler(_OAuthHandler):
    """``POST /api/v1/oauth2/token`` (RFC 8628 §3.4, RFC 6749 §6)."""

    def post(self) -> None:
        """Hands out tokens."""
        self.answer_form(lambda form: self._token(self.service.authorization.exchange(form)))

    def _token(self, issued: TokenSet) -> dict[str, Any]:
        return {
            "access_token": issued.access_token,
            "refresh_token": issued.refresh_token,
            "token_type": "Bearer",
            "expires_in": int(issued.expires_at_seconds - self.service.clock()),
            "resource_url": self.service.base_url,
        }


_PAGE: Final = Template(
    """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sandbox sign-in</title>
<body style="font: 1.1rem system-ui; margin: 15vh auto; max-width: 30rem">
<h1>Sandbox sign-in</h1>
{% if message %}
<p>{{ message }}</p>
{% else %}
<p>A device that shows the code <strong>{{ user_code }}</strong> asks to use a new sandbox account.
</p>
<form method="post">
<input type="hidden" name="user_code" value="{{ user_code }}">
<button name="decision" value="approved">Approve</button>
<button name="decision" value="denied">Deny</button>
</form>
{% end %}
</body>
</html>
""",
    autoescape="xhtml_escape",
)


class DevicePageHandler(_Handler):
    """``/device``: the page on which a person approves or denies a sign-in (RFC 8628 §3.3)."""

    def get(self) -> None:
        """Asks the person."""
        user_code = self.get_query_argument("user_code", None) or ""
        if self.service.authorization.pending(user_code):
            self._show(user_code=user_code)
        else:
            self._show("No device waits for this code.", status=404)

    def post(self) -> None:
        """Takes the answer."""
        self._check_origin()
        decision = self.get_body_argument("decision", None)
        user_code = self.get_body_argument("user_code", None) or ""
        if decision not in (Decision.APPROVED, Decision.DENIED):
            self._show("The decision must be approved or denied.", status=400)
        elif self.service.authorization.decide(user_code, Decision(decision)):
            self._show(f"The sign-in is {decision}. You can close this page.")
        else:
            self._show("No device waits for this code.", status=404)

    def _check_origin(self) -> None:
        """Another site's page must not press the button."""
        origin = self.request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.request.host:
            self.refuse(ApiError(403, "this page may only be used from the sandbox itself"))

    def _show(self, message: str = "", *, user_code: str = "", status: int = 200) -> None:
        self.set_status(status)
        self.set_header("content-type", "text/html; charset=utf-8")
        self.set_header("content-security-policy", "frame-ancestors 'none'")
        self.finish(_PAGE.generate(message=message, user_code=user_code))


def make_application(service: Service) -> Application:
    """The tornado application that serves ``service``."""
    shared = {"service": service}
    return Application(
        [
            ("/v1/chat/completions", ChatHandler, shared),
            ("/v1/models", ModelsHandler, shared),
            ("/api/v1/oauth2/device/code", DeviceCodeHandler, shared),
            ("/api/v1/oauth2/token", TokenHandler, shared),
            ("/device", DevicePageHandler, shared),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=shared,
        log_function=_log_request,
    )


def _log_request(handler: RequestHandler) -> None:
    """One line a request, with the path alone: a query may hold a code."""
    request = handler.request
    milliseconds = 1000 * request.request_time()
    _log.info(
        "%s %s: %d in %.0f ms", request.method, request.path, handler.get_status(), milliseconds
    )
