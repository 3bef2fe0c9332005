"""The list of models, where an account's service has none: the names that the user gave."""

from __future__ import annotations

from collections.abc import Iterable
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


def lacks_models(exchange: Exchange, status: int | None) -> bool:
    """Whether ``status`` says that the service has no list of models, which was asked for."""
    return exchange.route is Route.MODELS and status in _NO_SUCH_ROUTE


def models_response(names: Iterable[str], exchange: Exchange) -> http.Response:
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
