"""Flows as mitmproxy would hand them to a hook, without a network."""

from __future__ import annotations

from mitmproxy import http
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow


def flow_to(  # noqa: PLR0913  # a request has that many sides
    url: str,
    *,
    method: str = "POST",
    mode: str = "regular",
    client: str = "127.0.0.1",
    listener_port: int = 8081,
    headers: dict[str, str] | None = None,
    content: bytes = b"",
) -> http.HTTPFlow:
    """A flow whose request goes to ``url``, from ``client``, through a listener of ``mode``."""
    fields = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    flow = tflow.tflow(req=http.Request.make(method, url, content, fields))
    flow.client_conn.proxy_mode = ProxyMode.parse(mode)
    flow.client_conn.peername = (client, 50_000)
    flow.client_conn.sockname = ("127.0.0.1", listener_port)
    return flow
