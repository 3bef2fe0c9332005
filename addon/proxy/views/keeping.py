"""From the first byte of a request to the file that its flow is saved in: what is kept, and where.

While an exchange is under way its bodies are beside the flow, and what is shown of them is
cleaned each time. When it is over they are cleaned once and put into the flow: what the client
got is the answer's own content, as mitmproxy does it with ``store_streamed_bodies``, the rest
stands in the record. A flow that is forgotten takes its bodies with it, and leaves its place.
"""

from __future__ import annotations

import weakref
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from mitmproxy import http

from addon.proxy.exchange import Exchange
from addon.proxy.views.cleaning import cleaned, is_clean
from addon.proxy.views.kept import Kept
from addon.proxy.views.record import (
    INSPECT,
    Absence,
    Record,
    checksum,
    put_record,
    record_in,
)
from addon.proxy.views.shelf import Place, Shelf
from addon.settings import Settings


@dataclass(frozen=True, slots=True)
class Bodies:
    """What was kept of one exchange, fit to be shown."""

    absence: Absence | None = None
    request: bytes = b""
    """Where it is translated, and the flow's request has become another."""
    came: bytes = b""
    """Where it is translated."""
    went: bytes = b""

    @property
    def size(self) -> int:
        """Bytes in here."""
        return len(self.request) + len(self.came) + len(self.went)


class Keeping:
    """Keeps the bodies of exchanges, as far as the settings let it."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._places: weakref.WeakKeyDictionary[http.HTTPFlow, Place] = weakref.WeakKeyDictionary()
        """Of flows that are over."""

    def configure(self, settings: Settings) -> None:
        """The limits from now on."""
        self._shelf.resize(each=settings.inspect_body_limit, in_all=settings.inspect_total_limit)

    def begin(self, exchange: Exchange) -> None:
        """A request has come whole; its flow may have been sent before.

        What the client sent is kept by whoever decodes it (``intake``): a body may be very long
        then, and is not to be decoded twice.
        """
        exchange.flow.metadata.pop(INSPECT, None)
        if (earlier := self._places.pop(exchange.flow, None)) is not None:
            self._shelf.leave(earlier)
        if not self._shelf.each:
            return
        exchange.kept = Kept(self._shelf)

    def over(self, exchange: Exchange) -> None:
        """The exchange is over: what was kept of it goes into its flow, without the token."""
        flow, bodies = exchange.flow, bodies_of(exchange)
        if flow.response is not None and is_streamed(exchange):
            flow.response.data.content = _content(flow.response, exchange, bodies)
        record = record_of(
            exchange,
            bodies,
            request_sum=checksum(flow.request.raw_content),
            answer_sum=checksum(flow.response.raw_content if flow.response else None),
        )
        put_record(flow.metadata, record)
        if exchange.kept is not None:
            exchange.kept.end()
            self._put_away(exchange.kept, flow, bodies)

    def _put_away(self, kept: Kept, flow: http.HTTPFlow, bodies: Bodies) -> None:
        """From now on the place is the flow's, for as long as that lives."""
        place = kept.place

        def forgotten(_: weakref.ref[http.HTTPFlow]) -> None:
            self._shelf.leave(place)

        place.give_up = partial(_empty, weakref.ref(flow, forgotten), bodies.went)
        self._places[flow] = place
        if self._shelf.grow(place, bodies.size) >= bodies.size:
            self._shelf.settle(place, bodies.size)
        else:  # a mask may be longer than what it hides
            place.give_up()
            self._shelf.leave(place)


KEEPING: Final = Keeping(Shelf(each=0, in_all=0))
"""When the addon's script changes, mitmproxy loads that anew and this module stays as it is: what
earlier flows hold is still counted."""


def bodies_of(exchange: Exchange) -> Bodies:
    """What has been kept so far, without the token."""
    kept = exchange.kept
    if kept is None or kept.is_given_up:
        return Bodies("off" if kept is None else "given up")
    token = exchange.lease.token if exchange.lease is not None else ""
    if not exchange.route.is_translated:
        return _as_it_came(kept.went, token, _content_encoding(exchange.flow.response))
    request = kept.request if is_sent(exchange) else b""
    parts = (
        cleaned(request, token, may_come_in_pieces=False),
        cleaned(kept.came, token),
        # every piece in it has come, and in the same order
        cleaned(kept.went, token, may_come_in_pieces=kept.came_lost > 0),
    )
    whole = [part for part in parts if part is not None]
    return Bodies(None, *whole) if len(whole) == len(parts) else Bodies("token")


def record_of(
    exchange: Exchange,
    bodies: Bodies,
    *,
    request_sum: int | None = None,
    answer_sum: int | None = None,
) -> Record:
    """What is known of ``exchange``, with ``bodies`` of it, and the sums once it is over."""
    error, usage = exchange.error, exchange.usage
    kept = exchange.kept
    lost = (kept.request_lost, kept.came_lost, kept.went_lost) if kept is not None else (0, 0, 0)
    of_translation = bodies.absence is None and exchange.route.is_translated
    return Record(
        route=exchange.route.value,
        is_translated=exchange.route.is_translated,
        was_sent=is_sent(exchange),
        is_streamed=is_streamed(exchange),
        absence=bodies.absence,
        request=bodies.request if of_translation else None,
        request_size=len(bodies.request) + lost[0],
        came=bodies.came if of_translation else None,
        came_size=len(bodies.came) + lost[1],
        went_size=len(bodies.went) + lost[2],
        request_sum=request_sum,
        answer_sum=answer_sum,
        usage=asdict(usage) if usage is not None else None,
        refused=f"{error.code}: {error.message}" if error is not None else None,
        cut=exchange.cut,
        client_left=exchange.client_left,
    )


def is_sent(exchange: Exchange) -> bool:
    """Whether the flow's request has become the one for an upstream."""
    return exchange.upstream_address is not None


def is_streamed(exchange: Exchange) -> bool:
    """Whether the client's answer passes as it comes, or has passed so."""
    return exchange.has_begun and exchange.stream is not None


def _as_it_came(went: bytes, token: str, content_encoding: str) -> Bodies:
    """An answer that is handed on untouched, still in its coding."""
    if content_encoding:
        return Bodies(went=went) if is_clean(went, token, content_encoding) else Bodies("token")
    shown = cleaned(went, token)
    return Bodies(went=shown) if shown is not None else Bodies("token")


def _content(response: http.Response, exchange: Exchange, bodies: Bodies) -> bytes:
    """The content of an answer that has passed."""
    kept, stored = exchange.kept, response.raw_content
    is_whole = kept is not None and bodies.absence is None and not kept.went_lost
    if is_whole or not stored:
        return bodies.went
    # The user wants it whole, and had mitmproxy keep it (store_streamed_bodies).
    token = exchange.lease.token if exchange.lease is not None else ""
    return _as_it_came(stored, token, _content_encoding(response)).went


def _content_encoding(response: http.Response | None) -> str:
    return response.headers.get("content-encoding", "") if response is not None else ""


def _empty(ref: weakref.ref[http.HTTPFlow], went: bytes) -> None:
    """Takes the bodies out of a flow that is over."""
    flow = ref()
    record = record_in(flow.metadata) if flow is not None else None
    if flow is None or record is None:
        return
    nothing: dict[str, object] = {"absence": "given up", "request": None, "came": None}
    if flow.response is not None and flow.response.raw_content is went:
        flow.response.data.content = b""
        nothing["answer_sum"] = checksum(b"")
    put_record(flow.metadata, record.model_copy(update=nothing))
