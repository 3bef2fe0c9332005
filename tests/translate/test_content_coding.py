"""Compressed bodies, undone piece by piece."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from addon.translate import CodingError, decoder
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
