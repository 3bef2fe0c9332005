"""What is not served from an account, but passed on as it is: to whom, and how it comes back.

On a reverse listener everything is passed on to one service, under our own address. So it is
for the same clients as the accounts are, and what comes back is no page of ours.

A request to a service of ours whose head could be read in two ways is not passed on at all: it
shares a connection with requests that carry a token.
"""

from __future__ import annotations

from collections.abc import Callable

from mitmproxy import http

from addon.errors import ApiError
from addon.proxy.answer import make_no_page_of_ours
from addon.proxy.guard import check_client, check_head
from addon.proxy.routing import is_reverse
from addon.settings import Settings


class PassedOn:
    """mitmproxy calls it after the addon itself, which takes what is for the accounts."""

    def __init__(
        self, is_passed_on: Callable[[http.HTTPFlow], bool], settings: Callable[[], Settings]
    ) -> None:
        """``is_passed_on`` says whether a request goes to a service of ours without a token."""
        self._is_passed_on = is_passed_on
        self._settings = settings

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Turns away whom a reverse listener is not for, and what could be read in two ways."""
        if flow.response is not None or flow.error is not None or not self._is_passed_on(flow):
            return
        try:
            check_head(flow)
            if is_reverse(flow.client_conn):
                check_client(flow, self._settings())
        except ApiError as error:
            flow.response = http.Response.make(error.status, error.body(), error.headers())

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """What comes back is no page of ours."""
        if flow.response is not None and self._is_passed_on(flow):
            make_no_page_of_ours(flow)
