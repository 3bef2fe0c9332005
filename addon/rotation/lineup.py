"""The accounts that may be chosen, sorted by where they stand.

Choosing must cost the same among ten accounts and among a thousand, so nothing
is computed for an account unless something happened to it. The accounts of a
lane (one priority, one set of models) lie in sorted lists, one for each rate at
which scores rise; within such a list the order never changes while nobody
touches it (``strategies`` says why). The best of a lane is then among the heads
of at most eight lists. When an account's rate is about to change, or a cooldown
to end, the agenda brings it back for another look.

Accounts go by their position in the file here. Pure: time is passed in, in
seconds (Unix).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Final, NamedTuple, TypeAlias

from addon.rotation.strategies import Standing

_SCORE_DIGITS: Final = 6
"""Scores that differ by less come of rounding: they are equal."""

_Entry: TypeAlias = tuple[float, int, float, int]
"""Sorts the best first: minus the score at the lineup's origin, in flight, last used, position."""

_Rank: TypeAlias = tuple[bool, float]
"""Tired or not, and the points by which scores rise each second."""


class Contender(NamedTuple):
    """The first of one list, in the order in which the firsts are compared."""

    minus_score: float
    in_flight: int
    last_used: float
    distance: int
    """Positions from the starting point, going round at the end of the file."""
    position: int


@dataclass(slots=True)
class Lane:
    """Accounts of one priority that serve the same models, in lists by rank."""

    priority: int
    models: frozenset[str] | None
    ranks: dict[_Rank, list[_Entry]] = field(default_factory=dict)


class Routes:
    """Which lanes serve a model: by priority, the lowest number first."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        """Worked out once for ``lanes``, so that a request only looks it up."""
        ordered = sorted(lanes, key=lambda lane: lane.priority)
        self.named = frozenset(name for lane in ordered for name in lane.models or ())
        """The models that only some accounts serve."""
        self._all = _by_priority(ordered)
        self._unrestricted = _by_priority(lane for lane in ordered if lane.models is None)
        self._by_name = {
            name: _by_priority(
                lane for lane in ordered if lane.models is None or name in lane.models
            )
            for name in self.named
        }

    def for_model(self, model: str | None) -> list[list[Lane]]:
        """The lanes that serve ``model``; all of them where the request names none."""
        return self._all if model is None else self._by_name.get(model, self._unrestricted)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an account is to be found again."""

    lane: Lane
    rank: _Rank
    entry: _Entry


class Lineup:
    """Sorted lists of those who stand, and an agenda of whom to look at again, and when."""

    def __init__(self, origin: float, size: int) -> None:
        """For ``size`` accounts; scores are compared as of ``origin``."""
        self._origin = origin
        self._size = size
        self._places: dict[int, _Place] = {}
        self._agenda: list[tuple[float, int]] = []
        self._due_at: dict[int, float] = {}

    def place(self, position: int, lane: Lane, where: Standing, now: float) -> None:
        """Let the account at ``position`` stand in ``lane`` as ``where`` says."""
        score_at_origin = where.score - where.rises_per_second * (now - self._origin)
        entry = (
            -round(score_at_origin, _SCORE_DIGITS),
            where.in_flight,
            where.last_used,
            position,
        )
        rank = (where.tired, where.rises_per_second)
        insort(lane.ranks.setdefault(rank, []), entry)
        self._places[position] = _Place(lane, rank, entry)

    def look_again(self, position: int, when: float) -> None:
        """Have ``due`` name the account at ``position`` once ``when`` has come."""
        if when < math.inf:
            insort(self._agenda, (when, position))
            self._due_at[position] = when

    def remove(self, position: int) -> None:
        """Take the account at ``position`` out, wherever it is."""
        place = self._places.pop(position, None)
        if place is not None:
            entries = place.lane.ranks[place.rank]
            del entries[bisect_left(entries, place.entry)]
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
        tired: bool,
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
                if rank[0] is tired
                and (entry := _first_that_passes(entries, start, passes)) is not None
            ),
            default=None,
        )

    def contender(
        self, position: int, lanes: Iterable[Lane], *, tired: bool, now: float, start: int
    ) -> Contender | None:
        """The account at ``position`` itself, if it stands in ``lanes`` at all."""
        place = self._places.get(position)
        if (
            place is None
            or place.rank[0] is not tired
            or all(lane is not place.lane for lane in lanes)
        ):
            return None
        return self._contender(place.entry, place.rank, now, start)

    def _contender(self, entry: _Entry, rank: _Rank, now: float, start: int) -> Contender:
        minus_score, in_flight, last_used, position = entry
        return Contender(
            round(minus_score - rank[1] * (now - self._origin), _SCORE_DIGITS),
            in_flight,
            last_used,
            (position - start) % self._size,
            position,
        )


def _first_that_passes(
    entries: list[_Entry], start: int, passes: Callable[[int], bool]
) -> _Entry | None:
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


def _by_priority(lanes: Iterable[Lane]) -> list[list[Lane]]:
    return [list(group) for _, group in groupby(lanes, key=lambda lane: lane.priority)]
