"""The requests of a connection share a wake-up, and each looks in time."""

from __future__ import annotations

from collections.abc import Iterator

from mitmproxy.proxy.commands import Command, RequestWakeup
from mitmproxy.proxy.layers.http import ReceiveHttp

from addon.proxy.failover.clock import TICK_SECONDS, Clock, LookAtTheClock


def delays(commands: Iterator[Command]) -> list[float]:
    """The wake-ups that were asked for."""
    found = [*commands]
    assert all(isinstance(command, RequestWakeup) for command in found)
    return [command.delay for command in found if isinstance(command, RequestWakeup)]


def lookers(commands: Iterator[Command]) -> set[int]:
    """Who is to look at the clock."""
    found = [command.event for command in commands if isinstance(command, ReceiveHttp)]
    assert all(isinstance(event, LookAtTheClock) for event in found)
    return {event.stream_id for event in found}


def test_many_requests_ask_for_one_wake_up() -> None:
    clock = Clock()
    asked = [delays(clock.watch(stream_id, 300.0)) for stream_id in range(100)]
    assert asked == [[TICK_SECONDS], *[[]] * 99]


def test_one_that_has_to_look_earlier_asks_for_another() -> None:
    clock = Clock()
    assert delays(clock.watch(1, 8.0)) == [8.0]
    assert delays(clock.watch(2, 3.0)) == [3.0]
    assert delays(clock.watch(3, 5.0)) == []


def test_when_it_rings_all_look_once() -> None:
    clock = Clock()
    for stream_id in (1, 3, 5):
        assert len(delays(clock.watch(stream_id, 0.0))) <= 1
    assert lookers(clock.ring()) == {1, 3, 5}
    assert delays(clock.watch(3, 0.0)) == [0.0]
    assert lookers(clock.ring()) == {3}


def test_a_wake_up_that_was_overtaken_wakes_nobody() -> None:
    """Else each would ask for the next, and there were more and more of them."""
    clock = Clock()
    assert delays(clock.watch(1, 5.0)) == [5.0]
    assert lookers(clock.ring()) == set()
    assert delays(clock.watch(1, 6.0)) == []
