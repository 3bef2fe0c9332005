"""Keeps tokens out of mitmproxy's own log.

With ``proxy_debug`` mitmproxy logs every byte that it sends, and so the head of
each request as it goes on the wire, the only place where the real token stands.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Final

from addon.accounts.account import mask

_CONNECTIONS: Final = logging.getLogger("mitmproxy.proxy.server")
"""Where mitmproxy logs what passes through its layers."""

_CREDENTIALS: Final = re.compile(r"(authorization: bearer )[^\s\\'\"]+", re.IGNORECASE)
"""A head as it is logged; mitmproxy cuts long lines short, and so tokens in two."""


class TokenFilter(logging.Filter):
    """Masks tokens in debug records. Others hold no bytes of the wire, and cost nothing."""

    def __init__(self, tokens: Callable[[], Iterable[str]]) -> None:
        """``tokens`` gives those that are on the wire just now."""
        super().__init__()
        self._tokens = tokens

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record pass, without a token."""
        if record.levelno <= logging.DEBUG:
            message = record.getMessage()
            for token in self._tokens():
                message = message.replace(token, mask(token))
            record.msg, record.args = _CREDENTIALS.sub(r"\1***", message), None
        return True

    def install(self) -> Callable[[], None]:
        """Begins; the function it gives ends it."""
        _CONNECTIONS.addFilter(self)
        return lambda: _CONNECTIONS.removeFilter(self)
