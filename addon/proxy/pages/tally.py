"""What has been counted since the start, for metrics: pure, and bounded in what it holds.

Histograms are kept as counts per bucket, not summed up; that is done by who writes them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, TypeVar

from addon.proxy.pages.ended import EndedRequest, Ending

SECONDS_BOUNDS: Final = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    *(163.84, 327.68),
)
"""Those of OpenTelemetry's ``gen_ai.client.operation.duration``, and two more: answers of
thinking models take minutes."""
TOKEN_BOUNDS: Final = tuple(4**power for power in range(14))
"""Those of OpenTelemetry's ``gen_ai.client.token.usage``."""

_MOST_NAMES: Final = 100
"""Of models, and of errors: clients and upstreams choose them, and may make them up."""
OTHER: Final = "_OTHER"
"""OpenTelemetry's word for what has no name of its own."""


@dataclass(slots=True)
class Counts:
    """One series of a histogram."""

    bounds: tuple[float, ...]
    buckets: list[int] = field(init=False)
    """How many fell within each bound and not within the one before; the last: beyond all."""
    total: float = 0.0

    def __post_init__(self) -> None:
        self.buckets = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """One more observation."""
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a request was for."""

    model: str
    server: str


class _Names:
    """Names that are counted each by itself: the first ones."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def bounded(self, name: str) -> str:
        """``name``, or OTHER where there are too many already."""
        if len(self._known) < _MOST_NAMES:
            self._known.add(name)
        return name if name in self._known else OTHER


class Tally:
    """Counts of all that ended."""

    def __init__(self) -> None:
        self.durations: dict[tuple[Target, str], Counts] = {}
        """By target and ``error.type``, which is empty for what was served."""
        self.first_chunks: dict[Target, Counts] = {}
        self.tokens: dict[tuple[Target, str], Counts] = {}
        """By target and ``gen_ai.token.type``."""
        self.cached_tokens: Counter[Target] = Counter()
        self.attempts: Counter[tuple[str, str]] = Counter()
        """By account and ``error.type``."""
        self._models, self._errors = _Names(), _Names()

    def note(self, ended: EndedRequest) -> None:
        """One more request."""
        model = self._models.bounded(ended.upstream_model or ended.model or "")
        target = Target(model, ended.server)
        error = self._error(ended)
        _add(self.durations, (target, error), ended.seconds, SECONDS_BOUNDS)
        if ended.first_event_seconds is not None:
            _add(self.first_chunks, target, ended.first_event_seconds, SECONDS_BOUNDS)
        if ended.input_tokens is not None:
            _add(self.tokens, (target, "input"), ended.input_tokens, TOKEN_BOUNDS)
        if ended.output_tokens is not None:
            _add(self.tokens, (target, "output"), ended.output_tokens, TOKEN_BOUNDS)
        self.cached_tokens[target] += ended.cached_tokens or 0
        for attempt in ended.refused:
            self.attempts[attempt.account, self._errors.bounded(attempt.kind)] += 1
        if ended.account is not None and ended.ending is not Ending.REFUSED:
            self.attempts[ended.account, error] += 1

    def _error(self, ended: EndedRequest) -> str:
        if ended.ending is Ending.SERVED:
            return ""
        return self._errors.bounded(ended.kind or str(ended.ending))


_K = TypeVar("_K")


def _add(series: dict[_K, Counts], key: _K, value: float, bounds: tuple[float, ...]) -> None:
    series.setdefault(key, Counts(bounds)).add(value)
