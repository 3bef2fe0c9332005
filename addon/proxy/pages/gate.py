"""Who may look at the proxy's own pages, and who may do anything from there.

To read takes no more than being on this machine, under no strange name and from no strange page
(``guard``): it changes nothing, and no other page can read what it is answered.

What happens as it happens is told, and anything done, only to a page that this proxy has sent:
it holds a cookie of this start of the proxy's, which no other site's page can have sent
(SameSite=Strict, RFC 6265bis §5.2) and no script can read. Pages of other servers on this
machine are of the same *site*, whatever their port. So for a deed the origin has to be named
too, and to be the very one that is asked (RFC 6454 §7: scheme, host and port).
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from mitmproxy import http

from addon.errors import Code, refusal
from addon.proxy.guard import check_own_page, own_origin
from addon.proxy.routing import is_reverse

FOLDER: Final = "/_qwen/"


class Gate:
    """Knows the pages that it has let in. One for each start of the addon."""

    def __init__(self) -> None:
        self._key = secrets.token_urlsafe(32)

    def check_reader(self, flow: http.HTTPFlow) -> None:
        """Lets a request pass that only reads, or raises ApiError (403)."""
        check_own_page(flow)

    def check_page(self, flow: http.HTTPFlow) -> None:
        """Lets a request of a page of ours pass, or raises ApiError (403)."""
        check_own_page(flow)
        shown = flow.request.cookies.get(_cookie_name(flow)) or ""
        if not hmac.compare_digest(shown.encode(), self._key.encode()):
            raise refusal(
                Code.FORBIDDEN_CLIENT,
                "This is for the live page of this proxy, since its last start: load it again.",
            )

    def check_deed(self, flow: http.HTTPFlow) -> None:
        """Lets a request pass that changes something, or raises ApiError (403)."""
        self.check_page(flow)
        if flow.request.headers.get("origin") != own_origin(flow):
            raise refusal(
                Code.FORBIDDEN_CLIENT,
                "Only the live page may do this: the request does not say that it is from there.",
            )

    def cookie(self, flow: http.HTTPFlow) -> str:
        """What lets in the page that answers ``flow``, as the Set-Cookie header."""
        return f"{_cookie_name(flow)}={self._key}; Path={FOLDER}; HttpOnly; SameSite=Strict"


def _cookie_name(flow: http.HTTPFlow) -> str:
    """Another for each listener: a cookie is for a host, whatever the port (RFC 6265 §8.5)."""
    port = f"_{flow.client_conn.sockname[1]}" if is_reverse(flow.client_conn) else ""
    return f"qwen_page{port}"
