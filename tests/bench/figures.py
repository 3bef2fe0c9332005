"""The figures of a run: each taken once a round, told as a median with its spread.

A comparison is made within each round, and then the median is taken of the comparisons:
what slows the machine down for a while slows all contenders of that round.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from operator import sub, truediv

from tests.support.chat import Json


class Figure(Enum):
    """What is measured, its unit, and how many digits of it mean anything."""

    CPU_PER_EVENT = ("CPU per event", "µs", 1)
    EVENTS = ("events a second", "", 0)
    CPU_PER_REQUEST = ("CPU per request", "ms", 2)
    REQUESTS = ("requests a second", "", 0)
    FIRST_P50 = ("first event p50", "ms", 2)
    FIRST_P99 = ("first event p99", "ms", 2)
    PEAK = ("peak memory", "MB", 0)
    START = ("start-up", "s", 2)
    IDLE = ("memory when idle", "MB", 0)
    SIZE = ("largest request", "MB", 0)
    LOAD_CPU = ("CPU per event of load client and upstream", "µs", 1)
    TRANSLATION = ("translator", "µs", 2)
    PARSING = ("from_json of the same", "µs", 2)
    CHOICE = ("choosing an account", "µs", 1)

    def __init__(self, title: str, unit: str, digits: int) -> None:
        self.title = title
        self.unit = unit
        self.digits = digits


@dataclass(frozen=True, slots=True)
class Series:
    """One figure, round after round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        """The smallest."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The largest."""
        return max(self.values)

    def said(self, digits: int) -> str:
        """``median (least…most)``, for people."""
        median, least, most = (
            f"{value:.{digits}f}" for value in (self.median, self.least, self.most)
        )
        return median if least == most else f"{median} ({least}…{most})"


Key = tuple[str, str, Figure]
"""Scenario, contender, figure."""


@dataclass(slots=True)
class Figures:
    """All that was measured."""

    _rounds: list[dict[Key, float]] = field(default_factory=list)

    def next_round(self) -> None:
        """What is noted from now on belongs to another round."""
        self._rounds.append({})

    def note(self, scenario: str, contender: str, figure: Figure, value: float) -> None:
        """One figure of this round."""
        self._rounds[-1][scenario, contender, figure] = value

    def series(self, scenario: str, contender: str, figure: Figure) -> Series | None:
        """A figure over the rounds; None: it was not measured."""
        return _series([each.get((scenario, contender, figure)) for each in self._rounds])

    def ratio(self, one: Key, other: Key) -> Series | None:
        """``one`` divided by ``other`` of the same round."""
        return self._joined(one, other, truediv)

    def difference(self, one: Key, other: Key) -> Series | None:
        """``one`` less ``other`` of the same round."""
        return self._joined(one, other, sub)

    def _joined(self, one: Key, other: Key, join: Callable[[float, float], float]) -> Series | None:
        return _series(
            [
                join(each[one], each[other]) if each.get(one) and each.get(other) else None
                for each in self._rounds
            ]
        )

    def contenders(self, scenario: str) -> list[str]:
        """Who was measured in it, in order."""
        every = (key[1] for each in self._rounds for key in each if key[0] == scenario)
        return list(dict.fromkeys(every))

    def figures(self, scenario: str) -> list[Figure]:
        """What was measured in it, in the order in which they are told."""
        every = {key[2] for each in self._rounds for key in each if key[0] == scenario}
        return [figure for figure in Figure if figure in every]

    def as_json(self) -> list[Json]:
        """Every single value."""
        return [*self._as_json()]

    def _as_json(self) -> Iterator[Json]:
        for number, each in enumerate(self._rounds, 1):
            for (scenario, contender, figure), value in each.items():
                yield {
                    "round": number,
                    "scenario": scenario,
                    "contender": contender,
                    "figure": figure.name.lower(),
                    "unit": figure.unit,
                    "value": value,
                }


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of ``values`` that at least ``percent`` of them do not exceed."""
    ordered = sorted(values)
    place = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(place) - 1)]


def _series(values: list[float | None]) -> Series | None:
    known = tuple(value for value in values if value is not None)
    return Series(known) if known else None
