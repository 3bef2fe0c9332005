"""Secrets that are easy to find again, in whatever shape some encoder may have left them.

They are random to look at, and hold the characters that encoders like to change, so that no
label or message holds a piece of one by chance.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

_PIECE, _STEP = 12, 4
"""So many characters in a row, from every so-manieth on, are a part of a secret: any fifteen are
found. What is shown of one is four and four."""

_HPACK: Final = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


def made_up_key(name: str) -> str:
    """A key that is always the same for ``name``."""
    return f"sk-{base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()}+/="


def leaks(secrets: Mapping[str, str], text: bytes) -> list[str]:
    """Which of ``secrets``, given by what to call them, are in ``text``; they are not repeated."""
    return [
        f"{name} {shape}, after {text[max(0, at - 60) : at]!r}"
        for name, secret in secrets.items()
        for shape, at in [*_found(secret, text)][:1]
    ]


def _found(secret: str, text: bytes) -> Iterator[tuple[str, int]]:
    for shape, form in _forms(secret):
        at = text.find(form)
        if at >= 0:
            yield shape, at


@lru_cache(maxsize=1000)
def _forms(secret: str) -> tuple[tuple[str, bytes], ...]:
    return tuple(_each_form(secret))


def _each_form(secret: str) -> Iterator[tuple[str, bytes]]:
    plain = secret.encode()
    yield "as it is", plain
    for start in range(0, len(plain) - _PIECE + 1, _STEP):
        yield "in part", plain[start : start + _PIECE]
    yield "in a URL", quote(secret, safe="").encode()
    yield "in JSON", secret.replace("/", r"\/").encode()
    for shift in range(3):
        # a piece of base64 depends on what comes before and after at its two ends alone
        yield "in base64", base64.b64encode(bytes(shift) + plain)[4:-4]
    header = _HPACK.encode(b"Bearer " + plain)
    yield "in an HTTP/2 header", header
    yield "in an HTTP/2 header, printed", repr(header)[2:-1].encode()
