"""How much may be kept of all bodies together, and which are given up for newer ones.

Pure accounting: the bytes are elsewhere. Each flow has a place, and each place a room in bytes
that it may fill. Rooms grow in blocks, so that a stream asks seldom. What the places hold
together never exceeds the limit: before it would, the oldest is given up, be it under way or
over, and be it the one that asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

_BLOCK: Final = 64 * 1024
"""Bytes: the most by which a room grows at once where less is asked for."""
_BLOCKS: Final = 64
"""How many blocks there are on a shelf at least: streams on a small one leave each other room."""


class Place:
    """The place of one flow's bodies on a shelf."""

    __slots__ = ("give_up", "room")

    def __init__(self, give_up: Callable[[], None]) -> None:
        self.room = 0
        """Bytes that it may hold."""
        self.give_up = give_up
        """Called when it has lost its room: what it held must go. It must not ask for more."""


class Shelf:
    """The places, oldest first."""

    def __init__(self, *, each: int, in_all: int) -> None:
        """``each``: bytes that one place may hold at most; ``in_all``: all of them together."""
        self._each = each
        self._in_all = in_all
        self._places: dict[Place, None] = {}
        self._used = 0
        self._forgotten: deque[Place] = deque()
        """Those that are to go before anything else is done."""

    @property
    def used(self) -> int:
        """The rooms of all places, in bytes."""
        self._sweep()
        return self._used

    @property
    def each(self) -> int:
        """Bytes that one place may hold at most; 0: nothing is kept."""
        return min(self._each, self._in_all)

    def open(self, give_up: Callable[[], None]) -> Place:
        """A new place, the newest, without any room yet."""
        place = Place(give_up)
        self._places[place] = None
        return place

    def grow(self, place: Place, wanted: int) -> int:
        """The room of ``place`` from now on: ``wanted`` bytes or more, or all that it may have.

        0: it has been given up.
        """
        self._sweep()
        if place not in self._places:
            return 0
        block = min(_BLOCK, self._in_all // _BLOCKS)
        room = min(self.each, max(wanted, place.room + block))
        if wanted > place.room and room > place.room:
            self._give_room(place, room)
        return place.room

    def settle(self, place: Place, size: int) -> None:
        """``place`` is filled with ``size`` bytes, and grows no more; the rest of its room is free.

        ``size`` may not exceed its room. A place that was given up stays so.
        """
        if place in self._places:
            self._give_room(place, size)

    def leave(self, place: Place) -> None:
        """What was in ``place`` is gone.

        To be called from anywhere, also from the garbage collector in the midst of another call:
        the room is free with the next.
        """
        place.give_up = _nothing
        self._forgotten.append(place)

    def resize(self, *, each: int, in_all: int) -> None:
        """Other limits, from now on; what does not fit them is given up."""
        self._sweep()
        self._each, self._in_all = each, in_all
        nothing_fits = self.each == 0
        for place in [*self._places]:
            if nothing_fits or place.room > self.each:
                self._give_up(place)
        self._fit()

    def _give_room(self, place: Place, room: int) -> None:
        self._used += room - place.room
        place.room = room
        self._fit()

    def _sweep(self) -> None:
        while self._forgotten:
            place = self._forgotten.popleft()
            if place in self._places:
                self._take(place)

    def _fit(self) -> None:
        while self._used > self._in_all:
            self._give_up(next(iter(self._places)))

    def _give_up(self, place: Place) -> None:
        self._take(place)
        place.give_up()

    def _take(self, place: Place) -> None:
        del self._places[place]
        self._used -= place.room
        place.room = 0


def _nothing() -> None:
    """What is to be done where there is nothing to give up."""
