"""The proxy's own pages: what is there, and what is answered.

===============  ====================================================================
``/``, ``.``     the live page (the first at ``qwen.internal`` alone)
``assets/…``     what it is made of
``events``       what it hears of, as it happens
``do/…``         what may be done from it
``status.json``  how proxy and accounts do, for programs
``metrics``      for Prometheus
``health``       for a supervisor
===============  ====================================================================
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Final, Protocol

from mitmproxy import http

from addon.broker import Broker
from addon.broker.status import ProxyStatus
from addon.errors import ApiError, Code, refusal
from addon.proxy.pages.deeds import do
from addon.proxy.pages.ended import EndedRequest
from addon.proxy.pages.gate import FOLDER, Gate
from addon.proxy.pages.history import History
from addon.proxy.pages.news import News
from addon.proxy.pages.tally import Tally
from addon.proxy.routing import is_reverse

HOST: Final = "qwen.internal"
"""A name of our own: ``.internal`` is for private use (ICANN, 2024) and no DNS knows it."""

_ASSETS: Final = Path(__file__).parent / "assets"
_PAGE: Final = "index.html"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_EVENTS: Final = "text/event-stream; charset=utf-8"
_JSON: Final = "application/json"

_READING: Final = ("GET", "HEAD")
_DOING: Final = ("POST",)

_MOST_FEEDS: Final = 5
"""Pages that hear of news at once; the one that has longest gives way, and soon comes back.

A browser opens six connections to one server for all its tabs: one has to be left for a page
that is loaded, and for what is pressed.
"""

_HEADERS: Final = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Content-Security-Policy (CSP Level 3): its own files, nothing inline, no HTML made of text."""


class RunningProxy(Protocol):
    """The addon, as its pages know it."""

    def the_broker(self) -> Broker:
        """What lends the accounts. Raises ApiError."""

    def status(self) -> ProxyStatus:
        """How the proxy does. Raises ApiError."""


def is_own_page(flow: http.HTTPFlow) -> bool:
    """Whether the request is for the proxy itself."""
    if is_reverse(flow.client_conn):
        return f"{_path(flow.request)}/".startswith(FOLDER)
    return str(flow.request.host).lower() == HOST


