"""A kept body without the account's token, which an upstream may have repeated.

Every body is searched once when its exchange is over, and whenever somebody looks on before. To
make that cheap, what is searched for first is the longest piece of the token that no encoder
changes; only where it is found is the body looked at closely.
"""

from __future__ import annotations

import re
from typing import Final

from addon.accounts.account import mask
from addon.proxy.masking import masked, without_token
from addon.translate import CodingError, decoder

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]+")
"""Characters that stand for themselves in JSON, in a URL and in HTML."""

_TELLING: Final = 8
"""Characters of a token that are worth hiding by themselves: ``mask`` shows as many in all."""

_PIECES: Final = re.compile(
    rb'"(?:content|reasoning_content|reasoning|arguments|input|refusal|delta|text)"\s*+:\s*+'
    rb'"((?:[^"\\]++|\\.)*+)"',
    re.DOTALL,
)
"""What a person would read of a stream: the texts in its events, one after the other."""

_LONGEST_SPELLING: Final = 6
"""Characters that one may become in an encoder, as in ``\\u002b``."""

_OF_NO_SPELLING: Final = frozenset(b"\n}]\"'")
"""Characters that end no spelling of another one: most bodies end in one of them."""

_BYTE_BY_BYTE: Final = "latin-1"
"""Any byte is a character and stays what it is; a token is ASCII."""

_CUT: Final = "…"
"""What ``without_token`` puts in the place of a beginning. No byte is this character."""

_SLICE: Final = 4 * 1024
_LONGEST_UNPACKED: Final = 16 * 1024 * 1024
"""Bytes. A body may be packed a thousandfold, and is not to be searched for ever."""


def cleaned(body: bytes, token: str, *, may_come_in_pieces: bool = True) -> bytes | None:
    """``body`` without the token, nor a beginning of it at the end.

    None where it cannot be told without it: it comes in pieces, in one event after the other.
    That is looked for last, and not where it is known that it does not.
    """
    if not token:
        return body
    probes = _probes(token)
    if probes[0] in body:
        body = masked(body, token)
    if probes[0] in body:
        body = _looked_at_closely(body, token, probes)
    body = _without_beginning(body, token)
    return None if may_come_in_pieces and _comes_in_pieces(body, probes) else body


def is_clean(body: bytes, token: str, content_encoding: str) -> bool:
    """Whether the token is in no part of ``body``, which is in that coding and may be cut short."""
    unpacked = unpack(body, content_encoding)
    return unpacked is not None and cleaned(unpacked, token) == unpacked


def unpack(body: bytes, content_encoding: str) -> bytes | None:
    """``body`` without its coding, as far as it goes; None where that is not known, or too much."""
    try:
        decode = decoder(content_encoding)
        if decode is None:
            return body
        unpacked = bytearray()
        for start in range(0, len(body), _SLICE):
            unpacked += decode(body[start : start + _SLICE])
            if len(unpacked) > _LONGEST_UNPACKED:
                return None
    except CodingError:
        return None
    return bytes(unpacked)


def _probes(token: str) -> list[bytes]:
    """The pieces of ``token`` that stand for themselves everywhere, longest first."""
    runs = sorted(_PLAIN.findall(token), key=len, reverse=True)
    telling = [run.encode() for run in runs if len(run) >= _TELLING]
    return telling or [token.encode()]


def _looked_at_closely(body: bytes, token: str, probes: list[bytes]) -> bytes:
    body = _encoded(without_token(body.decode(_BYTE_BY_BYTE), token))
    for probe in probes:  # of a spelling that nobody knows
        body = body.replace(probe, mask(token).encode())
    return body


def _without_beginning(body: bytes, token: str) -> bytes:
    """``body``, whose end may have cut a token in two."""
    if body and body[-1] in _OF_NO_SPELLING and chr(body[-1]) not in token:
        return body
    start = max(0, len(body) - _LONGEST_SPELLING * len(token))
    shown = without_token(body[start:].decode(_BYTE_BY_BYTE), token)
    return body[:start] + _encoded(shown) if shown.endswith(_CUT) else body


def _encoded(text: str) -> bytes:
    return text.removesuffix(_CUT).encode(_BYTE_BY_BYTE)


def _comes_in_pieces(body: bytes, probes: list[bytes]) -> bool:
    read = b"".join(_PIECES.findall(body))
    return any(probe in read for probe in probes)
