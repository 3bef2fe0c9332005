"""Compressed bodies, undone piece by piece."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from addon.translate import CodingError, TooLongError, decoded, decoder
from tests.support.strategies import splits

TEXT = "Grüße aus dem Süden. ".encode() * 50
_raw_deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)

BODIES = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "Deflate": _raw_deflate.compress(TEXT) + _raw_deflate.flush(),
    "br": brotli.compress(TEXT),
    "zstd": zstandard.compress(TEXT),
    "GZIP": b"".join(gzip.compress(TEXT[place : place + 300]) for place in range(0, 1100, 300)),
    "X-Gzip": gzip.compress(TEXT) + bytes(8),
    "gzip, br": brotli.compress(gzip.compress(TEXT)),
}


@pytest.mark.parametrize("coding", BODIES)
@given(data=st.data())
def test_every_coding_is_undone_however_it_is_cut(coding: str, data: st.DataObject) -> None:
    decode = decoder(coding)
    assert decode is not None
    assert b"".join(decode(chunk) for chunk in data.draw(splits(BODIES[coding]))) == TEXT


@pytest.mark.parametrize("coding", ["", "identity", " Identity ,"])
def test_nothing_is_done_where_nothing_is_to_be_done(coding: str) -> None:
    assert decoder(coding) is None


def test_an_unknown_coding_is_named() -> None:
    with pytest.raises(CodingError, match="'compress'"):
        decoder("compress")


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_body_that_is_not_in_its_coding_is_an_error(coding: str) -> None:
    decode = decoder(coding)
    assert decode is not None
    with pytest.raises(CodingError, match=coding):
        decode(b"this is plain text, and long enough to be seen as such")


# --- whole bodies

WHOLE = [coding for coding in BODIES if "," not in coding]


@pytest.mark.parametrize("coding", [*WHOLE, "identity", ""])
def test_a_whole_body_is_undone_up_to_the_limit(coding: str) -> None:
    body = BODIES.get(coding, TEXT)
    assert decoded(body, coding, len(TEXT)) == TEXT
    with pytest.raises(TooLongError):
        decoded(body, coding, len(TEXT) - 1)


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: bytes(brotli.compress(data, quality=5)),
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("coding", PACKINGS)
@given(pieces=st.lists(st.tuples(st.binary(max_size=300), st.integers(1, 2000)), max_size=30))
def test_a_long_body_is_undone_whole(coding: str, pieces: list[tuple[bytes, int]]) -> None:
    text = b"".join(piece * times for piece, times in pieces)
    assert decoded(PACKINGS[coding](text), coding, len(text)) == text


@pytest.mark.parametrize("coding", PACKINGS)
def test_of_a_body_that_would_be_too_long_not_much_is_undone(coding: str) -> None:
    body = PACKINGS[coding](bytes(100_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(TooLongError):
            decoded(body, coding, 1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # brotli's own decoder knows no limit: a piece of 16 bytes may be two of its largest blocks
    assert peak < (3_000_000 if coding != "br" else 80_000_000)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_half_a_body_is_an_error(coding: str) -> None:
    body = PACKINGS[coding](TEXT)
    with pytest.raises(CodingError, match=coding):
        decoded(body[: len(body) // 2], coding, len(TEXT))


@pytest.mark.parametrize("coding", ["compress", "bz2", "utf-8", "gzip, br"])
def test_a_whole_body_in_an_unknown_coding_is_an_error(coding: str) -> None:
    with pytest.raises(CodingError, match=coding):
        decoded(b"x", coding, 1000)


@given(body=st.binary(max_size=60), coding=st.sampled_from([*PACKINGS, "identity"]))
def test_bytes_of_any_kind_are_undone_or_an_error(body: bytes, coding: str) -> None:
    with contextlib.suppress(CodingError, TooLongError):
        decoded(body, coding, 1000)
