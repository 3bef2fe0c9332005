"""All that can happen to a credential, told to one process: ``test_secrets_process`` searches it.

Each thing that happens has a model of its own, and an account that serves that model alone. So a
request for the model ``zipped.0`` meets the upstream's answer of that name, on that account.
"""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx2

from tests.support.accounts import api_key_account
from tests.support.chat import Json, completion, events, sse, text_deltas, text_stream
from tests.support.oauth_server import OAuthServer
from tests.support.proxy import SAFETY_SECONDS, MitmProcess
from tests.support.replies import Ending, Reply, compressed, json_reply, refusal, stream_reply
from tests.support.secrets import made_up_key
from tests.support.upstream import Request, Upstream

CLIENTS_OWN: Final = made_up_key("the client's own")
PORTAL: Final = "https://portal.qwen.ai/v1"

Says = Callable[[str], Reply]
"""What an upstream answers to a request with that token."""


def _echo(token: str) -> str:
    return f"Incorrect API key provided: {token}."


def _error(token: str) -> Json:
    return {"error": {"message": _echo(token), "code": token}}


def _many(token: str) -> Json:
    """So often that wherever the message is cut short, it is in the midst of one."""
    return {"error": {"message": token * 200}}


def _page(token: str) -> Reply:
    page = f"<html><title>Oops</title>{_echo(token)}</html>".encode()
    return Reply(500, (("content-type", "text/html"),), (page,))


def _body(body: str, encoding: str | None = None) -> Reply:
    coding = {"content-encoding": encoding} if encoding else {}
    fields = {"content-type": "application/json", **coding}
    return Reply(400, tuple(fields.items()), tuple(compressed([body.encode()], encoding)))


ECHOES: Final[dict[str, Says]] = {
    "refusal-400": lambda token: refusal(400, token, _echo(token)),
    "refusal-401": lambda token: refusal(401, token, _echo(token)),
    "refusal-403": lambda token: refusal(403, None, f"invalid api-key {token}"),
    "refusal-429": lambda token: refusal(429, token, _echo(token), headers={"retry-after": "900"}),
    "page": _page,
    "many": lambda token: _body(json.dumps(_many(token))),
    "many-first": lambda token: stream_reply([sse(_many(token))]),
    "many-later": lambda token: stream_reply([*map(sse, text_deltas("Hel")), sse(_many(token))]),
    "escaped": lambda token: _body(json.dumps(_error(token)).replace("/", r"\/")),
    "zipped": lambda token: _body(json.dumps(_error(token)), "gzip"),
    "header": lambda token: json_reply({}, 400, headers={"x-request-id": token}),
    "served-header": lambda token: json_reply(completion("Hi"), headers={"x-request-id": token}),
    "first-event": lambda token: stream_reply([sse(_error(token))]),
    "mid-stream": lambda token: stream_reply([*map(sse, text_deltas("Hel")), sse(_error(token))]),
    "in-two": lambda token: stream_reply([sse(_error(token))[:50], sse(_error(token))[50:]]),
    "cut": lambda token: stream_reply([sse(_error(token))[:60]], ending=Ending.CUT),
}
"""Upstreams that repeat the token of the request, in each way that they have."""


def _spelt_out(token: str) -> list[bytes]:
    pieces = (token[start : start + 5] for start in range(0, len(token), 5))
    return [*map(sse, text_deltas("Your key is ", *pieces))]


SPOKEN: Final[dict[str, Says]] = {
    "spoken": lambda token: stream_reply(events(text_stream(_echo(token)))),
    "spoken-zipped": lambda token: stream_reply(events(text_stream(_echo(token))), encoding="gzip"),
    "spelt-out": lambda token: stream_reply(_spelt_out(token)),
    "spelt-out-zipped": lambda token: stream_reply(_spelt_out(token), encoding="gzip"),
}
"""Upstreams whose model says it: a client's stream has it as text, which is not searched here."""

