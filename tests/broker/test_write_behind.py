"""Statistics on disk: written behind, kept over a restart, and never in a request's way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from addon.broker import RateLimited, Served, Usage
from addon.settings import Settings
from tests.broker.world import (
    START,
    Memory,
    World,
    a_key,
    begin_tasks_at_once,
    file_world,
    key,
)


async def test_statistics_are_written_once_a_second_at_most() -> None:
    world = World(Memory(key("a"), key("b")))

    for _ in range(10):
        await world.serve()
        await world.clock.advance(0.3)

    assert len(world.memory.writes) == 2
    assert world.memory.writes[0].keys() == {"a", "b"}


async def test_a_store_that_is_done_at_once_is_written_to_again() -> None:
    begin_tasks_at_once()
    world = World(Memory(key("a")))
    for _ in range(3):
        await world.serve()
        await world.clock.advance(1)

    assert len(world.memory.writes) == 3


async def test_nothing_is_written_while_nothing_happens() -> None:
    world = World(Memory(key("a")))
    await world.serve()

    await world.clock.advance(3600)

    assert len(world.memory.writes) == 1
    assert world.clock.next_ring is None


async def test_only_what_has_changed_is_written() -> None:
    world = World(Memory(key("a"), key("b")))
    await world.serve()
    await world.clock.advance(1)

    assert [write.keys() for write in world.memory.writes] == [{"a"}]


async def test_what_is_left_is_written_at_the_end() -> None:
    world = World(Memory(key("a")))
    await world.serve()

    await world.broker.stop()

    assert len(world.memory.writes) == 1
    assert world.memory.saved["a"]["lastUsed"] == START * 1000


async def test_a_write_that_fails_is_told_once_and_made_up_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(Memory(key("a"), key("b")))
    world.memory.fault = "The disk is full."
    for _ in range(5):
        await world.serve()
        await world.clock.advance(1)
    assert caplog.text.count("The disk is full.") == 1

    world.memory.fault = None
    await world.serve()
    await world.clock.advance(1)

    assert world.memory.writes[-1].keys() == {"a", "b"}
    world.memory.fault = "The disk is full again."
    await world.serve()
    await world.broker.stop()
    assert "again" in caplog.text


def entry(path: Path) -> dict[str, object]:
    """The first account, as the file has it."""
    accounts = json.loads(path.read_text("utf-8"))["accounts"]
    assert isinstance(accounts[0], dict)
    return accounts[0]


async def test_what_is_known_of_an_account_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "private" / "accounts.json"
    first = file_world(path)
    first.write(a_key("a", health={"successCount": 7}))
    await first.meet(Served(Usage(input_tokens=10, output_tokens=2)))
    await first.meet(RateLimited(120))
    await first.broker.stop()

    second = file_world(path, Settings(max_rate_limit_wait_seconds=0))
    refused = await second.refusal()

    assert refused.retry_after_seconds == 120
    (before,), (after,) = first.broker.snapshot(), second.broker.snapshot()
    assert (after.health, after.tokens) == (before.health, before.tokens)
    assert after.today == before.today
    health = entry(path)["health"]
    assert isinstance(health, dict)
    assert health["successCount"] == 7


async def test_what_is_written_is_no_news(tmp_path: Path) -> None:
    world = file_world(tmp_path / "private" / "accounts.json")
    world.write(a_key("a"))
    await world.serve()
    snapshot = world.store.load()

    await world.broker.stop()

    assert world.store.load() is snapshot
