"""The HTTP stream class that holds an upstream's answer back until it is known to be one.

All knowledge of mitmproxy's internals is in this file.

Theory of operation. mitmproxy handles each request in an ``HttpStream``, a
sans-I/O state machine: events come in, commands go out, each state is a method.
An addon's hook sees an answer only when its head is about to go to the client,
and sees a refused connection only as an error. So our subclass puts other states
where ``state_wait_for_response_headers`` would have gone on:

    the upstream answers          next state                 then
    ≥ 300, or anything not 200    state_consume_refusal      ``upstream_refused``
    200, a stream                 state_hold_headers         the client's head, then the stream,
                                                             or ``upstream_refused``
    200, one piece                (mitmproxy's own)          the ``response`` hook
    nothing: connect, TLS, reset  handle_protocol_error      ``upstream_refused``
    a cut in mid-stream           handle_protocol_error      the stream's proper end

``upstream_refused`` is a hook of our own: the addon sets ``flow.response``.

Two more things have no hook. The token is put on the wire as the command that
sends the request's head passes by, on a copy: the flow keeps the masked one. And
connections to our hosts are opened lazily, whatever ``connection_strategy`` says:
the host that the client names may be out of reach, or never needed.

The classes are put in place of mitmproxy's own when the addon loads, and taken
out when it unloads (``install``).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Protocol

from mitmproxy import http
from mitmproxy.proxy import commands, events, layer, layers
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http import (
    HttpResponseHeadersHook,
    HttpStream,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
    SendHttp,
)
from mitmproxy.proxy.layers.modes import ReverseProxy
from mitmproxy.proxy.utils import expect

from addon.proxy.answer import is_event_stream, streamed_answer
from addon.proxy.exchange import Exchange, StreamedAnswer, UpstreamRefusal
from addon.proxy.upstream import with_token
from addon.translate import (
    CodingError,
    Opening,
    OpeningCheck,
    UpstreamError,
    decoder,
    read_error_body,
)


@dataclass
class UpstreamRefusedHook(StartHook):
    """An upstream refused one of our requests: why stands in its exchange.

    The addon sets ``flow.response``.
    """

    name = "upstream_refused"
    flow: http.HTTPFlow


class StreamPolicy(Protocol):
    """What the stream class asks the addon."""

    def exchange_of(self, flow: http.HTTPFlow) -> Exchange | None:
        """The exchange of one of our requests."""

    def is_our_host(self, host: str) -> bool:
        """Whether connections to ``host`` are opened lazily."""


class _HeldAnswer:
    """The beginning of a stream whose head has not gone to the client."""

    __slots__ = ("_check", "_decode", "body", "head")

    def __init__(self, head: ResponseHeaders) -> None:
        self.head = head
        self.body = bytearray()
        self._decode = decoder(head.response.headers.get("content-encoding", ""))
        self._check = OpeningCheck()

    def feed(self, data: bytes) -> Opening | None:
        """What the first event is, once it is there."""
        self.body += data
        return self._check.feed(self._decode(data) if self._decode else data)

    def finish(self) -> Opening:
        """What the stream was, now that it has ended."""
        return self._check.finish()


class AccountStream(HttpStream):
    """One request; one of ours is served from an account."""

    policy: ClassVar[StreamPolicy]
    _held: _HeldAnswer

    @property
    def _exchange(self) -> Exchange | None:
        """The exchange, where this request is ours and waits for its upstream."""
        exchange = self.policy.exchange_of(self.flow)
        return exchange if exchange is not None and exchange.awaits_upstream else None

    # --- the way there

    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:
        """A body that is translated must be whole: ``stream_large_bodies`` is not for it."""
        exchange = self.policy.exchange_of(self.flow)
        if exchange is not None and self.context.options.stream_large_bodies:
            return False
        return (yield from super().check_body_size(request))

    def state_consume_request_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's, with the token put in as the request's head passes by."""
        steps = super().state_consume_request_body(event)
        if isinstance(event, RequestEndOfMessage):
            yield from self._with_token(steps)
        else:
            yield from steps

    def _with_token(self, steps: layer.CommandGenerator[None]) -> layer.CommandGenerator[None]:
        reply: Any = None
        while True:
            try:
                command = steps.send(reply)
            except StopIteration:
                return
            if isinstance(command, SendHttp) and isinstance(command.event, RequestHeaders):
                exchange = self._exchange
                if exchange is not None and exchange.lease is not None:
                    command.event.request = with_token(command.event.request, exchange.lease)
            reply = yield command

    # --- the way back

    @expect(ResponseHeaders)
    def state_wait_for_response_headers(
        self, event: ResponseHeaders
    ) -> layer.CommandGenerator[None]:
        """Where an answer goes on from its head: see the table above."""
        exchange = self._exchange
        if exchange is None or not exchange.route.is_translated:
            yield from super().state_wait_for_response_headers(event)
            return
        self.flow.response = event.response
        if (yield from self.check_invalid(False)):
            return
        if event.response.status_code != HTTPStatus.OK:
            self.server_state = self.state_consume_refusal
        elif (
            exchange.request is not None
            and exchange.request.stream
            and is_event_stream(event.response)
        ):
            self._hold(event, exchange)
        else:
            yield from super().state_wait_for_response_headers(event)

    def _hold(self, event: ResponseHeaders, exchange: Exchange) -> None:
        assert exchange.request is not None
        try:
            self._held = _HeldAnswer(event)
            exchange.answer = streamed_answer(exchange.request, event.response)
        except CodingError:
            # An unknown coding: the answer is read whole and refused with its name.
            self.server_state = self.state_consume_refusal
        else:
            self.server_state = self.state_hold_headers

    @expect(ResponseData, ResponseTrailers, ResponseEndOfMessage)
    def state_hold_headers(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Waits for the first event: an error there makes a refusal of the answer."""
        opening: Opening | None = None
        try:
            if isinstance(event, ResponseData):
                opening = self._held.feed(event.data)
            elif isinstance(event, ResponseEndOfMessage):
                opening = self._held.finish()
        except CodingError as error:
            opening = Opening(UpstreamError(str(error)))
        if opening is None:
            return
        if opening.error is None:
            yield from self._release(event)
        else:
            yield from self._refused(opening.error, in_disguise=True)

    def _release(self, event: events.Event) -> layer.CommandGenerator[None]:
        """It is an answer: the head goes to the client, and what was held after it."""
        held = self._held
        yield from super().state_wait_for_response_headers(held.head)
        if self.server_state == self.state_errored:
            return
        yield from self.server_state(ResponseData(self.stream_id, bytes(held.body)))
        if isinstance(event, ResponseEndOfMessage):
            yield from self.server_state(event)

    @expect(ResponseData, ResponseTrailers, ResponseEndOfMessage)
    def state_consume_refusal(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Reads a refusal whole before anybody decides about it."""
        if isinstance(event, ResponseData):
            self.response_body_buf += event.data
        elif isinstance(event, ResponseEndOfMessage):
            assert self.flow.response is not None
            self.flow.response.data.content = bytes(self.response_body_buf)
            self.response_body_buf.clear()
            body = self.flow.response.get_content(strict=False) or b""
            yield from self._refused(read_error_body(body, self.flow.response.status_code))

    def _refused(
        self, error: UpstreamError, *, in_disguise: bool = False
    ) -> layer.CommandGenerator[None]:
        response = self.flow.response
        exchange = self._exchange
        assert exchange is not None
        exchange.refusal = UpstreamRefusal(
            status=response.status_code if response is not None else None,
            error=error,
            headers=response.headers if response is not None else http.Headers(),
            in_disguise=in_disguise,
        )
        yield UpstreamRefusedHook(self.flow)
        if (yield from self.check_killed(True)):
            return
        yield HttpResponseHeadersHook(self.flow)
        yield from self.send_response()
        # Whatever the upstream still sends is of no interest: this state takes everything.
        self.server_state = self.state_errored

    # --- ends

    def send_response(self, already_streamed: bool = False) -> layer.CommandGenerator[None]:
        """mitmproxy's, after the last events of a translated stream."""
        exchange = self.policy.exchange_of(self.flow)
        if already_streamed and exchange is not None and exchange.answer is not None:
            yield from self._send_to_client(exchange.answer.finish())
        yield from super().send_response(already_streamed)

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        """Where an upstream fails us the client gets a proper end, or a proper refusal."""
        exchange = self._exchange
        upstream_failed = (
            exchange is not None
            and isinstance(event, ResponseProtocolError)
            and self.client_state == self.state_done
        )
        if exchange is not None and upstream_failed:
            if self.server_state == self.state_stream_response_body:
                exchange.cut = event.message
                if exchange.answer is not None:
                    yield from self._end_cut_stream(exchange.answer, event.message)
                    return
            elif self.server_state != self.state_done:
                what = "could not be reached" if self.flow.response is None else "broke off"
                self.response_body_buf.clear()
                self.flow.response = None
                yield from self._refused(UpstreamError(f"The upstream {what}: {event.message}"))
                return
        yield from super().handle_protocol_error(event)

    def _end_cut_stream(self, answer: StreamedAnswer, fault: str) -> layer.CommandGenerator[None]:
        last_events = answer.abort(f"The upstream broke off its answer: {fault}")
        yield from self._send_to_client(last_events)
        yield from self.send_response(already_streamed=True)

    def _send_to_client(self, data: bytes) -> layer.CommandGenerator[None]:
        if data:
            yield SendHttp(ResponseData(self.stream_id, data), self.context.client)

    # --- connections that are not opened before they are needed

    def handle_connect_regular(self) -> layer.CommandGenerator[None]:
        """mitmproxy's, without the early connection to a host of ours."""
        if not self.policy.is_our_host(self.flow.request.host):
            yield from super().handle_connect_regular()
            return
        self.child_layer = layer.NextLayer(self.context)
        yield from self.handle_connect_finish()


class LazyReverseProxy(ReverseProxy):
    """A reverse listener for HTTP: it connects when a request needs the upstream."""

    def finish_start(self) -> Generator[commands.Command, Any, str | None]:
        """mitmproxy's, without the early connection."""
        spec = self.context.client.proxy_mode
        if getattr(spec, "scheme", None) not in ("http", "https"):
            return (yield from super().finish_start())
        self._handle_event = self.child_layer.handle_event
        yield from self.child_layer.handle_event(events.Start())
        return None


def install(policy: StreamPolicy) -> Callable[[], None]:
    """Puts the classes in place of mitmproxy's own; the function it gives puts those back."""
    stream_class, proxy_class = http_layers.HttpStream, layers.modes.ReverseProxy

    class InstalledStream(AccountStream):
        pass

    InstalledStream.policy = policy
    http_layers.HttpStream = InstalledStream  # type: ignore[misc]
    layers.modes.ReverseProxy = LazyReverseProxy  # type: ignore[misc]

    def uninstall() -> None:
        http_layers.HttpStream = stream_class  # type: ignore[misc]
        layers.modes.ReverseProxy = proxy_class  # type: ignore[misc]

    return uninstall
