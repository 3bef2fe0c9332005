"""Keeps tokens out of what shows them: answers that repeat them, and mitmproxy's own log.

With ``proxy_debug`` mitmproxy logs every byte that it sends and receives, and so the
head of each request as it goes on the wire, the only place where the real token stands.
The heads on HTTP/2 connections it logs without being asked, and mitmweb shows that log.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Final

from addon.accounts.account import mask

_CONNECTIONS: Final = logging.getLogger("mitmproxy.proxy.server")
"""Where mitmproxy logs what passes through its layers."""

_HTTP2: Final = logging.getLogger("mitmproxy.proxy.layers.http._http_h2")
"""Where the HTTP/2 library logs heads, and other things for each frame that hold no token."""

_CREDENTIALS: Final = re.compile(r"(authorization(?:: |', b')bearer )[^\s\\'\"]+", re.IGNORECASE)
"""A head as it is logged, of a client with a key of its own too."""

_BINARY: Final = re.compile(r"((?:SendData|DataReceived)\(\w+, )b['\"].*\\x00.*", re.DOTALL)
"""Bytes that are no text. HTTP/2 writes heads in a code of its own (HPACK, RFC 7541)."""

_SPELT: Final = re.compile(
    r"(?:\\{1,9}u00|%|&#[xX]0*)([2-7][0-9a-fA-F]);?|&#0*([0-9]{2,3});?|\\{1,9}(/)"
)
"""A character as it may stand in JSON (or in JSON in JSON), in a URL or in HTML."""

_HALF_SPELT: Final = re.compile(r"(?:\\{1,9}(?:u[0-9a-fA-F]{0,3})?|%[0-9a-fA-F]?|&#?\w{0,9})$")
"""One at the end of a text that was cut short."""

_SHOWN_OF_TOKEN: Final = 4
"""How many characters at its beginning ``mask`` shows at most."""

_CUT: Final = "…"
"""At the end of a line that mitmproxy has cut short, and so perhaps a token in two."""


def spellings(token: str) -> tuple[str, ...]:
    """``token`` as it is, and as it may stand in JSON, where some escape the slash."""
    return (token, token.replace("/", r"\/")) if "/" in token else (token,)


def masked(data: bytes, token: str) -> bytes:
    """``data`` without the token."""
    for spelling in spellings(token):
        data = data.replace(spelling.encode(), mask(token).encode())
    return data


def without_token(text: str, token: str) -> str:
    """``text`` for people to read: without the token, whichever encoder it has been through.

    Nor with a beginning of it at the end, where the text was cut short.
    """
    if not token:
        return text
    in_token = frozenset(token)

    def plain(spelt: re.Match[str]) -> str:
        in_hex, in_decimal, slash = spelt.groups()
        char = slash or chr(int(in_hex or in_decimal, 16 if in_hex else 10))
        return char if char in in_token else spelt.group()

    text = _SPELT.sub(plain, text).replace(token, mask(token))
    whole = _HALF_SPELT.sub("", text.removesuffix(_CUT))
    begun = _begun(whole.encode(), token.encode())
    return whole[:-begun] + _CUT if begun > _SHOWN_OF_TOKEN else text


class MaskedStream:
    """What mitmproxy calls for every chunk of an untouched answer: the same without the token.

    What stands in the token's place is as long as the token, since the answer may have
    told its length.
    """

    __slots__ = ("_held", "_masks")

    def __init__(self, token: str) -> None:
        self._masks = [(each.encode(), _as_long(each, token)) for each in spellings(token)]
        self._held = b""

    def __call__(self, data: bytes) -> bytes | tuple[()]:
        """``data``, less what may be the beginning of a token: that comes with the next.

        Empty ``data`` is the end. Nothing is an empty tuple: an empty chunk would end
        an HTTP/1.1 body.
        """
        text = self._held + data
        for secret, shown in self._masks:
            text = text.replace(secret, shown)
        keep = max(_begun(text, secret) for secret, _ in self._masks) if data else 0
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep] or ()


def _as_long(spelling: str, token: str) -> bytes:
    first, dots, last = mask(token).partition("...")
    middle = "." if dots else "*"
    return f"{first}{middle * (len(spelling) - len(first) - len(last))}{last}".encode()


def _begun(text: bytes, secret: bytes) -> int:
    """How much of the end of ``text`` is the beginning of ``secret``."""
    at = text.find(secret[:1], max(0, len(text) - len(secret) + 1))
    while at >= 0:
        if secret.startswith(text[at:]):
            return len(text) - at
        at = text.find(secret[:1], at + 1)
    return 0


class TokenFilter(logging.Filter):
    """Masks tokens in debug records. Others hold no bytes of the wire, and cost nothing."""

    def __init__(self, tokens: Callable[[], Iterable[str]]) -> None:
        """``tokens`` gives those that are on the wire just now."""
        super().__init__()
        self._tokens = tokens

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record pass, without a token."""
        if record.levelno <= logging.DEBUG and _may_hold_a_head(record):
            record.msg, record.args = self._without_tokens(record.getMessage()), None
        return True

    def _without_tokens(self, message: str) -> str:
        for token in self._tokens():
            for spelling in spellings(token):
                printed = spelling.replace("\\", r"\\")
                message = message.replace(printed, mask(token))
                if message.endswith(_CUT):
                    begun = _begun(message[:-1].encode(), printed.encode())
                    message = message[: len(message) - 1 - begun] + _CUT
        return _CREDENTIALS.sub(r"\1***", _BINARY.sub(r"\1binary)", message))

    def install(self) -> Callable[[], None]:
        """Begins; the function it gives ends it."""
        for logger in (_CONNECTIONS, _HTTP2):
            logger.addFilter(self)

        def uninstall() -> None:
            for logger in (_CONNECTIONS, _HTTP2):
                logger.removeFilter(self)

        return uninstall


def _may_hold_a_head(record: logging.LogRecord) -> bool:
    return record.name != _HTTP2.name or "headers" in str(record.msg)
