"""httpx2 clients that keep what came over the wire, so that the oracle can judge it afterwards.

A client library shows what it made of an answer; whether the answer kept the rules shows only in
its bytes. The clients take nothing from the environment: a proxy that the developer has set must
not come between.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2

from tests.support.oracle import CheckedStream, check_response, check_stream
from tests.support.sse import Event

SAFETY_SECONDS = 30.0
"""How long a client waits for anything before its test is given up."""


@dataclass(slots=True)
class Answer:
    """One answer, as far as the client has read it."""

    method: str
    path: str
    status: int
    headers: httpx2.Headers
    body: bytearray = field(default_factory=bytearray)
    is_whole: bool = False

    @property
    def is_of_responses(self) -> bool:
        """Whether it is a served answer of the Responses API, read to its end."""
        called = self.method == "POST" and self.path.endswith("/responses")
        return called and self.status == httpx2.codes.OK and self.is_whole

    def stream(self) -> CheckedStream:
        """The answer judged as a stream of events."""
        assert self.headers["content-type"].startswith("text/event-stream"), self.headers
        return check_stream(bytes(self.body))

    def response(self) -> Event:
        """The answer judged as a response object, or as the stream that ends in one."""
        if self.headers["content-type"].startswith("text/event-stream"):
            return self.stream().response
        assert self.headers["content-type"].startswith("application/json"), self.headers
        return check_response(httpx2.Response(200, content=bytes(self.body)).json())


class Recorder:
    """Makes clients, keeps every answer that they get, and judges them at the end of the ``with``.

    The clients must be closed by whoever asked for them.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    @property
    def last(self) -> Answer:
        """The newest answer."""
        return self.answers[-1]

    def check(self) -> None:
        """Raise AssertionError unless all served answers of the Responses API keep the rules."""
        for answer in self.answers:
            if answer.is_of_responses:
                answer.response()

    def client(
        self, *, proxy: str | None = None, ca: Path | None = None, http2: bool = False
    ) -> httpx2.Client:
        """A client; through ``proxy`` it trusts the authority whose certificate is in ``ca``."""
        transport = httpx2.HTTPTransport(verify=_trusting(ca), proxy=proxy, http2=http2)
        return httpx2.Client(
            transport=_Recording(transport, self.answers), timeout=SAFETY_SECONDS, trust_env=False
        )

    def async_client(
        self, *, proxy: str | None = None, ca: Path | None = None, http2: bool = False
    ) -> httpx2.AsyncClient:
        """As ``client``, for asyncio."""
        transport = httpx2.AsyncHTTPTransport(verify=_trusting(ca), proxy=proxy, http2=http2)
        return httpx2.AsyncClient(
            transport=_AsyncRecording(transport, self.answers),
            timeout=SAFETY_SECONDS,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.check()


def _trusting(ca: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if ca is None else str(ca))


def _begin(request: httpx2.Request, response: httpx2.Response, answers: list[Answer]) -> Answer:
    assert "content-encoding" not in response.headers, "nobody asked for a compressed answer"
    answer = Answer(request.method, request.url.path, response.status_code, response.headers)
    answers.append(answer)
    return answer


@dataclass(slots=True)
class _Recording(httpx2.BaseTransport):
    inner: httpx2.HTTPTransport
    answers: list[Answer]

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self.inner.handle_request(request)
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _Tee(response.stream, _begin(request, response, self.answers))
        return response

    def close(self) -> None:
        self.inner.close()


@dataclass(slots=True)
class _Tee(httpx2.SyncByteStream):
    inner: httpx2.SyncByteStream
    answer: Answer

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.inner:
            self.answer.body += piece
            yield piece
        self.answer.is_whole = True

    def close(self) -> None:
        self.inner.close()


@dataclass(slots=True)
class _AsyncRecording(httpx2.AsyncBaseTransport):
    inner: httpx2.AsyncHTTPTransport
    answers: list[Answer]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self.inner.handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _AsyncTee(response.stream, _begin(request, response, self.answers))
        return response

    async def aclose(self) -> None:
        await self.inner.aclose()


@dataclass(slots=True)
class _AsyncTee(httpx2.AsyncByteStream):
    inner: httpx2.AsyncByteStream
    answer: Answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self.inner:
            self.answer.body += piece
            yield piece
        self.answer.is_whole = True

    async def aclose(self) -> None:
        await self.inner.aclose()
