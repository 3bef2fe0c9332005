"""One of our requests on its way: what the hooks and the stream class know of it together.

Kept beside the flow, not in it: a flow is saved, shown and exported, and what is
in here (the lease above all) must not be.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from mitmproxy import http
from mitmproxy.connection import Client

from addon.broker import Lease, Needs, Usage
from addon.errors import ApiError
from addon.proxy.attempts import Attempts
from addon.proxy.masking import masked, spellings
from addon.proxy.routing import Route
from addon.proxy.untouched import UntouchedAnswer
from addon.proxy.views.kept import Kept
from addon.translate import (
    CodingError,
    Decode,
    Recollection,
    ResponsesRequest,
    StreamTranslator,
    TokenUsage,
    UpstreamError,
    ends_a_line,
)

T = TypeVar("T")

logger: Final = logging.getLogger(__name__)

_CLIENT_CLOSED_REQUEST: Final = 499
"""A status for the log alone: nobody is there to read it."""


def client_closed_request() -> ApiError:
    """What ends a hook that still works for a client that is gone."""
    return ApiError(_CLIENT_CLOSED_REQUEST, "The client left.")


LONGEST_EVENT: Final = 16 * 1024 * 1024
"""Bytes that an upstream may send without anything in them for the client: they are kept for the
end of an event, which may not come."""

LONGEST_STREAM: Final = 128 * 1024 * 1024
"""Bytes. What a stream says is kept to its end, where it is said several times more."""


class StreamedAnswer:
    """What mitmproxy calls for every chunk of an upstream's stream: chunk in, events out."""

    __slots__ = (
        "_bytes",
        "_decode",
        "_kept",
        "_silent_bytes",
        "_spellings",
        "_token",
        "first_event_at",
        "heard_at",
        "last_data_at",
        "translator",
    )

    def __init__(
        self,
        translator: StreamTranslator,
        decode: Decode | None,
        kept: Kept | None = None,
        *,
        token: str,
    ) -> None:
        """``kept`` takes along what passes. ``token`` is masked where a piece repeats it."""
        self.translator = translator
        self._decode = decode
        self._bytes = self._silent_bytes = 0
        self._kept = kept
        self._token = token
        self._spellings = tuple(each.encode() for each in spellings(token)) if token else ()
        self.last_data_at = time.time()
        """When the upstream last sent anything (Unix seconds)."""
        self.heard_at = time.monotonic()
        """When it last ended a line, on a clock that nobody sets: what has no end, however it
        dribbles, is silence."""
        self.first_event_at: float | None = None

    def __call__(self, data: bytes) -> bytes | tuple[()]:
        """The events that ``data`` brings; a fault of ours ends the stream, and not in silence.

        None is an empty tuple: mitmproxy would write an empty chunk, and that ends
        an HTTP/1.1 body. An empty ``data`` is mitmproxy's sign for the end, but an
        HTTP/2 server may send one in the middle: ``finish`` is what ends the answer.
        """
        if not data or self.translator.ending is not None:
            # What follows the end is of no interest, and no sign of life either.
            return ()
        now = self.last_data_at = time.time()
        try:
            if self._decode:
                data = self._decode(data)
            if ends_a_line(data):
                self.heard_at = time.monotonic()
            events = self.translator.feed(data, now)
        except CodingError as error:
            return self.abort(str(error)) or ()
        except Exception:
            logger.exception("An answer could not be translated.")
            return self.abort("The proxy failed on this answer.") or ()
        events = self._masked(events)
        if self._kept is not None:
            self._kept.add(data, events)
        self._bytes += len(data)
        if not events:
            return self._nothing_yet(len(data))
        self._silent_bytes = 0
        if self.first_event_at is None:
            self.first_event_at = now
        return events if self._bytes <= LONGEST_STREAM else events + self._given_up()

    def _masked(self, events: bytes) -> bytes:
        for spelling in self._spellings:
            if spelling in events:
                return masked(events, self._token)
        return events

    def _nothing_yet(self, came: int) -> bytes | tuple[()]:
        """So many bytes more have come without an event."""
        self._silent_bytes += came
        return self._given_up() if self._silent_bytes > LONGEST_EVENT else ()

    def _given_up(self) -> bytes:
        """The last events of an answer that has no end; its upstream is soon left."""
        self.heard_at = -math.inf
        return self.abort("The upstream's answer does not come to an end.")

    def finish(self) -> bytes:
        """The events that the end of the upstream's body brings."""
        return self._last(self.translator.finish(time.time()))

    def abort(self, fault: str) -> bytes:
        """The events that end the stream after ``fault``."""
        return self._last(self.translator.abort(fault, time.time()))

    def _last(self, events: bytes) -> bytes:
        events = masked(events, self._token) if self._token else events
        if self._kept is not None:
            self._kept.add(b"", events)
        return events


@dataclass(frozen=True, slots=True)
class UpstreamRefusal:
    """Why an upstream did not serve. Not one byte of it has gone to the client."""

    status: int | None
    """The HTTP status; None where no answer came at all."""
    error: UpstreamError
    """In the upstream's words, or in ours about the connection."""
    headers: http.Headers
    in_disguise: bool = False
    """Whether the status said 200, and the body otherwise."""
    timed_out: bool = False
    """Whether the upstream was given up because it was silent."""
    body: bytes = field(default=b"", repr=False)
    """As it came, in the coding that ``headers`` name, with the token if that is in it."""