WAYS: Final = [("responses", True), ("responses", False), ("chat/completions", True)]
"""Which path is asked, and whether for a stream."""


class EchoingOAuthServer(OAuthServer):
    """One that repeats the request, and so the refresh token, where it refuses."""

    def answer_token(self, body: str, headers: dict[str, str]) -> Any:
        answer = super().answer_token(body, headers)
        if answer is None or answer.status == httpx2.codes.OK:
            return answer
        told = {**json.loads(answer.content), "error_description": body}
        return replace(answer, content=json.dumps(told).encode())


@dataclass(slots=True)
class Story:
    """The accounts, the upstreams behind them, and what clients ask."""

    oauth: OAuthServer
    upstream: Upstream
    secure: Upstream
    """The same over TLS and HTTP/2."""
    answers: list[bytes] = field(default_factory=list)
    """What clients got: heads and bodies, these without their content coding."""
    secrets: dict[str, str] = field(default_factory=lambda: {"the client's own": CLIENTS_OWN})
    """All that must not be told, by what to call it."""
    _spent: set[str] = field(default_factory=set)
    """Tokens that the upstream takes no more."""

    def accounts(self) -> list[Json]:
        """Those that requests go to, and those that somebody made a mistake with."""
        accounts = [*self._echoing(), *self._signed_in(), *self._out_of_reach(), *_mistaken()]
        accounts += [
            self._account("served", self.upstream.base_url),
            self._account("http2", self.secure.base_url),
        ]
        self.secrets |= {name: made_up_key(name) for name in MISTAKES}
        for upstream in (self.upstream, self.secure):
            upstream.answers(self._answer)
        return accounts

    def _account(self, model: str, base_url: str) -> Json:
        key = self.secrets[model] = made_up_key(model)
        return api_key_account(key, base_url, label=model, models=[model])

    def _echoing(self) -> Iterator[Json]:
        for name in (*ECHOES, *SPOKEN):
            for way in range(len(WAYS)):
                yield self._account(f"{name}.{way}", self.upstream.base_url)

    def _signed_in(self) -> Iterator[Json]:
        for model in ("expired", "ended", "refused"):
            sign_in = self.oauth.sign_in(model)
            expires = sign_in.expires_ms if model == "refused" else 1_000
            yield sign_in.entry(
                baseUrl=self.upstream.base_url, label=model, models=[model], expires=expires
            )
            if model == "ended":
                self.oauth.book.end_sign_in(model)
            if model == "refused":
                self._spent.add(sign_in.access_token)

    def _out_of_reach(self) -> Iterator[Json]:
        yield self._account("nobody-there", "http://127.0.0.1:1/v1")
        yield self._account("no-tls-there", f"https://127.0.0.1:{self.upstream.port}/v1")

    def _answer(self, request: Request) -> Reply:
        body, token = request.json(), request.token or ""
        name, _, way = str(body["model"]).partition(".")
        if token in self._spent:
            return refusal(401, None, _echo(token))
        if way:
            return {**ECHOES, **SPOKEN}[name](token)
        if body.get("stream"):
            return stream_reply(events(text_stream("Hi")))
        return json_reply(completion("Hi"))

    # What clients ask

    def happens_to(self, proxy: MitmProcess) -> None:
        """Every request, one after the other."""
        with _client() as client:
            for way, (path, stream) in enumerate(WAYS):
                for name in ECHOES:
                    self._ask(client, f"{proxy.base_url}/{path}", f"{name}.{way}", stream=stream)
                told = len(self.answers)
                for name in SPOKEN:
                    self._ask(client, f"{proxy.base_url}/{path}", f"{name}.{way}", stream=stream)
                del self.answers[told:]
                for model in ("served", "expired", "ended", "refused"):
                    self._ask(client, f"{proxy.base_url}/{path}", model, stream=stream)
            for model in ("nobody-there", "no-tls-there", "none"):
                self._ask(client, f"{proxy.base_url}/responses", model, stream=True)
        with _client(proxy) as client:
            for path, stream in WAYS:
                self._ask(client, f"{PORTAL}/{path}", "http2", stream=stream)

    @contextlib.contextmanager
    def under_way(self, proxy: MitmProcess) -> Iterator[None]:
        """A request that is being answered inside the ``with``."""
        gate = self.upstream.gate()
        first, *others = events(text_stream("Hi"))
        self.upstream.replies(stream_reply([first, gate, *others]))
        body = {"model": "served", "stream": True, "input": "Hi"}
        url = f"{proxy.base_url}/responses"
        with _client() as client, client.stream("POST", url, json=body) as answer:
            pieces = answer.iter_bytes()
            next(pieces)
            yield
            gate.open()
            list(pieces)

    def _ask(self, client: httpx2.Client, url: str, model: str, *, stream: bool) -> None:
        messages = [{"role": "user", "content": "Hi"}]
        what: Json = {"input": "Hi"} if url.endswith("responses") else {"messages": messages}
        headers = {"authorization": f"Bearer {CLIENTS_OWN}"}
        body = {"model": model, "stream": stream, **what}
        with (
            contextlib.suppress(httpx2.RemoteProtocolError),  # some are cut as they came
            client.stream("POST", url, json=body, headers=headers) as answer,
        ):
            self.answers.append(repr(answer.headers.raw).encode())
            for piece in answer.iter_bytes():
                self.answers[-1] += piece

    def end(self, *, renewed: set[str]) -> None:
        """Learn the tokens that were given out, and see that all that was to happen did.

        ``renewed`` are the accounts whose token was to be renewed.
        """
        book = self.oauth.book
        tokens = (*book._live, *book._spent, *book._access)
        self.secrets |= {f"OAuth token {n}": token for n, token in enumerate(tokens)}
        seen = {request.token for each in (self.upstream, self.secure) for request in each.requests}
        echoes = (*ECHOES, *SPOKEN)
        asked = {made_up_key(f"{name}.{way}") for name in echoes for way in range(len(WAYS))}
        assert seen >= asked | {made_up_key("served"), made_up_key("http2")} | self._spent
        assert {exchange.account for exchange in book.exchanges} == renewed
        assert CLIENTS_OWN not in seen


