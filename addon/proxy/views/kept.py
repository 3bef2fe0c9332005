"""The bodies of one exchange, taken along while they pass.

The hot path is ``add``, once a chunk: two appends and a subtraction as long as there is room.
What is in here may hold the account's token, and must not be shown before ``cleaning``.
"""

from __future__ import annotations

from typing import Final

from addon.proxy.views.shelf import Shelf

_MANY: Final = 4096
"""So many pieces of a body are put together to one: each is an object, which counts where they
are small."""
_LARGE: Final = 64 * 1024
"""Bytes of a piece that stays what it is."""


class Kept:
    """What the client sent, what the upstream sent of its answer, what the client got of it."""

    __slots__ = (
        "_came",
        "_ended",
        "_left",
        "_room",
        "_shelf",
        "_went",
        "came_lost",
        "is_given_up",
        "place",
        "request",
        "request_lost",
        "went_lost",
    )

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.place = shelf.open(self._give_up)
        self.is_given_up = False
        self.request = b""
        """What the client sent, or its beginning."""
        self._came: list[bytes] = []
        self._went: list[bytes] = []
        self.request_lost = self.came_lost = self.went_lost = 0
        """Bytes of each that there was no room for."""
        self._room = 0
        self._left = 0
        """Bytes of the room that are not filled yet."""
        self._ended = False
        """Whether nothing more is taken: what came later would not be the next piece."""

    @property
    def came(self) -> bytes:
        """The upstream's answer so far, without its content coding."""
        return b"".join(self._came)

    @property
    def went(self) -> bytes:
        """The client's answer so far."""
        return b"".join(self._went)

    def client_sent(self, body: bytes) -> None:
        """The request, of which half of the room is filled at most: the answer wants some too."""
        share = self._shelf.each // 2
        self._ask_for(min(len(body), share))
        self.request = body[: min(share, self._left)]
        self.request_lost = len(body) - len(self.request)
        self._left -= len(self.request)

    def add(self, came: bytes, went: bytes) -> None:
        """The next piece of the upstream's answer, and what the client gets of it."""
        left = self._left = self._left - len(came) - len(went)
        if left < 0:
            self._left = left + len(came) + len(went)
            self.came_lost += self._add_what_fits(self._came, came)
            self.went_lost += self._add_what_fits(self._went, went)
        else:
            self._came.append(came)
            self._went.append(went)

    def end(self) -> None:
        """Nothing more comes, whoever still holds this."""
        self._ended = True
        self._left = 0

    def _add_what_fits(self, pieces: list[bytes], piece: bytes) -> int:
        """Takes as much of ``piece`` as there is room for; gives how many bytes are lost."""
        if len(piece) > self._left and not self._ended:
            self._ask_for(len(piece))
        fits = piece[: self._left]
        lost = len(piece) - len(fits)
        if fits:
            pieces.append(fits)
            self._left -= len(fits)
        if lost:
            self.end()
        return lost

    def _ask_for(self, more: int) -> None:
        filled = self._room - self._left
        self._room = self._shelf.grow(self.place, filled + more)
        self._left = max(0, self._room - filled)
        _put_together(self._came)
        _put_together(self._went)

    def _give_up(self) -> None:
        self.is_given_up = True
        self.request_lost += len(self.request)
        self.came_lost += sum(map(len, self._came))
        self.went_lost += sum(map(len, self._went))
        self.request = b""
        self._came.clear()
        self._went.clear()
        self.end()


def _put_together(pieces: list[bytes]) -> None:
    if len(pieces) <= _MANY:
        return
    start = len(pieces)
    while start and len(pieces[start - 1]) < _LARGE:
        start -= 1
    if len(pieces) - start > _MANY:
        pieces[start:] = [b"".join(pieces[start:])]
