"""What was promised, each as a figure of one run, and whether the run keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.bench.contenders import IDENTITY, OURS, PEER
from tests.bench.figures import Figure, Figures, Key, Series

Find: TypeAlias = Callable[[Figures], Series | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One promise."""

    says: str
    limit: float
    find: Find
    at_least: bool = False
    """Else at most."""
    unit: str = "\N{MULTIPLICATION SIGN}"
    is_stretch: bool = False
    """Whether it is hoped for rather than promised."""

    @property
    def said(self) -> str:
        """The limit, for people."""
        return f"{'≥' if self.at_least else '≤'} {self.limit:g} {self.unit}"

    def is_reached(self, measured: Series) -> bool:
        """By the median."""
        middle = measured.median
        return middle >= self.limit if self.at_least else middle <= self.limit


def _ratio(one: Key, other: Key) -> Find:
    return lambda figures: figures.ratio(one, other)


def _more(one: Key, other: Key) -> Find:
    return lambda figures: figures.difference(one, other)


def _beside(
    scenario: str, figure: Figure, *, one: str = OURS.key, other: str = IDENTITY.key
) -> tuple[Key, Key]:
    """The same figure of two contenders, ours and mitmdump with a function on the stream."""
    return (scenario, one, figure), (scenario, other, figure)


def _alone(kind: str) -> Find:
    """The translator beside the bare parsing."""
    return _ratio(("micro", kind, Figure.TRANSLATION), ("micro", kind, Figure.PARSING))


def _of_peer(scenario: str, figure: Figure) -> Find:
    return _ratio(*_beside(scenario, figure, one=PEER.key, other=OURS.key))


TARGETS: Final = (
    Target(says="translator, a text event beside `from_json`", limit=2.5, find=_alone("text")),
    Target(says="the same, hoped for", limit=1.0, find=_alone("text"), is_stretch=True),
    Target(
        says="translator, an event of tool arguments beside `from_json`",
        limit=2.5,
        find=_alone("arguments"),
    ),
    Target(says="the same, hoped for", limit=1.0, find=_alone("arguments"), is_stretch=True),
    Target(
        says="(a) CPU per event beside bare mitmdump",
        limit=1.05,
        find=_ratio(*_beside("a", Figure.CPU_PER_EVENT)),
    ),
    Target(
        says="(b) events a second beside bare mitmdump",
        limit=0.88,
        at_least=True,
        find=_ratio(*_beside("b", Figure.EVENTS)),
    ),
    Target(
        says="(c) requests a second beside bare mitmdump",
        limit=0.80,
        at_least=True,
        find=_ratio(*_beside("c", Figure.REQUESTS)),
    ),
    Target(
        says="(c) time to first event over bare mitmdump, p50",
        limit=1.0,
        unit="ms",
        find=_more(*_beside("c1", Figure.FIRST_P50)),
    ),
    Target(
        says="(c) time to first event over bare mitmdump, p99",
        limit=5.0,
        unit="ms",
        find=_more(*_beside("c1", Figure.FIRST_P99)),
    ),
    Target(
        says="(d) translating a 200 KB request beside `from_json` and `to_json`",
        limit=2.0,
        find=_alone("request"),
    ),
    Target(
        says="(d) a large request that is not refused for its size",
        limit=60.0,
        unit="MB",
        at_least=True,
        find=lambda figures: figures.series("d", OURS.key, Figure.SIZE),
    ),
    Target(
        says="(a) LiteLLM's CPU per event beside ours",
        limit=7.0,
        at_least=True,
        find=_of_peer("a", Figure.CPU_PER_EVENT),
    ),
    Target(
        says="(c) LiteLLM's CPU per request beside ours",
        limit=15.0,
        at_least=True,
        find=_of_peer("c", Figure.CPU_PER_REQUEST),
    ),
    Target(
        says="(e) choosing among 1000 accounts beside choosing among 10",
        limit=3.0,
        find=_ratio(("micro", "choice-1000", Figure.CHOICE), ("micro", "choice-10", Figure.CHOICE)),
    ),
    Target(
        says="memory when idle over bare mitmdump",
        limit=25.0,
        unit="MB",
        find=_more(*_beside("start", Figure.IDLE)),
    ),
    Target(
        says="start-up over bare mitmdump",
        limit=0.5,
        unit="s",
        find=_more(*_beside("start", Figure.START)),
    ),
    Target(
        says="memory after 100,000 requests over that after 10,000",
        limit=2.0,
        unit="MB",
        find=_more(
            ("soak", "after 100000 requests", Figure.IDLE),
            ("soak", "after 10000 requests", Figure.IDLE),
        ),
    ),
)
