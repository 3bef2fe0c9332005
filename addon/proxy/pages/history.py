"""The last hour, minute by minute, and the last requests: what the live page draws.

Pure: it reads no clock, and takes no more memory however many requests there are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from addon.proxy.pages.ended import EndedRequest, Ending

MINUTES: Final = 60
"""How far back it reaches."""
REQUESTS: Final = 100
"""How many of the last requests are told of one by one."""
FIRST_EVENT_BOUNDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Upper bounds of the histogram's columns (seconds); a last column is for what takes longer."""

_MOST_KINDS: Final = 12
"""Kinds of errors that are counted each by itself, in a minute."""
OTHER: Final = "other"


@dataclass(slots=True)
class _Minute:
    """What ended in it."""

    served: int = 0
    """At the first attempt."""
    moved: int = 0
    """Served too, after another attempt had been refused."""
    refused: int = 0
    cut: int = 0
    left: int = 0
    input_tokens: int = 0
    """Without those that were cached."""
    cached_tokens: int = 0
    output_tokens: int = 0
    first_events: list[int] = field(default_factory=lambda: [0] * (len(FIRST_EVENT_BOUNDS) + 1))
    unseen: Counter[str] = field(default_factory=Counter)
    """Kind of error → attempts that were refused with it."""
    told: Counter[str] = field(default_factory=Counter)
    """Kind of error → clients that were."""


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """How often attempts and clients were refused in one way."""

    kind: str
    unseen: int
    """Attempts: another account may have served after it."""
    told: int
    """Clients."""
    minutes: tuple[int, ...]
    """Both together, oldest first."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The last hour. Each series has a number for each minute, oldest first."""

    first_minute: int
    """Minutes since the epoch."""
    served: tuple[int, ...]
    moved: tuple[int, ...]
    refused: tuple[int, ...]
    cut: tuple[int, ...]
    left: tuple[int, ...]
    input_tokens: tuple[int, ...]
    cached_tokens: tuple[int, ...]
    output_tokens: tuple[int, ...]
    first_event_bounds: tuple[float, ...]
    first_events: tuple[int, ...]
    """Answers whose first event came within each bound, and not within the one before."""
    errors: tuple[ErrorKind, ...]
    """The most frequent first."""


class History:
    """What ended, and when."""

    def __init__(self) -> None:
        self._minutes: dict[int, _Minute] = {}
        self._requests: deque[tuple[int, EndedRequest]] = deque(maxlen=REQUESTS)
        self._count = 0

    @property
    def count(self) -> int:
        """How many requests have ended so far: the number of the last one."""
        return self._count

    def note(self, ended: EndedRequest) -> None:
        """One more. Those that end later may be noted earlier, within the hour."""
        self._count += 1
        self._requests.append((self._count, ended))
        number = int(ended.ended_at // 60)
        minute = self._minutes.get(number)
        if minute is None:
            minute = self._minutes[number] = _Minute()
            self._forget(number)
        _add(minute, ended)

    def _forget(self, number: int) -> None:
        # a clock that was set back leaves minutes of the future behind
        for old in [each for each in self._minutes if abs(number - each) >= MINUTES]:
            del self._minutes[old]

    def since(self, number: int) -> list[tuple[int, EndedRequest]]:
        """The requests after the one with that number, by number, as far as they are kept."""
        return [each for each in self._requests if each[0] > number]

    def picture(self, now: float) -> Picture:
        """The hour that ends at ``now`` (Unix seconds)."""
        last = int(now // 60)
        minutes = [self._minutes.get(each) for each in range(last - MINUTES + 1, last + 1)]
        there = [each or _NOTHING for each in minutes]

        def series(of: Callable[[_Minute], int]) -> tuple[int, ...]:
            return tuple(map(of, there))

        return Picture(
            first_minute=last - MINUTES + 1,
            served=series(lambda minute: minute.served),
            moved=series(lambda minute: minute.moved),
            refused=series(lambda minute: minute.refused),
            cut=series(lambda minute: minute.cut),
            left=series(lambda minute: minute.left),
            input_tokens=series(lambda minute: minute.input_tokens),
            cached_tokens=series(lambda minute: minute.cached_tokens),
            output_tokens=series(lambda minute: minute.output_tokens),
            first_event_bounds=FIRST_EVENT_BOUNDS,
            first_events=tuple(
                sum(column) for column in zip(*(each.first_events for each in there), strict=True)
            ),
            errors=tuple(sorted(_errors(there), key=lambda each: (-sum(each.minutes), each.kind))),
        )


_NOTHING: Final = _Minute()


def _add(minute: _Minute, ended: EndedRequest) -> None:
    match ended.ending:
        case Ending.SERVED if ended.attempts > 1:
            minute.moved += 1
        case Ending.SERVED:
            minute.served += 1
        case Ending.REFUSED:
            minute.refused += 1
        case Ending.CUT:
            minute.cut += 1
        case Ending.LEFT:
            minute.left += 1
    cached = ended.cached_tokens or 0
    minute.input_tokens += max(0, (ended.input_tokens or 0) - cached)
    minute.cached_tokens += cached
    minute.output_tokens += ended.output_tokens or 0
    if ended.first_event_seconds is not None:
        minute.first_events[bisect_left(FIRST_EVENT_BOUNDS, ended.first_event_seconds)] += 1
    for attempt in ended.refused:
        _count(minute.unseen, attempt.kind)
    if ended.kind:
        _count(minute.told, ended.kind)
    elif ended.ending is Ending.CUT:
        _count(minute.told, Ending.CUT)


def _count(counter: Counter[str], kind: str) -> None:
    """Upstreams choose their codes: there may be no end of them."""
    counter[kind if kind in counter or len(counter) < _MOST_KINDS else OTHER] += 1


def _errors(minutes: list[_Minute]) -> Iterator[ErrorKind]:
    for kind in {kind for minute in minutes for kind in (*minute.unseen, *minute.told)}:
        yield ErrorKind(
            kind=kind,
            unseen=sum(minute.unseen[kind] for minute in minutes),
            told=sum(minute.told[kind] for minute in minutes),
            minutes=tuple(minute.unseen[kind] + minute.told[kind] for minute in minutes),
        )
