"""A scripted Chat Completions upstream: real sockets, real HTTP, and not a byte by chance.

It runs an asyncio server in a thread of the test process, records every request, holds each Chat
body against the rules of the real service, and plays what the script says: replies in order, or a
function of the request. Nothing in it waits for time to pass; a reply that must wait waits for a
``Gate`` that the test opens.
"""

from __future__ import annotations

import asyncio
import json
import threading
from asyncio import StreamReader, StreamWriter
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, cast

import h2.exceptions
import h11

from addon.sandbox.strict import header_violations, validate
from tests.support.chat import Json
from tests.support.listener import ListenerThread
from tests.support.replies import SAFETY_SECONDS, Gate, Reply, play, refusal
from tests.support.tls import CertificateAuthority
from tests.support.wire import Channel, Http1Connection, Http2Connection, Message

HOSTS: Final = ("127.0.0.1", "localhost", "portal.qwen.ai")

Validator = Callable[[object, Iterable[str]], Iterable[str]]
"""Takes the body of a Chat request and the names of its headers, gives what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it reached the upstream."""

    number: int
    """Order of arrival, from 0."""
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    http_version: str
    violations: tuple[str, ...]
    """What the real service would refuse in it."""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """The header's value; where it came more than once, all of them joined by commas."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def token(self) -> str | None:
        """The bearer token."""
        scheme, _, token = (self.header("authorization") or "").partition(" ")
        return token if scheme.lower() == "bearer" else None

    def json(self) -> Json:
        """The body, which must be a JSON object."""
        value = json.loads(self.body)
        assert isinstance(value, dict), f"the upstream got {value!r} where an object belongs"
        return value

    @property
    def messages(self) -> list[Json]:
        """``messages`` of a Chat body."""
        return cast(list[Json], self.json()["messages"])


Answer = Callable[[Request], Reply]


def strict(body: object, header_names: Iterable[str]) -> list[str]:
    """What any known service would refuse in a Chat request, by the rules of the sandbox."""
    return [fault.message for fault in (*validate(body), *header_violations(header_names))]


class Upstream:
    """The server. A context manager: it listens inside the ``with`` and is judged at its end."""

    def __init__(
        self,
        *,
        validator: Validator | None = strict,
        tls: CertificateAuthority | None = None,
        http2: bool = False,
    ) -> None:
        """``validator`` judges Chat requests; with ``tls``, ``http2`` offers h2 beside HTTP/1.1."""
        self._validator = validator
        alpn = ["h2", "http/1.1"] if http2 else ["http/1.1"]
        self._is_secure = tls is not None
        self._thread = ListenerThread(
            self._connected, tls=tls.server_context(HOSTS, alpn=alpn) if tls else None
        )
        self._changed = threading.Condition()
        self._script: deque[Reply] = deque()
        self._answer: Answer | None = None
        self.requests: list[Request] = []
        """All requests so far, in order of arrival."""
        self.faults: list[str] = []
        """What went against the script."""
        self.hangups = 0
        """How many clients left before their reply had ended."""
        self.connections = 0
        """How many connections were opened."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._thread.port

    @property
    def base_url(self) -> str:
        """Base URL of the Chat Completions API here."""
        return f"{'https' if self._is_secure else 'http'}://127.0.0.1:{self.port}/v1"

    def replies(self, *replies: Reply) -> None:
        """Answer the next requests with these, in order of arrival."""
        self._script.extend(replies)

    def answers(self, answer: Answer) -> None:
        """Answer every request that no reply was scripted for with what ``answer`` makes of it."""
        self._answer = answer

    def gate(self) -> Gate:
        """A gate to put into a reply's pieces."""
        return Gate(self._thread.loop)

    def reset(self) -> None:
        """Forget requests and script, for the next test on the same server."""
        with self._changed:
            self._script.clear()
            self._answer = None
            self.requests.clear()
            self.faults.clear()
            self.hangups = 0

    def check(self) -> None:
        """Raise AssertionError if anything was sent that should not have been, or was left over."""
        refused = [
            f"request {r.number} ({r.method} {r.target}): {fault}"
            for r in self.requests
            for fault in r.violations
        ]
        unplayed = [f"{len(self._script)} scripted replies were never asked for"]
        faults = [*self.faults, *refused, *(unplayed if self._script else [])]
        assert not faults, "the upstream saw:\n" + "\n".join(f"- {fault}" for fault in faults)

    def wait_for_requests(self, count: int) -> None:
        """Wait until ``count`` requests have arrived."""
        self._wait(lambda: len(self.requests) >= count, f"{count} requests")

    def wait_for_hangup(self) -> None:
        """Wait until a client has left before its reply had ended."""
        self._wait(lambda: self.hangups > 0, "a hang-up")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            happened = self._changed.wait_for(condition, SAFETY_SECONDS)
        assert happened, f"the upstream waited in vain for {what}; it saw {self.requests}"

    def __enter__(self) -> Self:
        self._thread.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.__exit__()
        if kind is None:
            self.check()

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        tls = writer.get_extra_info("ssl_object")
        http2 = tls is not None and tls.selected_alpn_protocol() == "h2"
        connection = Http2Connection if http2 else Http1Connection
        try:
            await connection(reader, writer).serve(self._serve)
        except ConnectionError:
            writer.transport.abort()

    async def _serve(self, message: Message, channel: Channel) -> None:
        reply = self._reply(self._record(message))
        gone = asyncio.create_task(channel.gone.wait())
        playing = asyncio.create_task(play(reply, channel))
        try:
            await asyncio.wait({gone, playing}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                raise ConnectionResetError
            playing.result()
        except ConnectionError:
            self._note(hangup=True)
        except TimeoutError:
            self._note(fault="a gate was never opened")
            await channel.reset()
        except (h11.ProtocolError, h2.exceptions.ProtocolError) as error:
            self._note(fault=f"{message.method} {message.target} was answered amiss: {error}")
            await channel.reset()
        finally:
            gone.cancel()
            playing.cancel()

    def _record(self, message: Message) -> Request:
        violations = self._violations(message)
        with self._changed:
            request = Request(
                number=len(self.requests),
                method=message.method,
                target=message.target,
                headers=message.headers,
                body=message.body,
                http_version=message.http_version,
                violations=violations,
            )
            self.requests.append(request)
            self._changed.notify_all()
        return request

    def _violations(self, message: Message) -> tuple[str, ...]:
        path = message.target.partition("?")[0]
        if self._validator is None or not path.endswith("/chat/completions"):
            return ()
        try:
            body = json.loads(message.body)
        except ValueError:
            return ("the body is not JSON",)
        return tuple(self._validator(body, [name for name, _ in message.headers]))

    def _reply(self, request: Request) -> Reply:
        if request.violations:
            return refusal(400, "invalid_parameter_error", "; ".join(request.violations))
        if self._script:
            return self._script.popleft()
        if self._answer is None:
            self._note(fault=f"{request.method} {request.target} has no scripted reply")
            return refusal(500, "no_script", "the script has no reply for this request")
        try:
            return self._answer(request)
        except Exception as error:  # noqa: BLE001 - a script's failed assertion belongs to the test
            self._note(fault=f"the script failed on {request.method} {request.target}: {error!r}")
            return refusal(500, "script_failed", "the script failed on this request")

    def _note(self, *, fault: str | None = None, hangup: bool = False) -> None:
        with self._changed:
            if fault is not None:
                self.faults.append(fault)
            self.hangups += hangup
            self._changed.notify_all()
