"""What is measured of the contenders, and how hard each is driven."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.bench.answers import Script
from tests.bench.contenders import DIRECT, IDENTITY, OURS, POOLS, STREAM, Contender
from tests.bench.figures import Figure

_LONGER_SECONDS: Final = 2
"""So much longer than the window a paced answer is: streams begin one after the other."""

_SETTLING_SECONDS: Final = 0.3

_SHORT: Final = Script(3)
_LARGE_REQUEST: Final = 200_000
"""Bytes."""

_ALL: Final = (DIRECT, STREAM, IDENTITY, OURS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One kind of load."""

    key: str
    title: str
    script: Script
    connections: int
    at_once: int
    figures: frozenset[Figure]
    """Which of the figures that a load gives say anything here."""
    contenders: tuple[Contender, ...] = _ALL
    has_peers: bool = True
    """Whether other programs take part."""
    request_bytes: int = 0
    """0: short ones."""
    warm_up_seconds: float = _SETTLING_SECONDS

    @property
    def letter(self) -> str:
        """What ``--only`` calls it."""
        return self.key[0]


_STREAMS: Final = frozenset(
    (Figure.CPU_PER_EVENT, Figure.EVENTS, Figure.FIRST_P50, Figure.FIRST_P99, Figure.PEAK)
)
_CROWD: Final = frozenset((Figure.CPU_PER_REQUEST, Figure.REQUESTS, Figure.PEAK))
_ONE: Final = frozenset(
    (Figure.CPU_PER_REQUEST, Figure.REQUESTS, Figure.FIRST_P50, Figure.FIRST_P99, Figure.PEAK)
)


def scenarios(seconds: float) -> Mapping[str, Scenario]:
    """All of them by key, for windows of so many seconds."""
    paced = Script(int((seconds + _LONGER_SECONDS) * 50), per_second=50)
    every = (
        Scenario(
            key="a",
            title="40 streams, 50 events a second each",
            script=paced,
            connections=40,
            at_once=40,
            figures=_STREAMS,
            warm_up_seconds=0.0,
        ),
        Scenario(
            key="b",
            title="8 streams of 2000 events, as fast as they go",
            script=Script(2000),
            connections=8,
            at_once=8,
            figures=_STREAMS - {Figure.FIRST_P50, Figure.FIRST_P99},
        ),
        Scenario(
            key="c",
            title="short requests, on 16 connections at once",
            script=_SHORT,
            connections=16,
            at_once=16,
            figures=_CROWD,
        ),
        Scenario(
            key="c1",
            title="short requests, one after the other, 16 connections in turn",
            script=_SHORT,
            connections=16,
            at_once=1,
            figures=_ONE,
        ),
        Scenario(
            key="d",
            title="requests of 200 KB, one after the other",
            script=_SHORT,
            connections=1,
            at_once=1,
            figures=_ONE,
            request_bytes=_LARGE_REQUEST,
        ),
        Scenario(
            key="e",
            title="short requests on 16 connections, by number of accounts",
            script=_SHORT,
            connections=16,
            at_once=16,
            figures=_CROWD,
            contenders=tuple(POOLS.values()),
            has_peers=False,
        ),
    )
    return {scenario.key: scenario for scenario in every}
