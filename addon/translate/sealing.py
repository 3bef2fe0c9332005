"""Reasoning under seal: what a client keeps for us between two turns, and cannot read or change.

It travels in the field ``encrypted_content`` of a reasoning item. The seal is AES-SIV
(RFC 5297), which draws no nonce: a text has one sealed form, the same in every turn, so a
client that compares items, or a cache, is not misled. Nothing here knows where the key
is kept.
"""

from __future__ import annotations

import base64
import zlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from addon.translate.json_edge import mend_surrogates

KEY_BYTES: Final = 64
"""AES-256-SIV takes two keys of 32 bytes, as one."""

LONGEST_BYTES: Final = 8 * 1024 * 1024
"""Of UTF-8, what is sealed at most and unsealed at most: no model thinks for longer."""

_VERSION: Final = "qwen-proxy.1."
"""What our sealed texts begin with, and nobody else's; it is under the seal too."""

_ASSOCIATED: Final = [_VERSION.encode()]


class Seal:
    """Seals texts with ``key``, of KEY_BYTES bytes, and opens what was sealed with it.

    Raises ValueError for a key of another length.
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._cipher = AESSIV(key)

    def seal(self, text: str) -> str | None:
        """``text`` under seal, in characters of base64url and dots; None: it is too long.

        A lone half of a surrogate pair, which JSON could not carry to the upstream, comes
        back as U+FFFD.
        """
        plain = mend_surrogates(text).encode()
        if len(plain) > LONGEST_BYTES:
            return None
        return _written(self._cipher.encrypt(zlib.compress(plain), _ASSOCIATED))

    def unseal(self, sealed: str) -> str | None:
        """The text that was sealed; None where it was not with this key, or is not whole."""
        if not sealed.startswith(_VERSION):
            return None
        try:
            encrypted = base64.urlsafe_b64decode(sealed[len(_VERSION) :])
            if _written(encrypted) != sealed:
                return None  # what is no base64url is passed over by its decoder
            return _inflated(self._cipher.decrypt(encrypted, _ASSOCIATED))
        except (InvalidTag, ValueError, zlib.error):
            return None


def _written(encrypted: bytes) -> str:
    return _VERSION + base64.urlsafe_b64encode(encrypted).decode()


def _inflated(packed: bytes) -> str | None:
    """What zlib packed, if it is whole and no longer than LONGEST_BYTES."""
    unpacking = zlib.decompressobj()
    # room for one more: a full buffer might hide that the end is reached
    plain = unpacking.decompress(packed, LONGEST_BYTES + 1)
    return plain.decode() if unpacking.eof and len(plain) <= LONGEST_BYTES else None