@dataclass(slots=True)
class Exchange:
    """One request and what has become of it so far."""

    flow: http.HTTPFlow
    route: Route
    client_http_version: str
    started_at: float
    """Unix seconds."""
    path: str
    """As the client sent it, without its query."""
    closes: bool = False
    """Whether the client wants its connection closed after the answer (RFC 9112 §9.6)."""
    is_too_long: bool = False
    """Whether the body is longer than it may be, and was not read."""
    request: ResponsesRequest | None = None
    """Set on a translated route, once the body is understood."""
    recollection: Recollection | None = None
    """The reasoning of earlier turns, on a translated route."""
    model: str | None = None
    """The model's name as the client sends it, where the request names one."""
    lease: Lease | None = None
    """Open till it is settled; then it stays for the record."""
    is_settled: bool = False
    acquiring: asyncio.Future[Any] | None = None
    """Under way while the request waits for an account."""
    needs: Needs = field(default_factory=Needs)
    """What the request asks of an account."""
    attempts: Attempts = field(default_factory=Attempts)
    refusal: UpstreamRefusal | None = None
    """Why the last upstream that was asked did not serve."""
    upstream_address: tuple[str, int] | None = None
    """Where the request was pointed last."""
    resend: bool = False
    """Whether the addon answered a refusal with another lease: the request goes out again."""
    connect_timed_out: bool = False
    """Whether the connection that is being opened was given up."""
    answer: StreamedAnswer | None = None
    """Set where the upstream streams and the answer is translated."""
    untouched: UntouchedAnswer | None = None
    """Set where the answer is handed on as it comes."""
    usage: TokenUsage | None = None
    error: ApiError | None = None
    """What the client was refused with."""
    cut: str | None = None
    """Why the upstream's stream broke off, if it did."""
    client_left: bool = False
    is_out: bool = False
    """Whether the request has gone to its upstream: what answers before that is no upstream."""
    notes: tuple[str, ...] = ()
    kept: Kept | None = None
    """Its bodies, where they are kept to be shown."""

    @property
    def has_begun(self) -> bool:
        """Whether the head of an answer may have gone to the client."""
        return self.flow.response is not None and bool(self.flow.response.stream)

    @property
    def stream(self) -> StreamedAnswer | UntouchedAnswer | None:
        """What the answer passes through on its way to the client, once it has begun."""
        return self.answer or self.untouched

    @property
    def cost(self) -> Usage | None:
        """``usage`` as the broker counts it."""
        if self.usage is None:
            return None
        return Usage(
            input_tokens=self.usage.input_tokens,
            output_tokens=self.usage.output_tokens,
            cached_tokens=self.usage.cached_tokens,
            reasoning_tokens=self.usage.reasoning_tokens,
        )

    @property
    def awaits_upstream(self) -> bool:
        """Whether an account is leased, and the client has not been refused."""
        return self.lease is not None and self.error is None

    async def unless_the_client_leaves(self, work: Coroutine[object, object, T]) -> T:
        """What ``work`` gives; who cancels ``acquiring`` ends it, and ApiError is raised then."""
        if self.client_left:
            work.close()
            raise client_closed_request()
        task: asyncio.Future[T] = asyncio.ensure_future(work)
        self.acquiring = task
        try:
            return await task
        except asyncio.CancelledError:
            hook = asyncio.current_task()
            if hook is None or hook.cancelling():
                raise
            raise client_closed_request() from None
        finally:
            self.acquiring = None


@dataclass(slots=True)
class ExchangeBook:
    """All exchanges that are under way, by flow."""

    _by_flow: dict[str, Exchange] = field(default_factory=dict)

    def open(self, flow: http.HTTPFlow, route: Route) -> Exchange:
        """A new exchange for ``flow``."""
        request = flow.request
        exchange = self._by_flow[flow.id] = Exchange(
            flow=flow,
            route=route,
            client_http_version=request.http_version,
            started_at=time.time(),
            path=request.path.partition("?")[0],
            closes=_closes(request),
        )
        return exchange

    def get(self, flow: http.HTTPFlow) -> Exchange | None:
        """The exchange of ``flow``; None where the request is not ours, or over."""
        return self._by_flow.get(flow.id)

    def close(self, flow: http.HTTPFlow) -> Exchange | None:
        """Takes the exchange of ``flow`` out of the book."""
        return self._by_flow.pop(flow.id, None)

    def tokens(self) -> set[str]:
        """The tokens of all that is under way."""
        return {exchange.lease.token for exchange in self if exchange.lease is not None}

    def connecting_to(self, address: tuple[str, int]) -> list[Exchange]:
        """The exchanges whose request is on its way to ``address``."""
        return [
            exchange
            for exchange in self
            if exchange.awaits_upstream and exchange.upstream_address == address
        ]

    def is_on_its_way(self, client: Client, address: tuple[str, int]) -> bool:
        """Whether a request of ``client`` is on its way to ``address``."""
        return any(each.flow.client_conn is client for each in self.connecting_to(address))

    def __iter__(self) -> Iterator[Exchange]:
        return iter(list(self._by_flow.values()))


def _closes(request: http.Request) -> bool:
    options = request.headers.get("connection", "").lower().split(",")
    return not request.is_http2 and "close" in map(str.strip, options)
