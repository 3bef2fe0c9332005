"""The HTTP stream class: mitmproxy's, with other states. ``__init__`` tells the theory."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from mitmproxy import http
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http import (
    HttpResponseHeadersHook,
    RequestData,
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
from mitmproxy.proxy.utils import expect

from addon.errors import ApiError, Code
from addon.proxy.answer import (
    is_event_stream,
    longest_whole,
    mask_token,
    streamed_answer,
    translate_whole,
)
from addon.proxy.exchange import LONGEST_EVENT, Exchange, StreamedAnswer, UpstreamRefusal
from addon.proxy.failover.held import HeldAnswer
from addon.proxy.failover.limited import LimitedStream
from addon.proxy.failover.policy import UpstreamRefusedHook
from addon.proxy.failover.translating import TranslatingStream
from addon.proxy.failover.upstream import (
    abandon,
    drop_late_events,
    forget_stream_id,
    hear_no_more,
    upstream_failed,
    was_closed_at_rest,
)
from addon.proxy.heads import fault_in_answer, unfold
from addon.proxy.routing import Route
from addon.proxy.upstream import with_token
from addon.translate import (
    CodingError,
    Opening,
    UpstreamError,
    ends_a_line,
    invalid_answer,
    read_error_body,
    shortened,
)

_LONGEST_HELD: Final = 64 * 1024
"""Bytes: an answer that need not be read is held back no longer."""
_LONGEST_REFUSAL: Final = 1024 * 1024
"""Bytes: of a refusal that goes on only the beginning is read."""


class AccountStream(LimitedStream, TranslatingStream):
    """One request; one of ours is served from an account."""

    _held: HeldAnswer

    @property
    def _exchange(self) -> Exchange | None:
        """The exchange, where this request is ours and waits for its upstream."""
        exchange = self.policy.exchange_of(self.flow)
        return exchange if exchange is not None and exchange.awaits_upstream else None

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's; but the end of a client does not wait for a hook or a connection."""
        if self._paused and isinstance(event, RequestProtocolError):
            self.policy.client_left(self.flow)
        return super().handle_event(event)

    # --- the way there

    def state_consume_request_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's, with the token put in as the request's head passes by."""
        steps = super().state_consume_request_body(event)
        yield from self._with_token(steps) if isinstance(event, RequestEndOfMessage) else steps

    def _with_token(self, steps: layer.CommandGenerator[None]) -> layer.CommandGenerator[None]:
        reply: Any = None
        is_ours = self.policy.exchange_of(self.flow) is not None
        while True:
            try:
                command = steps.send(reply)
            except StopIteration:
                return
            if isinstance(command, SendHttp) and isinstance(command.event, RequestHeaders):
                if is_ours and self.policy.exchange_of(self.flow) is None:
                    return  # the client left meanwhile, as this stream is about to hear
                exchange = self._exchange
                if exchange is not None and exchange.lease is not None:
                    command.event.request = with_token(command.event.request, exchange.lease)
                    exchange.is_out = True
                    yield from self.watch(exchange)
            reply = yield command

    def _resend(self, exchange: Exchange) -> layer.CommandGenerator[None]:
        """The same request once more, to where the addon has pointed the flow."""
        exchange.resend = False
        exchange.answer = None
        self.flow.response = None
        self.server_state = self.state_wait_for_response_headers
        yield from self._with_token(self._send())

    def _send(self) -> layer.CommandGenerator[None]:
        """What mitmproxy does at the end of ``state_consume_request_body``."""
        if not (yield from self.make_server_connection()):
            return
        content, server = self.flow.request.raw_content, self.context.server
        yield SendHttp(RequestHeaders(self.stream_id, self.flow.request, not content), server)
        if content:
            yield SendHttp(RequestData(self.stream_id, content), server)
        yield SendHttp(RequestEndOfMessage(self.stream_id), server)

    # --- the way back

    @expect(ResponseHeaders)
    def state_wait_for_response_headers(
        self, event: ResponseHeaders
    ) -> layer.CommandGenerator[None]:
        """Where an answer goes on from its head: see the table above."""
        exchange = self._exchange
        if exchange is None:
            yield from super().state_wait_for_response_headers(event)
            return
        self.flow.response = event.response
        status = event.response.status_code
        unfold(event.response)
        fault = fault_in_answer(event.response, self.context.options)
        if fault:
            yield from abandon(self)
            yield from self._failed(f"The upstream's answer cannot be read: {fault}")
            return
        request = exchange.request
        is_refusal = status >= HTTPStatus.MULTIPLE_CHOICES
        if is_refusal or (request is not None and status != HTTPStatus.OK):
            self.server_state = self.state_consume_refusal
        elif request is None:
            yield from self._pass_on(event, exchange)
        elif request.stream and is_event_stream(event.response):
            yield from self._hold(event, exchange)
        else:
            self.server_state = self.state_consume_answer

    def _pass_on(self, event: ResponseHeaders, exchange: Exchange) -> layer.CommandGenerator[None]:
        """Hands an answer on as it is; but one to a Chat request may be a refusal in disguise."""
        if exchange.route is Route.CHAT_COMPLETIONS and not event.end_stream:
            with suppress(CodingError):
                self._held = HeldAnswer(event, longest=_LONGEST_HELD)
                self.server_state = self.state_hold_headers
                return
        yield from super().state_wait_for_response_headers(event)

    def _hold(self, event: ResponseHeaders, exchange: Exchange) -> layer.CommandGenerator[None]:
        endless = invalid_answer("The upstream's answer begins without an event, and goes on.")
        try:
            self._held = HeldAnswer(event, longest=LONGEST_EVENT, if_longer=endless)
            exchange.answer = streamed_answer(exchange, event.response)
        except CodingError as error:
            yield from abandon(self)
            yield from self._refused(invalid_answer(str(error)), in_disguise=True)
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
            opening = Opening(invalid_answer(str(error)))
        if opening is None:
            if self._held.ended_a_line:
                self.heard_of()
            return
        if opening.error is None or self._is_for_the_client(opening.error):
            yield from self._release(event)
        else:
            if not isinstance(event, ResponseEndOfMessage):
                yield from abandon(self)
            yield from self._refused(opening.error, in_disguise=True, body=bytes(self._held.body))

    def _is_for_the_client(self, error: UpstreamError) -> bool:
        """Whether what is no answer is handed on all the same, since nothing has to be read."""
        exchange = self._exchange
        is_refusal = error.code != Code.UPSTREAM_INVALID_RESPONSE
        return exchange is not None and exchange.request is None and not is_refusal

    def _release(self, event: events.Event) -> layer.CommandGenerator[None]:
        """It is an answer: the head goes to the client, and what was held after it."""
        held = self._held
        yield from super().state_wait_for_response_headers(held.head)
        if self.server_state == self.state_errored:
            return
        exchange = self._exchange
        self.begin_to_translate(exchange.answer if exchange is not None else None)
        yield from self.server_state(ResponseData(self.stream_id, bytes(held.body)))
        if isinstance(event, ResponseEndOfMessage):
            yield from self.server_state(event)

    @expect(ResponseData, ResponseTrailers, ResponseEndOfMessage)
    def state_consume_refusal(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Reads a refusal whole before anybody decides about it."""
        if isinstance(event, ResponseData):
            self.response_body_buf += event.data
            if len(self.response_body_buf) > _LONGEST_REFUSAL:
                yield from abandon(self)
                yield from self._refusal_read()
        elif isinstance(event, ResponseEndOfMessage):
            yield from self._refusal_read()

    def _refusal_read(self) -> layer.CommandGenerator[None]:
        exchange, response = self._exchange, self.flow.response
        assert exchange is not None
        assert response is not None
        body = response.data.content = bytes(self.response_body_buf)
        self.response_body_buf.clear()
        if "content-length" in response.headers:
            response.headers["content-length"] = str(len(body))  # it may have been cut
        mask_token(response, exchange)
        body = response.raw_content or b""
        yield from self._refused(read_error_body(body, response.status_code))

    @expect(ResponseData, ResponseTrailers, ResponseEndOfMessage)
    def state_consume_answer(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Reads an answer in one piece: it may turn out to be none."""
        if isinstance(event, ResponseData):
            if not self.response_body_buf or ends_a_line(event.data) or event.data.isspace():
                # A stream that is put together here takes its time, and some services send
                # blanks while they think.
                self.heard_of()
            self.response_body_buf += event.data
            assert self.flow.response is not None
            if len(self.response_body_buf) > (most := longest_whole(self.flow.response)):
                self.response_body_buf.clear()
                yield from abandon(self)
                endless = f"The upstream's answer is longer than {most} bytes."
                yield from self._refused(invalid_answer(endless), in_disguise=True)
        elif isinstance(event, ResponseEndOfMessage):
            exchange = self._exchange
            assert self.flow.response is not None
            assert exchange is not None
            self.flow.response.data.content = bytes(self.response_body_buf)
            self.response_body_buf.clear()
            try:
                translate_whole(self.flow, exchange)
            except ApiError as error:
                fault = UpstreamError(error.message, error.code, error.type)
                yield from self._refused(fault, in_disguise=True)
            else:
                yield HttpResponseHeadersHook(self.flow)
                yield from self.send_response()

    def _refused(
        self,
        error: UpstreamError,
        *,
        in_disguise: bool = False,
        timed_out: bool = False,
        body: bytes = b"",
    ) -> layer.CommandGenerator[None]:
        """The decision point: the addon answers the client, or has the request sent again."""
        exchange, response = self._exchange, self.flow.response
        assert exchange is not None
        assert exchange.lease is not None
        exchange.refusal = UpstreamRefusal(
            status=response.status_code if response is not None else None,
            error=error.without(exchange.lease.token),
            headers=response.headers if response is not None else http.Headers(),
            in_disguise=in_disguise,
            timed_out=timed_out,
            body=body or (response.raw_content or b"" if response is not None else b""),
        )
        # Whatever this upstream still sends is of no interest: this state takes everything.
        self.server_state = self.state_errored
        forget_stream_id(self)
        yield UpstreamRefusedHook(self.flow)
        drop_late_events(self)
        if (yield from self.check_killed(True)):
            return
        if exchange.resend:
            yield from self._resend(exchange)
            return
        yield HttpResponseHeadersHook(self.flow)
        yield from self.send_response()
        self._take_no_more()

    # --- ends

    def _take_no_more(self) -> None:
        """What mitmproxy does with a killed flow: the request is over, whatever still comes."""
        self.client_state = self.server_state = self.state_errored

    def send_response(self, already_streamed: bool = False) -> layer.CommandGenerator[None]:
        """mitmproxy's, after the last events of a translated stream."""
        exchange = self.policy.exchange_of(self.flow)
        if already_streamed and exchange is not None and exchange.answer is not None:
            yield from self.send_to_client(exchange.answer.finish())
        is_http1 = not (self.flow.request.is_http2 or self.flow.request.is_http3)
        if self.flow.response is not None and (exchange is not None or is_http1):
            self.flow.response.trailers = None  # mitmproxy falls over them on HTTP/1.1
        yield from super().send_response(already_streamed)

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        """Where an upstream fails us the client gets a proper end, or a proper refusal."""
        exchange = self._exchange
        if (
            exchange is None
            or not isinstance(event, ResponseProtocolError)
            or self.client_state != self.state_done
            or self.server_state in (self.state_done, self.state_errored)
        ):
            yield from super().handle_protocol_error(event)
        elif self.server_state == self.state_stream_response_body:
            yield from self._broken_off(event, exchange)
        elif self.server_state == self.state_consume_refusal:
            # The head has said what there is to say.
            hear_no_more(self)
            yield from self._refusal_read()
        elif was_closed_at_rest(self):
            hear_no_more(self)
            yield from self._with_token(self._send())
        else:
            hear_no_more(self)
            what = "could not be reached" if self.flow.response is None else "broke off"
            timed_out, exchange.connect_timed_out = exchange.connect_timed_out, False
            why = shortened(event.message)  # it may repeat all that the upstream has sent
            yield from self._failed(f"The upstream {what}: {why}", timed_out=timed_out)

    def _broken_off(
        self, event: ResponseProtocolError, exchange: Exchange
    ) -> layer.CommandGenerator[None]:
        answer = exchange.answer
        if answer is None:
            exchange.cut = event.message
            yield from super().handle_protocol_error(event)
        elif answer.translator.ending is not None:
            # The answer was complete, and only its body was not ended as HTTP wants it.
            yield from self.send_response(already_streamed=True)
            self._take_no_more()
        else:
            exchange.cut = event.message
            yield from self._end_cut_stream(answer, event.message)

    def _failed(self, fault: str, *, timed_out: bool = False) -> layer.CommandGenerator[None]:
        self.response_body_buf.clear()
        self.flow.response = None
        yield from self._refused(UpstreamError(fault), timed_out=timed_out)

    def _end_cut_stream(self, answer: StreamedAnswer, fault: str) -> layer.CommandGenerator[None]:
        last_events = answer.abort(f"The upstream broke off its answer: {fault}")
        yield from self.send_to_client(last_events)
        yield from self.send_response(already_streamed=True)
        self._take_no_more()

    def fell_silent(self, exchange: Exchange) -> layer.CommandGenerator[None]:
        """Gives the upstream up, as if it had broken off."""
        fault = "it was silent for too long"
        yield from abandon(self)
        if self.server_state == self.state_consume_refusal:
            yield from self._refusal_read()  # the head has said what there is to say
        elif self.server_state != self.state_stream_response_body:
            yield from self._failed(f"The upstream did not answer: {fault}.", timed_out=True)
        else:
            yield from self._broken_off(upstream_failed(self, fault), exchange)

    # --- connections that are not opened before they are needed

    def handle_connect_regular(self) -> layer.CommandGenerator[None]:
        """mitmproxy's, without the early connection to a host of ours."""
        if not self.policy.is_our_host(self.flow.request.host):
            yield from super().handle_connect_regular()
            return
        self.child_layer = layer.NextLayer(self.context)
        yield from self.handle_connect_finish()
