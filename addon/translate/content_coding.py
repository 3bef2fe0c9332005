"""Content codings of a streamed body, undone piece by piece (RFC 9110 §8.4.1).

Upstreams are asked for ``identity``; some compress all the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final, TypeAlias

import brotli
import zstandard

Decode: TypeAlias = Callable[[bytes], bytes]
"""Takes the next bytes of the body, gives what can be decoded so far. Raises CodingError."""


_GZIP_BITS: Final = zlib.MAX_WBITS | 16
_GZIP_MARK: Final = b"\x1f"
"""What a member begins with; its second byte may be still to come."""


class CodingError(ValueError):
    """The body is not in the coding that its header names."""


def decoder(content_encoding: str) -> Decode | None:
    """The decoder for a ``content-encoding`` header; None where nothing is to be done.

    Raises CodingError for a coding that is not known.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    decoders = [_decoder(name) for name in reversed(names) if name not in ("", "identity")]
    if not decoders:
        return None

    def decode(data: bytes) -> bytes:
        try:
            for step in decoders:
                data = step(data) if data else b""
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise CodingError(f"The upstream's answer is not {content_encoding}: {error}") from None
        return data

    return decode


def _decoder(name: str) -> Decode:
    make = _DECODERS.get(name)
    if make is None:
        raise CodingError(f"The upstream's answer is in an unknown content coding: {name!r}.")
    return make()


def _gzip() -> Decode:
    """Several members may follow each other (RFC 1952 §2.2); what is none is passed over."""
    member = zlib.decompressobj(_GZIP_BITS)

    def decode(data: bytes) -> bytes:
        nonlocal member
        decoded = []
        while data:
            if member.eof:
                if not data.startswith(_GZIP_MARK):
                    break
                member = zlib.decompressobj(_GZIP_BITS)
            decoded.append(member.decompress(data))
            data = member.unused_data
        return b"".join(decoded)

    return decode


def _deflate() -> Decode:
    """``deflate`` means zlib (RFC 9110 §8.4.1.2); some send it without zlib's header."""
    chosen: Decode | None = None

    def decode(data: bytes) -> bytes:
        nonlocal chosen
        if chosen is None:
            has_header = data[0] & 0x0F == zlib.DEFLATED
            chosen = zlib.decompressobj(
                zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
            ).decompress
        return chosen(data)

    return decode


def _brotli() -> Decode:
    process: Decode = brotli.Decompressor().process
    return process


def _zstd() -> Decode:
    return zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress


_DECODERS: Final[dict[str, Callable[[], Decode]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
