"""What a client's request wants: its body understood, its session found."""

from __future__ import annotations

from mitmproxy import http

from addon.broker import Needs
from addon.errors import invalid_request
from addon.proxy.exchange import Exchange
from addon.proxy.recollections import RECOLLECTIONS
from addon.proxy.routing import Route
from addon.translate import model_in, parse_request


async def understand(flow: http.HTTPFlow, exchange: Exchange) -> Needs:
    """Notes in ``exchange`` what the request asks for, and says what it needs of an account.

    Raises ApiError (400) where the body cannot be read or carried over.
    """
    session = flow.request.headers.get("x-session-id")
    if exchange.route.is_translated:
        body = _body(flow)
        exchange.recollection = await RECOLLECTIONS.for_request(body)
        request = exchange.request = parse_request(body, exchange.recollection)
        exchange.model = request.model
        return Needs(model=request.model, session=session or request.session)
    if exchange.route is Route.CHAT_COMPLETIONS:
        exchange.model = model_in(_body(flow))
    return Needs(model=exchange.model, session=session)


def _body(flow: http.HTTPFlow) -> bytes:
    try:
        return flow.request.get_content(strict=True) or b""
    except ValueError:
        coding = flow.request.headers.get("content-encoding", "")
        raise invalid_request(
            f"The request body is not in its content-encoding: {coding}."
        ) from None
