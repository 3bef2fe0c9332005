"""From what mitmproxy asks to see to what ``content_views`` shows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, Protocol

from mitmproxy import http
from mitmproxy.flow import Flow

from addon.proxy.exchange import Exchange
from addon.proxy.record import ATTEMPTS
from addon.proxy.routing import Route
from addon.proxy.views.cleaning import unpack
from addon.proxy.views.content_views import CONVERSATION, Message, shown
from addon.proxy.views.keeping import bodies_of, is_streamed, record_of
from addon.proxy.views.record import Record, checksum, record_in

_OURS_FIRST: Final = 10.0
"""Above every view of mitmproxy's own."""
_NOT_BY_ITSELF: Final = -1.0
_CONVERSATIONS: Final = frozenset((Route.RESPONSES.value, Route.CHAT_COMPLETIONS.value))
"""Routes whose messages are shown as a conversation unless the user chooses another view."""


class RunningProxy(Protocol):
    """The addon, as views know it."""

    def exchange_of(self, flow: http.HTTPFlow) -> Exchange | None:
        """The exchange of a request of ours that is under way."""


class Inspector:
    """Shows messages, of exchanges under way and of those that are over."""

    def __init__(self, proxy: RunningProxy) -> None:
        self._proxy = proxy

    def text(self, view: str, data: bytes, flow: Flow | None, message: http.Message | None) -> str:
        """``message`` of ``flow`` in the view of that name; mitmproxy has ``data`` of it."""
        if not isinstance(flow, http.HTTPFlow) or message is None:
            return shown(view, Message(is_request=False, content=data))
        content = _unpacked(data, message)
        exchange = self._proxy.exchange_of(flow)
        is_request = isinstance(message, http.Request)
        if exchange is None:
            record, attempts = record_in(flow.metadata), _listed(flow.metadata.get(ATTEMPTS))
            is_edited = record is not None and _is_edited(message, record)
            return shown(view, Message(is_request, content, record, attempts, is_edited=is_edited))
        bodies = bodies_of(exchange)
        if not is_request and is_streamed(exchange):
            content = _unpacked(bodies.went, message)
        return shown(
            view,
            Message(
                is_request,
                content,
                record_of(exchange, bodies),
                [asdict(each) for each in exchange.attempts.refused],
                is_under_way=True,
            ),
        )

    def priority(self, view: str, flow: Flow | None, message: http.Message | None) -> float:
        """How well the view of that name suits ``message``, in mitmproxy's terms."""
        if view != CONVERSATION or not isinstance(flow, http.HTTPFlow) or message is None:
            return _NOT_BY_ITSELF
        exchange, record = self._proxy.exchange_of(flow), record_in(flow.metadata)
        route = exchange.route.value if exchange is not None else record and record.route
        return _OURS_FIRST if route in _CONVERSATIONS else _NOT_BY_ITSELF


def _is_edited(message: http.Message, record: Record) -> bool:
    """Whether it is another than when the exchange was over."""
    is_request = isinstance(message, http.Request)
    before = record.request_sum if is_request else record.answer_sum
    return before is not None and checksum(message.raw_content) != before


def _unpacked(data: bytes, message: http.Message) -> bytes:
    """``data``, which mitmproxy could not unpack where it was cut short."""
    coding = message.headers.get("content-encoding", "")
    if not coding or data != message.raw_content:
        return data
    return unpack(data, coding) or data


def _listed(value: object) -> Sequence[Mapping[str, Any]]:
    """The attempts in a flow's metadata, which anybody may have written."""
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]
