"""The shelf: never over its limits, and the oldest is given up first, whatever happens."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from addon.proxy.views.shelf import Place, Shelf

LIMITS = st.integers(0, 300_000)
SIZES = st.integers(0, 200_000)


class Histories(RuleBasedStateMachine):
    """Flows come, grow, end and are forgotten; the user changes the limits meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[Place] = []
        """Those that hold something, oldest first."""
        self.given_up: list[Place] = []
        """Since the last step began."""
        self.every: list[Place] = []

    @initialize(each=LIMITS, in_all=LIMITS)
    def begin(self, each: int, in_all: int) -> None:
        self.shelf = Shelf(each=each, in_all=in_all)
        self.limits = each, in_all

    def lose(self, number: int) -> None:
        self.given_up.append(self.every[number])

    @rule()
    def a_flow_comes(self) -> None:
        place = self.shelf.open(partial(self.lose, len(self.every)))
        self.every.append(place)
        self.places.append(place)

    @precondition(lambda self: self.places)
    @rule(data=st.data(), wanted=SIZES)
    def it_asks_for_room(self, data: st.DataObject, wanted: int) -> None:
        place = data.draw(st.sampled_from(self.places))
        before = [*self.places]
        had = place.room
        room = self.shelf.grow(place, wanted)
        self.forget_those_given_up(before)
        if place in self.places:
            assert room == place.room >= min(wanted, self.shelf.each)
            assert room == had or had < wanted
        else:
            assert room == 0

    @precondition(lambda self: self.places)
    @rule(data=st.data())
    def it_ends(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(self.places))
        size = data.draw(st.integers(0, place.room))
        self.shelf.settle(place, size)
        assert place.room == size
        assert not self.given_up

    @precondition(lambda self: self.places)
    @rule(data=st.data())
    def it_is_forgotten(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(self.places))
        used, room = self.shelf.used, place.room
        self.shelf.leave(place)
        self.places.remove(place)
        assert self.shelf.used == used - room
        assert not self.given_up

    @rule(each=LIMITS, in_all=LIMITS)
    def the_limits_change(self, each: int, in_all: int) -> None:
        self.limits = each, in_all
        before = [*self.places]
        too_large = [place for place in before if not each or place.room > min(each, in_all)]
        self.shelf.resize(each=each, in_all=in_all)
        assert [place for place in too_large if place not in self.given_up] == []
        self.forget_those_given_up([place for place in before if place not in too_large])

    def forget_those_given_up(self, in_order: list[Place]) -> None:
        """They were the oldest of those that could stay."""
        oldest = [place for place in self.given_up if place in in_order]
        assert oldest == in_order[: len(oldest)]
        self.places = [place for place in self.places if place not in self.given_up]
        for place in self.given_up:
            assert place.room == 0
            assert self.shelf.grow(place, 1) == 0
        self.given_up.clear()

    @invariant()
    def it_is_never_over_its_limits(self) -> None:
        each, in_all = self.limits
        assert self.shelf.used == sum(place.room for place in self.places) <= in_all
        assert all(place.room <= min(each, in_all) for place in self.places)


TestHistories = Histories.TestCase


@pytest.mark.parametrize(("each", "in_all"), [(0, 1000), (1000, 0)])
def test_nothing_is_kept_where_a_limit_is_0(each: int, in_all: int) -> None:
    shelf = Shelf(each=each, in_all=in_all)
    assert shelf.each == 0
    assert shelf.grow(shelf.open(lambda: None), 1) == 0
    assert shelf.used == 0


def test_a_room_grows_in_blocks_so_that_a_stream_asks_seldom() -> None:
    shelf = Shelf(each=4 << 20, in_all=64 << 20)
    place = shelf.open(lambda: None)
    assert shelf.grow(place, 100) == 64 * 1024
    assert shelf.grow(place, 64 * 1024 + 1) == 2 * 64 * 1024
    assert shelf.grow(place, 1 << 30) == 4 << 20


def test_the_oldest_is_given_up_even_if_it_is_the_one_that_asks() -> None:
    lost: list[str] = []
    shelf = Shelf(each=60, in_all=100)
    old, new = (shelf.open(partial(lost.append, name)) for name in ("old", "new"))
    shelf.grow(old, 30)
    shelf.grow(new, 60)
    assert shelf.grow(old, 50) == 0
    assert lost == ["old"]
    assert (old.room, new.room, shelf.used) == (0, 60, 60)


def test_turned_off_while_running_it_gives_everything_up() -> None:
    lost: list[str] = []
    shelf = Shelf(each=60, in_all=100)
    for name in ("a", "b"):
        shelf.grow(shelf.open(partial(lost.append, name)), 10)
    shelf.resize(each=0, in_all=100)
    assert lost == ["a", "b"]
    assert shelf.used == 0
