"""No part of a token is left in what is kept, however an upstream repeats it."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.proxy.views.cleaning import cleaned, is_clean, unpack
from tests.support.chat import events, text_deltas
from tests.support.replies import compressed
from tests.support.secrets import leaks, made_up_key

TOKEN: Final = made_up_key("a token")
PLAIN: Final = "sk-0123456789abcdefghijklmnopqrstuv"
SPELLINGS: Final = {
    "as it is": TOKEN,
    "in JSON": TOKEN.replace("/", r"\/"),
    "in JSON, by number": TOKEN.replace("+", r"\u002B").replace("/", r"\u002f"),
    "in JSON in JSON": TOKEN.replace("+", r"\\u002b").replace("/", r"\\\/"),
    "in a URL": quote(TOKEN, safe=""),
    "in HTML": TOKEN.replace("+", "&#43;").replace("/", "&#x2F;").replace("=", "&#61;"),
}
OTHER: Final = b'data: {"choices": [{"delta": {"content": "100%, \\u003cb> \xff\xfe"}}]}\n\n'


def found(body: bytes | None) -> list[str]:
    assert body is not None
    return leaks({"token": TOKEN, "plain": PLAIN}, body)


@pytest.mark.parametrize("token", [TOKEN, PLAIN, ""])
def test_a_body_without_the_token_stays_as_it_is(token: str) -> None:
    assert cleaned(OTHER * 3, token) == OTHER * 3


@pytest.mark.parametrize("spelt", SPELLINGS.values(), ids=SPELLINGS)
def test_the_token_goes_however_it_is_spelt(spelt: str) -> None:
    body = OTHER + b'data: {"key": "' + spelt.encode() + b'"}\n\n' + OTHER
    shown = cleaned(body, TOKEN)
    assert found(shown) == []
    assert shown is not None
    assert b'"sk-' in shown
    assert shown.startswith(b"data: ")
    assert shown.endswith(b"\n\n")


@pytest.mark.parametrize("spelt", SPELLINGS.values(), ids=SPELLINGS)
def test_wherever_a_body_is_cut_no_part_of_the_token_is_left(spelt: str) -> None:
    body = b'data: {"key": "' + spelt.encode()
    for end in range(len(body)):
        assert found(cleaned(body[:end], TOKEN)) == []


@pytest.mark.parametrize("char", "\n}]\"'")
def test_nor_where_it_is_cut_behind_an_odd_character_of_its_own(char: str) -> None:
    token = f"sk-0123456789{char}abcdefghijklmnopqrstuv"
    assert cleaned(b"data: " + token[:14].encode(), token) == b"data: "


@given(st.binary(max_size=200), st.integers(0, 200), st.sampled_from([TOKEN, PLAIN]))
def test_any_bytes_may_stand_around_it(around: bytes, at: int, token: str) -> None:
    body = around[:at] + token.encode() + around[at:]
    assert found(cleaned(body, token)) == []


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("token", [TOKEN, PLAIN])
def test_a_body_that_repeats_it_in_pieces_is_not_to_be_shown(size: int, token: str) -> None:
    pieces = [token[start : start + size] for start in range(0, len(token), size)]
    assert cleaned(b"".join(events(text_deltas("Your key: ", *pieces))), token) is None


def test_its_first_four_characters_may_stand_anywhere() -> None:
    body = b"".join(events(text_deltas("Keys begin with ", "sk", "-", "0")))
    assert cleaned(body, PLAIN) == body


def test_a_short_token_goes_too() -> None:
    assert cleaned(b'{"message": "bad key: a+b"}', "a+b") == b'{"message": "bad key: ***"}'


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_packed_body_is_searched_as_far_as_it_goes(encoding: str) -> None:
    echo = json.dumps({"error": f"bad key {PLAIN}"}).encode()
    for body, is_so in ((OTHER * 50, True), (OTHER * 50 + echo, False)):
        (packed,) = compressed([body], encoding)
        assert unpack(packed, encoding) == body
        assert is_clean(packed, PLAIN, encoding) is is_so
    part = compressed([OTHER * 50, echo], encoding)[0]
    assert unpack(part, encoding) == OTHER * 50
    assert is_clean(part, PLAIN, encoding)


def test_what_cannot_be_unpacked_cannot_be_searched() -> None:
    assert not is_clean(b"no such thing", PLAIN, "gzip")
    assert not is_clean(b"anything", PLAIN, "unheard-of")


def test_a_body_packed_a_thousandfold_is_not_unpacked() -> None:
    (packed,) = compressed([bytes(20 << 20)], "gzip")
    assert len(packed) < 100_000
    assert unpack(packed, "gzip") is None
