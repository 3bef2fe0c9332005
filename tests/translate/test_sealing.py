"""What is sealed comes back as it was, or not at all."""

from __future__ import annotations

import base64
import re
import zlib
from typing import Final

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from addon.translate import sealing
from addon.translate.json_edge import mend_surrogates
from addon.translate.sealing import KEY_BYTES, LONGEST_BYTES, Seal

KEY: Final = bytes(range(KEY_BYTES))
SEAL: Final = Seal(KEY)

THOUGHT: Final = (
    "The user wants the tests to pass. The failing one compares the sizes of two windows, so I "
    "should look at how the layout is computed first. Let me read the file that computes it, "
    "then decide. It may be that the width is rounded twice: once where the grid is laid out, "
    "and once more where the window is drawn. I will read both places before I change one, and "
    "run the one failing test alone after that, since the whole suite takes several minutes."
)

# the halves of a surrogate pair, too
texts = st.text() | st.text("aé\ud83d\ude42")


def sealed(text: str, seal: Seal = SEAL) -> str:
    found = seal.seal(text)
    assert found is not None
    return found


def sealed_by_hand(packed: bytes, associated: bytes = b"qwen-proxy.1.") -> str:
    """Under the right key, whatever it is that was packed."""
    encrypted = AESSIV(KEY).encrypt(packed, [associated])
    return "qwen-proxy.1." + base64.urlsafe_b64encode(encrypted).decode()


@given(texts)
def test_every_text_comes_back_fit_for_utf_8(text: str) -> None:
    assert SEAL.unseal(sealed(text)) == mend_surrogates(text)


@given(texts)
def test_a_text_has_one_sealed_form_in_every_process_that_has_the_key(text: str) -> None:
    assert sealed(text) == sealed(text, Seal(KEY))


@given(texts)
def test_a_sealed_text_needs_no_escaping_anywhere(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.=-]+", sealed(text))


def test_a_sealed_thought_is_shorter_than_the_thought() -> None:
    assert len(sealed(THOUGHT)) < len(THOUGHT)


def test_the_thought_cannot_be_read_in_it() -> None:
    packed = base64.urlsafe_b64decode(sealed(THOUGHT).removeprefix("qwen-proxy.1."))
    with pytest.raises(zlib.error):
        zlib.decompress(packed[16:])


# What is not opened


@given(st.data())
def test_a_changed_character_is_noticed(data: st.DataObject) -> None:
    whole = sealed(THOUGHT)
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.characters().filter(lambda character: character != whole[place]))
    assert SEAL.unseal(whole[:place] + other + whole[place + 1 :]) is None


@given(st.data())
def test_a_cut_is_noticed(data: st.DataObject) -> None:
    whole = sealed(THOUGHT)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    cut = whole[:start] + whole[end:]
    assert SEAL.unseal(cut) == (THOUGHT if cut == whole else None)


@given(st.data())
def test_what_was_put_in_is_noticed(data: st.DataObject) -> None:
    whole = sealed(THOUGHT)
    place = data.draw(st.integers(0, len(whole)))
    more = data.draw(st.text(min_size=1) | st.sampled_from([" ", "\n", "=", "=="]))
    assert SEAL.unseal(whole[:place] + more + whole[place:]) is None


def test_another_form_of_the_same_base64_is_noticed() -> None:
    """Of the last character before the padding some bits do not count."""
    whole = next(form for form in map(sealed, "abcdefgh") if form.endswith("="))
    bits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = whole.rstrip("=")[-1]
    sibling = bits[bits.index(last) ^ 1]
    other = whole.rstrip("=")[:-1] + sibling + "=" * whole.count("=")
    assert base64.urlsafe_b64decode(other[13:]) == base64.urlsafe_b64decode(whole[13:])
    assert SEAL.unseal(other) is None


def test_another_key_does_not_open_it() -> None:
    assert Seal(bytes(KEY_BYTES)).unseal(sealed(THOUGHT)) is None


def test_another_version_is_not_ours() -> None:
    later = sealed(THOUGHT).replace("qwen-proxy.1.", "qwen-proxy.2.")
    assert SEAL.unseal(later) is None


@given(texts)
def test_foreign_text_is_not_ours(text: str) -> None:
    assert SEAL.unseal(text) is None
    assert SEAL.unseal("qwen-proxy.1." + text) is None


@given(st.binary(max_size=64))
def test_foreign_bytes_under_our_name_are_not_ours(encrypted: bytes) -> None:
    assert SEAL.unseal("qwen-proxy.1." + base64.urlsafe_b64encode(encrypted).decode()) is None


def test_what_openai_has_encrypted_is_not_ours() -> None:
    token = "gAAAAABpMade-up_of_the_alphabet_that_OpenAI_uses_0123456789" + "Zk9-" * 40 + "=="
    assert SEAL.unseal(token) is None


@pytest.mark.parametrize(
    "packed",
    [
        b"\0",
        b"no zlib at all",
        zlib.compress(THOUGHT.encode())[:-1],
        zlib.compress(b"\xff is not UTF-8"),
        zlib.compress(bytes(LONGEST_BYTES + 1)),
    ],
    ids=["nothing", "not packed", "half of it", "not UTF-8", "a bomb"],
)
def test_what_we_would_not_have_sealed_is_not_opened_under_the_right_key(packed: bytes) -> None:
    assert SEAL.unseal(sealed_by_hand(zlib.compress(THOUGHT.encode()))) == THOUGHT
    assert SEAL.unseal(sealed_by_hand(packed)) is None


def test_the_version_is_under_the_seal() -> None:
    packed = zlib.compress(THOUGHT.encode())
    assert SEAL.unseal(sealed_by_hand(packed, associated=b"qwen-proxy.2.")) is None


# Bounds


def test_what_is_too_long_to_be_opened_again_is_not_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "LONGEST_BYTES", 6)
    assert SEAL.unseal(sealed("äöü")) == "äöü"
    assert SEAL.seal("äöü.") is None


@pytest.mark.parametrize("length", [0, 32, 63, 65])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        Seal(bytes(length))
