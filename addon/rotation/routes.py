"""Which accounts a request may go to at all: lanes, and the routes that models take.

A lane holds the accounts that no request tells apart: of one priority, allowed the
same models, cooling down for the same models. So a request never meets an account
that is not for it, however many there are. Lanes come into being when an account
first needs one. Values and sorted lists only; who lies where is ``lineup``'s affair.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, TypeAlias

from addon.rotation.strategies import Grade

Entry: TypeAlias = tuple[float, int, float, int]
"""Sorts the best first: minus the score at the lineup's origin, in flight, last used, position."""

Rank: TypeAlias = tuple[Grade, float]
"""The grade, and the points by which scores rise each second."""

Return: TypeAlias = tuple[float, int]
"""When an account comes free, and its position."""

NOBODY: Final[Return] = (math.inf, -1)

_MOST_ROUTES: Final = 1000
"""Clients name the models, so there has to be an end to them."""


@dataclass(slots=True)
class Lane:
    """Accounts that no request tells apart."""

    priority: int
    models: frozenset[str] | None
    """Only these; None: all."""
    cooling: frozenset[str]
    """The models for which alone they are cooling down."""
    ranks: dict[Rank, list[Entry]] = field(default_factory=dict)
    """Those that stand."""
    resting: dict[str | None, list[Return]] = field(default_factory=dict)
    """When which position comes free: for a model of ``cooling``, or as a whole under None."""

    def serves(self, model: str | None) -> bool:
        """Whether requests for ``model`` may ever go to these accounts (None: model unknown)."""
        return self.models is None or model is None or model in self.models

    def first_free(self, model: str | None, passes: Callable[[int], bool]) -> Return:
        """The first that rests, and ``passes``, to come free for ``model``; else NOBODY."""
        waiting = self.resting.get(model if model in self.cooling else None, ())
        return next((each for each in waiting if passes(each[1])), NOBODY)

    def is_empty(self) -> bool:
        """Whether no account is in it."""
        return not any(self.ranks.values()) and not any(self.resting.values())


@dataclass(frozen=True, slots=True)
class Route:
    """The lanes for one model."""

    open: tuple[tuple[Lane, ...], ...]
    """Those whose accounts are not cooling down for it: by priority, the lowest number first."""
    every: tuple[Lane, ...]

    def first_free(self, model: str | None, passes: Callable[[int], bool]) -> Return:
        """The first that rests, and ``passes``, to come free for ``model``; else NOBODY."""
        return min((lane.first_free(model, passes) for lane in self.every), default=NOBODY)


class Routes:
    """All lanes that there are, and which of them a model takes."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[int, frozenset[str] | None, frozenset[str]], Lane] = {}
        self._routes: dict[str | None, Route] = {}

    def lane(self, priority: int, models: frozenset[str] | None, cooling: frozenset[str]) -> Lane:
        """The lane of accounts like that. A new one sweeps the empty ones away."""
        key = (priority, models, cooling)
        lane = self._lanes.get(key)
        if lane is None:
            self._lanes = {k: each for k, each in self._lanes.items() if not each.is_empty()}
            self._routes.clear()
            lane = self._lanes[key] = Lane(*key)
        return lane

    def for_model(self, model: str | None) -> Route:
        """The lanes that serve ``model``; all of them where the request names none."""
        route = self._routes.get(model)
        if route is None:
            if len(self._routes) >= _MOST_ROUTES:
                self._routes.clear()
            route = self._routes[model] = _route(self._lanes.values(), model)
        return route


def _route(lanes: Iterable[Lane], model: str | None) -> Route:
    every = sorted((lane for lane in lanes if lane.serves(model)), key=_priority)
    free = (lane for lane in every if model not in lane.cooling)
    return Route(tuple(tuple(group) for _, group in groupby(free, key=_priority)), tuple(every))


def _priority(lane: Lane) -> int:
    return lane.priority
