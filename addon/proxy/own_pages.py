"""What the proxy answers by itself, about itself: ``/_qwen/…``.

On a reverse listener, and at ``http://qwen.internal`` for those who use this as their HTTP
proxy. For programs and people on this machine alone; who may ask is ``guard``'s affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mitmproxy import http

from addon.broker.status import ProxyStatus
from addon.errors import ApiError, Code, refusal
from addon.proxy.guard import check_own_page
from addon.proxy.routing import is_reverse

HOST: Final = "qwen.internal"
"""A name of our own: ``.internal`` is for private use (ICANN, 2024) and no DNS knows it."""

_FOLDER: Final = "/_qwen/"


def is_own_page(flow: http.HTTPFlow) -> bool:
    """Whether the request is for the proxy itself."""
    if is_reverse(flow.client_conn):
        return bool(flow.request.path.startswith(_FOLDER))
    return bool(flow.request.host == HOST)


def own_page(flow: http.HTTPFlow, status: Callable[[], ProxyStatus]) -> http.Response:
    """The answer; ``status`` tells how the proxy does."""
    try:
        check_own_page(flow)
        return _page(flow.request, status)
    except ApiError as error:
        return _answer(error.status, error.body(), error.headers())


def _page(request: http.Request, status: Callable[[], ProxyStatus]) -> http.Response:
    path = request.path.partition("?")[0]
    if path == f"{_FOLDER}health":
        body = b'{"status": "ok"}'
    elif path == f"{_FOLDER}status.json":
        body = status().model_dump_json(indent=2).encode()
    else:
        raise refusal(Code.NOT_FOUND, f"There is no {path} here.")
    if request.method not in ("GET", "HEAD"):
        raise refusal(Code.METHOD_NOT_ALLOWED, f"{path} can be read, and nothing else.")
    return _answer(200, body, {"content-type": "application/json"})


def _answer(status: int, body: bytes, headers: dict[str, str]) -> http.Response:
    return http.Response.make(
        status, body, {**headers, "cache-control": "no-store", "x-content-type-options": "nosniff"}
    )