class Site:
    """The pages of one start of the addon."""

    def __init__(self, proxy: RunningProxy) -> None:
        self._proxy = proxy
        self._gate = Gate()
        self._history = History()
        self._tally = Tally()
        self._feeds: dict[str, News] = {}
        """By flow, oldest first."""
        self._pages: Mapping[str, Callable[[http.HTTPFlow], http.Response]] = {
            "": self._live_page,
            "events": self._events,
            "health": lambda _: _answer(b'{"status": "ok"}', _JSON),
            "metrics": self._metrics,
            "status.json": self._status,
        }

    def note(self, ended: EndedRequest) -> None:
        """A request has come to its end."""
        self._history.note(ended)
        self._tally.note(ended)

    def close(self) -> None:
        """Nothing new will come: pages that are open may turn to whoever comes next."""
        for feed in [*self._feeds.values()]:
            feed.close()

    def feed_of(self, flow: http.HTTPFlow) -> News | None:
        """What follows the head of the answer to ``flow``, where it goes on."""
        return self._feeds.get(flow.id)

    async def answer(self, flow: http.HTTPFlow) -> http.Response:
        """The answer to a request for one of the pages."""
        try:
            self._gate.check_reader(flow)
            answer = await self._answer(flow)
        except ApiError as error:
            answer = _answer(error.body(), _JSON, status=error.status, headers=error.headers())
        if flow.request.method == "HEAD":
            length = answer.headers.get("content-length")
            answer.content = b""
            answer.headers["content-length"] = length or "0"
        return answer

    def _answer(self, flow: http.HTTPFlow) -> Awaitable[http.Response]:
        path = _path(flow.request)
        name = path.removeprefix(FOLDER) if path.startswith(FOLDER) else None
        if name is None:
            return _at_once(self._outside(flow, path))
        if name.startswith("do/"):
            _check_method(flow.request, _DOING)
            return self._do(flow, name.removeprefix("do/"))
        page = self._pages.get(name)
        body = _assets().get(name.removeprefix("assets/")) if page is None else None
        if page is None and body is None:
            raise _not_there(path)
        _check_method(flow.request, _READING)
        if page is not None:
            return _at_once(page(flow))
        return _at_once(_answer(body or b"", _TYPES[Path(name).suffix]))

    def _outside(self, flow: http.HTTPFlow, path: str) -> http.Response:
        """At our own host everything is ours; but most of it is in one folder."""
        if f"{path}/" == FOLDER:
            return _answer(b"", _TYPES[".html"], status=308, headers={"location": FOLDER})
        if path != "/":
            raise _not_there(path)
        _check_method(flow.request, _READING)
        return self._live_page(flow)

    # --- pages

    def _live_page(self, flow: http.HTTPFlow) -> http.Response:
        headers = {
            "content-security-policy": _POLICY,
            "x-frame-options": "DENY",
            "set-cookie": self._gate.cookie(flow),
        }
        return _answer(_assets()[_PAGE], _TYPES[".html"], headers=headers)

    def _status(self, _: http.HTTPFlow) -> http.Response:
        return _answer(self._proxy.status().model_dump_json(indent=2).encode(), _JSON)

    def _metrics(self, flow: http.HTTPFlow) -> http.Response:
        from addon.proxy.pages.metrics import metrics_page  # noqa: PLC0415 - not for each start

        accept = flow.request.headers.get("accept", "")
        body, content_type = metrics_page(self._tally, self._proxy.status(), accept)
        return _answer(body, content_type)

    def _events(self, flow: http.HTTPFlow) -> http.Response:
        """The head of what goes on: where nothing can, a beginning that is asked for again."""
        self._gate.check_page(flow)
        broker, request = self._proxy.the_broker(), flow.request
        since = request.headers.get("last-event-id", "")
        feed = News(
            self._proxy.status,
            lambda: broker.sign_ins.status,
            self._history,
            since=int(since) if since.isdecimal() and len(since) < 16 else 0,
            ended=partial(self._feeds.pop, flow.id, None),
        )
        answer = _answer(b"", _EVENTS)
        if request.method == "HEAD":
            return answer
        del answer.headers["content-length"]
        if request.http_version == "HTTP/1.1":
            answer.headers["transfer-encoding"] = "chunked"
        while len(self._feeds) >= _MOST_FEEDS:
            next(iter(self._feeds.values())).close()
        self._feeds[flow.id] = feed
        return answer

    # --- deeds

    async def _do(self, flow: http.HTTPFlow, name: str) -> http.Response:
        self._gate.check_deed(flow)
        account_id = flow.request.query.get("account", "")
        if not await do(name, self._proxy.the_broker(), account_id):
            raise _not_there(_path(flow.request))
        return _answer(b'{"done": true}', _JSON)


async def _at_once(answer: http.Response) -> http.Response:
    return answer


def _path(request: http.Request) -> str:
    return str(request.path).partition("?")[0]


def _check_method(request: http.Request, allowed: tuple[str, ...]) -> None:
    """Raises ApiError."""
    if request.method not in allowed:
        raise refusal(
            Code.METHOD_NOT_ALLOWED, f"{_path(request)} is for {' and '.join(allowed)} alone."
        )


def _not_there(path: str) -> ApiError:
    return refusal(Code.NOT_FOUND, f"There is no {path} here.")


def _answer(
    body: bytes,
    content_type: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] = {},
) -> http.Response:
    return http.Response.make(status, body, {**_HEADERS, **headers, "content-type": content_type})


@cache
def _assets() -> Mapping[str, bytes]:
    """By name, what the live page is made of."""
    return {path.name: path.read_bytes() for path in _ASSETS.iterdir() if path.suffix in _TYPES}
