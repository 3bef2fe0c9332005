"""Content codings, undone piece by piece (RFC 9110 §8.4.1).

Of an answer, as it streams: upstreams are asked for ``identity``, and some compress all the
same. Of a request, as a whole (``decoded``). Both up to a limit: a few bytes can say a great
many.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import brotli
import zstandard

Decode: TypeAlias = Callable[[bytes], bytes]
"""Takes the next bytes of the body, gives what can be decoded so far. Raises CodingError."""


_GZIP_BITS: Final = zlib.MAX_WBITS | 16
_GZIP_MARK: Final = b"\x1f"
"""What a member begins with; its second byte may be still to come."""


class CodingError(ValueError):
    """The body is not in the coding that its header names, or is one that never ends."""


LONGEST_UNPACKED: Final = 128 * 1024 * 1024
"""Bytes. No answer of a model is so long."""

_MOST_CODINGS: Final = 3
"""One on top of the other."""


def decoder(content_encoding: str, longest: int = LONGEST_UNPACKED) -> Decode | None:
    """The decoder for a ``content-encoding`` header; None where nothing is to be done.

    It gives ``longest`` bytes in all, and raises CodingError where there are more. Raises
    CodingError for a coding that is not known.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names:
        return None
    if len(names) > _MOST_CODINGS:
        raise CodingError(f"The upstream's answer is in {len(names)} content codings.")
    decoders = [_bounded(name, longest) for name in reversed(names)]

    def decode(data: bytes) -> bytes:
        try:
            for step in decoders:
                data = step(data) if data else b""
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise CodingError(f"The upstream's answer is not {content_encoding}: {error}") from None
        return data

    return decode


class TooLongError(ValueError):
    """A body is longer than it may be."""


def decoded(body: bytes, content_encoding: str, longest: int) -> bytes:
    """A whole ``body`` in the one coding that its ``content-encoding`` header names.

    No more memory is taken than a few times ``longest`` bytes. Raises TooLongError where there
    are more, and CodingError where the coding is another, or not known.
    """
    name = content_encoding.strip().lower()
    if name in ("", "identity"):
        pieces = iter((body,))
    elif name in _PIECES:
        pieces = _PIECES[name](body)
    else:
        raise CodingError(f"unknown content coding: {name!r}")
    found, length = [], 0
    try:
        for piece in pieces:
            length += len(piece)
            if length > longest:
                raise TooLongError
            found.append(piece)
    except (zlib.error, brotli.error, zstandard.ZstdError) as error:
        raise CodingError(f"not {name}: {error}") from None
    return b"".join(found)


def _bounded(name: str, longest: int) -> Decode:
    """A decoder that gives ``longest`` bytes in all, and raises CodingError for more."""
    if name not in _DECODERS:
        raise CodingError(f"The upstream's answer is in an unknown content coding: {name!r}.")
    make, slice_bytes = _DECODERS[name]
    step, given = make(), 0

    def decode(data: bytes) -> bytes:
        nonlocal given
        pieces = []
        for start in range(0, len(data), slice_bytes):
            piece = step(data[start : start + slice_bytes])
            given += len(piece)
            if given > longest:
                raise CodingError(f"The upstream's answer unpacks to more than {longest} bytes.")
            pieces.append(piece)
        return b"".join(pieces)

    return decode


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
            chosen = zlib.decompressobj(_deflate_bits(data)).decompress
        return chosen(data)

    return decode


def _deflate_bits(beginning: bytes) -> int:
    has_header = beginning[:1] and beginning[0] & 0x0F == zlib.DEFLATED
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS


def _brotli() -> Decode:
    process: Decode = brotli.Decompressor().process
    return process


def _zstd() -> Decode:
    return zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress


_BROTLI_BYTES: Final = 16
"""Of a body, at once: its decoder knows no limit, and gives up to 32 MiB for so many."""

_DECODERS: Final[dict[str, tuple[Callable[[], Decode], int]]] = {
    "gzip": (_gzip, 1024),
    "x-gzip": (_gzip, 1024),
    "deflate": (_deflate, 1024),
    "br": (_brotli, _BROTLI_BYTES),
    "zstd": (_zstd, 256),
}
"""Each with how many bytes it is fed at once, for a few MiB at most. That costs no time."""


# --- whole bodies

_PIECE_BYTES: Final = 1024 * 1024
"""Of what is decoded, at once."""
_READ_BYTES: Final = 4096
"""Of the body, at once: what a member leaves of them is copied."""


def _gzip_pieces(body: bytes) -> Iterator[bytes]:
    return _members(body, _GZIP_BITS)


def _deflate_pieces(body: bytes) -> Iterator[bytes]:
    return _members(body, _deflate_bits(body))


def _members(body: bytes, bits: int) -> Iterator[bytes]:
    member = zlib.decompressobj(bits)
    for start in range(0, len(body), _READ_BYTES):
        data = body[start : start + _READ_BYTES]
        while data:
            if member.eof:
                if bits != _GZIP_BITS or not data.startswith(_GZIP_MARK):
                    return
                member = zlib.decompressobj(bits)
            yield member.decompress(data, _PIECE_BYTES)
            data = member.unconsumed_tail or member.unused_data
    while not member.eof:
        piece = member.decompress(b"", _PIECE_BYTES)
        if not piece:
            raise zlib.error("it ends too soon")
        yield piece


def _brotli_pieces(body: bytes) -> Iterator[bytes]:
    decode = _brotli()
    starts = range(0, len(body), _BROTLI_BYTES)
    return (decode(body[start : start + _BROTLI_BYTES]) for start in starts)


def _zstd_pieces(body: bytes) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True)
    return iter(lambda: reader.read(_PIECE_BYTES), b"")


_PIECES: Final[dict[str, Callable[[bytes], Iterator[bytes]]]] = {
    "gzip": _gzip_pieces,
    "x-gzip": _gzip_pieces,
    "deflate": _deflate_pieces,
    "br": _brotli_pieces,
    "zstd": _zstd_pieces,
}
