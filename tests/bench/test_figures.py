"""Medians, spreads, and comparisons within a round."""

from __future__ import annotations

import pytest

from tests.bench.figures import Figure, Figures, Series, percentile
from tests.bench.targets import TARGETS, Target

ONE = ("a", "one", Figure.START)
OTHER = ("a", "other", Figure.START)


def figures(*rounds: tuple[float, float | None]) -> Figures:
    made = Figures()
    for one, other in rounds:
        made.next_round()
        made.note(*ONE, one)
        if other is not None:
            made.note(*OTHER, other)
    return made


def test_a_figure_is_told_with_its_spread() -> None:
    assert Series((3.0, 1.0, 2.0)).said(1) == "2.0 (1.0…3.0)"
    assert Series((2.0, 2.0)).said(0) == "2"


def test_comparisons_are_made_within_a_round() -> None:
    """The second round was slow for both."""
    made = figures((2.0, 1.0), (20.0, 10.0), (3.0, 1.0))
    assert made.ratio(ONE, OTHER) == Series((2.0, 2.0, 3.0))
    assert made.difference(ONE, OTHER) == Series((1.0, 10.0, 2.0))


def test_a_round_in_which_one_is_missing_compares_nothing() -> None:
    made = figures((2.0, None), (6.0, 2.0))
    assert made.ratio(ONE, OTHER) == Series((3.0,))
    assert made.series(*ONE) == Series((2.0, 6.0))
    assert made.series("b", "one", Figure.START) is None


def test_contenders_and_figures_are_those_that_were_measured() -> None:
    made = figures((1.0, 1.0))
    made.note("a", "one", Figure.EVENTS, 5.0)
    assert made.contenders("a") == ["one", "other"]
    assert made.figures("a") == [Figure.EVENTS, Figure.START]
    assert made.figures("b") == []


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)]
)
def test_percentiles(percent: float, expected: int) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], percent) == expected


def test_a_single_value_is_every_percentile() -> None:
    assert percentile([4.0], 50) == percentile([4.0], 99) == 4.0


def test_a_target_is_judged_by_the_median() -> None:
    target = Target(says="", limit=2.0, find=lambda _: None)
    assert target.is_reached(Series((1.0, 2.0, 9.0)))
    assert not target.is_reached(Series((1.0, 2.1, 9.0)))


def test_a_target_may_be_a_least() -> None:
    target = Target(says="", limit=2.0, at_least=True, find=lambda _: None)
    assert target.is_reached(Series((1.0, 2.0, 9.0)))
    assert not target.is_reached(Series((1.0, 1.9, 9.0)))


def test_what_was_not_measured_has_no_verdict() -> None:
    made = figures((1.0, 1.0))
    assert [target.find(made) for target in TARGETS] == [None] * len(TARGETS)
