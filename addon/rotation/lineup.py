"""The accounts that may be chosen, sorted by where they stand, and those that rest.

Choosing must cost the same among ten accounts and among a thousand, so nothing
is computed for an account unless something happened to it. The accounts of a
lane (``routes``) lie in sorted lists, one for each grade and rate at which scores
rise; within such a list the order never changes while nobody touches it
(``strategies`` says why). The best of a lane is then among the heads of at most
eight lists a grade. Those that rest lie in lists of their own, the first to come
free ahead. When an account's rate is about to change, or a cooldown to end, the
agenda brings it back for another look.

Accounts go by their position in the file here. Pure: time is passed in, in
seconds (Unix).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

from addon.rotation.routes import Entry, Lane, Rank
from addon.rotation.strategies import Grade, Standing

_SCORE_DIGITS: Final = 6
"""Scores that differ by less come of rounding: they are equal."""


class Contender(NamedTuple):
    """The first of one list, in the order in which the firsts are compared."""

    minus_score: float
    in_flight: int
    last_used: float
    distance: int
    """Positions from the starting point, going round at the end of the file."""
    position: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an account is to be found again."""

    lane: Lane
    standing: tuple[Rank, Entry] | None
    resting: Mapping[str | None, float]


class Lineup:
    """Sorted lists of those who stand, and an agenda of whom to look at again, and when."""

    def __init__(self, origin: float, size: int) -> None:
        """For ``size`` accounts; scores are compared as of ``origin``."""
        self._origin = origin
        self._size = size
        self._places: dict[int, _Place] = {}
        self._agenda: list[tuple[float, int]] = []
        self._due_at: dict[int, float] = {}

    def place(
        self,
        position: int,
        lane: Lane,
        where: Standing | None,
        free_at: Mapping[str | None, float],
        now: float,
    ) -> None:
        """Let the account at ``position`` stand in ``lane`` as ``where`` says (None: not at all).

        ``free_at`` says when it comes free: for each model for which it rests, and under
        None if it rests as a whole.
        """
        standing = None if where is None else self._stand(position, lane, where, now)
        for model, when in free_at.items():
            insort(lane.resting.setdefault(model, []), (when, position))
        self._places[position] = _Place(lane, standing, free_at)

    def _stand(self, position: int, lane: Lane, where: Standing, now: float) -> tuple[Rank, Entry]:
        score_at_origin = where.score - where.rises_per_second * (now - self._origin)
        entry = (
            -round(score_at_origin, _SCORE_DIGITS),
            where.in_flight,
            where.last_used,
            position,
        )
        rank = (where.grade, where.rises_per_second)
        insort(lane.ranks.setdefault(rank, []), entry)
        return rank, entry

    def look_again(self, position: int, when: float) -> None:
        """Have ``due`` name the account at ``position`` once ``when`` has come."""
        if when < math.inf:
            insort(self._agenda, (when, position))
            self._due_at[position] = when

    def remove(self, position: int) -> None:
        """Take the account at ``position`` out, wherever it is."""
        place = self._places.pop(position, None)
        if place is not None:
            if place.standing is not None:
                rank, entry = place.standing
                entries = place.lane.ranks[rank]
                del entries[bisect_left(entries, entry)]
            for model, free_at in place.resting.items():
                waiting = place.lane.resting[model]
                del waiting[bisect_left(waiting, (free_at, position))]
        when = self._due_at.pop(position, None)
        if when is not None:
            del self._agenda[bisect_left(self._agenda, (when, position))]

    def due(self, now: float) -> list[int]:
        """The positions whose time for another look has come."""
        return [
            position for _, position in self._agenda[: bisect_left(self._agenda, (now, math.inf))]
        ]

    def best(
        self,
        lanes: Iterable[Lane],
        *,
        grade: Grade,
        now: float,
        start: int,
        passes: Callable[[int], bool],
    ) -> Contender | None:
        """The best in ``lanes`` that ``passes``; of equals, the first from ``start`` on."""
        return min(
            (
                self._contender(entry, rank, now, start)
                for lane in lanes
                for rank, entries in lane.ranks.items()
                if rank[0] is grade
                and (entry := _first_that_passes(entries, start, passes)) is not None
            ),
            default=None,
        )

    def contender(
        self, position: int, lanes: Iterable[Lane], *, grade: Grade, now: float, start: int
    ) -> Contender | None:
        """The account at ``position`` itself, if it stands in ``lanes`` with that ``grade``."""
        place = self._places.get(position)
        if place is None or place.standing is None:
            return None
        rank, entry = place.standing
        if rank[0] is not grade or all(lane is not place.lane for lane in lanes):
            return None
        return self._contender(entry, rank, now, start)

    def _contender(self, entry: Entry, rank: Rank, now: float, start: int) -> Contender:
        minus_score, in_flight, last_used, position = entry
        return Contender(
            round(minus_score - rank[1] * (now - self._origin), _SCORE_DIGITS),
            in_flight,
            last_used,
            (position - start) % self._size,
            position,
        )


def _first_that_passes(
    entries: list[Entry], start: int, passes: Callable[[int], bool]
) -> Entry | None:
    """The first that passes; of those that tie, the first from ``start`` on, going round."""
    low = 0
    while low < len(entries):
        tie = entries[low][:3]
        middle = bisect_left(entries, (*tie, start), low)
        high = bisect_left(entries, (*tie, math.inf), middle)
        for index in chain(range(middle, high), range(low, middle)):
            if passes(entries[index][3]):
                return entries[index]
        low = high
    return None
