"""What a client's request wants: its body understood, its session found."""

from __future__ import annotations

from mitmproxy import http

from addon.broker import Needs
from addon.errors import ApiError, invalid_request
from addon.proxy.exchange import Exchange
from addon.proxy.recollections import RECOLLECTIONS
from addon.proxy.routing import Route
from addon.translate import CodingError, TooLongError, decoded, model_in, parse_request


async def understand(flow: http.HTTPFlow, exchange: Exchange, longest: int) -> Needs:
    """Notes in ``exchange`` what the request asks for, and says what it needs of an account.

    Raises ApiError (400) where the body cannot be read or carried over, or has more than
    ``longest`` bytes, decoded.
    """
    if exchange.is_too_long:
        raise _too_long(longest)
    session = flow.request.headers.get("x-session-id")
    if exchange.route.is_translated:
        body = _body(flow, longest)
        if exchange.kept is not None:
            exchange.kept.client_sent(body)
        exchange.recollection = await RECOLLECTIONS.for_request(body)
        request = exchange.request = parse_request(body, exchange.recollection)
        exchange.model = request.model
        return Needs(model=request.model, session=session or request.session)
    if exchange.route is Route.CHAT_COMPLETIONS:
        exchange.model = model_in(_body(flow, longest))
    return Needs(model=exchange.model, session=session)


def _body(flow: http.HTTPFlow, longest: int) -> bytes:
    coding = flow.request.headers.get("content-encoding", "")
    try:
        return decoded(flow.request.raw_content or b"", coding, longest)
    except TooLongError:
        # a few bytes that are very many: whoever looked at the flow would decode them all
        flow.request.raw_content = None
        raise _too_long(longest) from None
    except CodingError:
        raise invalid_request(
            f"The request body is not in its content-encoding: {coding}."
        ) from None


def _too_long(longest: int) -> ApiError:
    return invalid_request(
        f"The request body is longer than {longest} bytes, the most that this proxy takes. "
        "Its setting max_request_bytes says how many."
    )
