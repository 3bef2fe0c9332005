"""The list of models, where an account's service has none: the names that the user gave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Final

from mitmproxy import http
from pydantic_core import to_json

from addon.proxy.answer import control_headers
from addon.proxy.exchange import Exchange
from addon.proxy.routing import Route

_NO_SUCH_ROUTE: Final = frozenset(
    (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)
)


def name_models(flow: http.HTTPFlow, exchange: Exchange, names: Sequence[str]) -> bool:
    """Answers with ``names`` where the list was asked for that the service does not have.

    Whether it did.
    """
    status = flow.response.status_code if flow.response is not None else None
    if not names or exchange.route is not Route.MODELS or status not in _NO_SUCH_ROUTE:
        return False
    flow.response = _response(names, exchange)
    return True


def _response(names: Iterable[str], exchange: Exchange) -> http.Response:
    """``names`` in the shape of ``GET /v1/models`` of OpenAI's reference."""
    models = [
        {"id": name, "object": "model", "created": 0, "owned_by": "opencode-qwen-proxy"}
        for name in names
    ]
    headers = {"content-type": "application/json", **control_headers(exchange)}
    body = to_json({"object": "list", "data": models})
    response = http.Response.make(HTTPStatus.OK, body, headers)
    response.http_version = exchange.client_http_version
    return response