def _client(proxy: MitmProcess | None = None) -> httpx2.Client:
    """A client of the reverse listener, or one that speaks HTTP/2 through ``proxy``."""
    if proxy is None:
        return httpx2.Client(trust_env=False, timeout=SAFETY_SECONDS)
    trusting = ssl.create_default_context(cafile=str(proxy.ca))
    url = proxy.url("regular")
    return httpx2.Client(
        proxy=url, verify=trusting, http2=True, trust_env=False, timeout=SAFETY_SECONDS
    )


MISTAKES: Final[dict[str, Callable[[str], Json]]] = {
    "the key as base URL": lambda key: {"baseUrl": key},
    "the key in the base URL": lambda key: {"baseUrl": f"https://user:{key}@host.example/v1"},
    "the key behind the base URL": lambda key: {"baseUrl": f"https://host.example/v1?key={key}"},
    "the key in a list": lambda key: {"apiKey": [key]},
    "the key with a line end": lambda key: {"apiKey": f"{key}\n"},
    "the key as priority": lambda key: {"priority": key},
    "the key as models": lambda key: {"models": key},
    "the key as a field": lambda key: {key: True},
    "the token as resource": lambda key: {"apiKey": None, "refreshToken": key, "resourceUrl": key},
}
"""Entries of the accounts file with the key where it should not be."""


def _mistaken() -> Iterator[Json]:
    for name, mistake in MISTAKES.items():
        sound = {"apiKey": "sk-no-secret", "baseUrl": "http://127.0.0.1:1/v1", "models": ["none"]}
        yield {**sound, **mistake(made_up_key(name))}
