"""Statistics in the accounts file: kept beside what others keep, and no news to who wrote them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from addon.accounts.document import with_account
from addon.accounts.file import JsonFileStore
from addon.accounts.lock import locked
from addon.accounts.store import AtLeast, Plus, StoreError
from tests.accounts.files import ACCOUNT, KEY, SIGN_IN, ids, read, write

PLUGINS = {"successCount": 3, "failureCount": 1, "consecutiveFailures": 0}


async def test_they_are_merged_into_what_is_there_key_by_key(
    path: Path, store: JsonFileStore
) -> None:
    write(path, {**KEY, "lastUsed": 5, "health": PLUGINS, "note": "mine"}, SIGN_IN)

    await store.save_state({"k": {"lastUsed": 9, "health": {"score": 80}, "breaker": {"a": 1}}})

    assert read(path)["accounts"] == [
        {
            **KEY,
            "lastUsed": 9,
            "health": {**PLUGINS, "score": 80},
            "note": "mine",
            "breaker": {"a": 1},
        },
        SIGN_IN,
    ]


async def test_none_removes(path: Path, store: JsonFileStore) -> None:
    write(path, {**KEY, "rateLimitResetAt": 5, "days": {"2026-01-01": {}, "2026-01-02": {}}})

    await store.save_state({"k": {"rateLimitResetAt": None, "days": {"2026-01-01": None}}})

    assert read(path)["accounts"] == [{**KEY, "days": {"2026-01-02": {}}}]


async def test_a_count_is_added_to_the_one_that_is_there_at_any_depth(
    path: Path, store: JsonFileStore
) -> None:
    write(path, {**KEY, "days": {"2026-01-01": {"requests": 3, "note": "x"}}})

    change = {"requests": Plus(2), "refused": Plus(1), "note": Plus(5)}
    await store.save_state({"k": {"days": {"2026-01-01": change, "2026-01-02": change}}})

    assert read(path)["accounts"][0]["days"] == {
        "2026-01-01": {"requests": 5, "note": 5, "refused": 1},
        "2026-01-02": {"requests": 2, "refused": 1, "note": 5},
    }


@pytest.mark.parametrize(
    ("there", "then"), [(5, 9), (9, 9), (12, 12), (12.5, 12.5), (None, 9), ("x", 9), (True, 9)]
)
async def test_a_number_that_is_to_be_at_least_so_much_does_not_fall(
    there: object, then: float, path: Path, store: JsonFileStore
) -> None:
    write(path, {**KEY, "lastSeen": there})

    await store.save_state({"k": {"lastSeen": AtLeast(9)}})

    assert read(path)["accounts"][0]["lastSeen"] == then


async def test_what_came_of_it_is_given_for_each_account_that_is_there(
    path: Path, store: JsonFileStore
) -> None:
    write(path, {**KEY, "days": {"2026-01-01": {"requests": 3}}}, SIGN_IN)
    change = {"days": {"2026-01-01": {"requests": Plus(1)}}}

    assert await store.save_state({"k": change, "gone": change}) == {
        "k": {"days": {"2026-01-01": {"requests": 4}}}
    }


async def test_an_object_takes_the_place_of_what_is_none(path: Path, store: JsonFileStore) -> None:
    write(path, {**KEY, "health": 70})

    await store.save_state({"k": {"health": {"score": 80, "asOf": None}}})

    assert read(path)["accounts"][0]["health"] == {"score": 80}


async def test_they_come_back_as_they_were_written(path: Path, store: JsonFileStore) -> None:
    write(path, {**KEY, "health": PLUGINS, "label": "Key"}, SIGN_IN)
    await store.save_state({"o": {"lastUsed": 9}})
    other = JsonFileStore(path)
    other.load()
    assert other.states() == {"k": {"health": PLUGINS}, "o": {"lastUsed": 9}}


async def test_an_account_that_is_gone_is_not_made_again(path: Path, store: JsonFileStore) -> None:
    write(path, KEY)
    before = path.stat()
    await store.save_state({"gone": {"lastUsed": 9}})
    assert path.stat() == before


async def test_nor_is_a_file_that_is_gone(path: Path, store: JsonFileStore) -> None:
    await store.save_state({"k": {"lastUsed": 9}})
    assert not path.exists()


async def test_what_changes_nothing_is_not_written(path: Path, store: JsonFileStore) -> None:
    write(path, {**KEY, "lastUsed": 9})
    before = path.stat()
    await store.save_state({"k": {"lastUsed": 9}})
    assert path.stat() == before


@pytest.mark.parametrize(
    "key", ["id", "apiKey", "refreshToken", "accessToken", "baseUrl", "enabled", "requiresReauth"]
)
async def test_what_is_no_statistic_is_refused(key: str, path: Path, store: JsonFileStore) -> None:
    write(path, KEY)
    with pytest.raises(ValueError, match=key):
        await store.save_state({"k": {key: None}})
    assert read(path)["accounts"] == [KEY]


async def test_a_file_that_cannot_be_written_is_told(path: Path, store: JsonFileStore) -> None:
    path.write_text("{")
    with pytest.raises(StoreError, match=r"It is left as it is\."):
        await store.save_state({"k": {"lastUsed": 9}})


# News


async def test_what_was_saved_from_here_is_no_news_here(path: Path, store: JsonFileStore) -> None:
    write(path, KEY, SIGN_IN)
    before = store.load()
    for moment in range(3):
        await store.save_state({"k": {"lastUsed": moment, "rateLimitResetAt": moment}})
        assert store.load() is before


async def test_but_it_is_to_others(path: Path, store: JsonFileStore) -> None:
    write(path, KEY)
    other = JsonFileStore(path)
    before = other.load()
    await store.save_state({"k": {"rateLimitResetAt": 9}})
    after = other.load()
    assert after is not before
    assert after.accounts[0].rate_limit_reset_at_ms == 9


async def test_what_others_changed_meanwhile_is_news(path: Path, store: JsonFileStore) -> None:
    write(path, KEY)
    store.load()
    JsonFileStore(path).update(lambda found: with_account(found, ACCOUNT))
    await store.save_state({"k": {"lastUsed": 9}})
    assert ids(store.load()) == ["k", "new"]


async def test_so_is_what_a_person_takes_back_of_it(path: Path, store: JsonFileStore) -> None:
    write(path, KEY)
    before = store.load()
    await store.save_state({"k": {"rateLimitResetAt": 9}})
    assert store.load() is before
    write(path, KEY)
    assert store.load() is not before
    assert store.load().accounts[0].rate_limit_reset_at_ms is None


async def test_what_is_written_from_here_need_not_be_read_again(
    path: Path, store: JsonFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, KEY)
    store.load()
    monkeypatch.setattr(store, "_read", lambda: pytest.fail("it was read"))
    await store.save_state({"k": {"lastUsed": 9}})
    assert ids(store.load()) == ["k"]
    assert store.states() == {"k": {"lastUsed": 9}}


async def test_a_busy_file_does_not_hold_the_loop_up(path: Path, store: JsonFileStore) -> None:
    write(path, KEY)
    with locked(path, timeout_seconds=0):
        saving = asyncio.create_task(store.save_state({"k": {"lastUsed": 9}}))
        await asyncio.sleep(0.05)
        assert not saving.done()
    await saving
    assert read(path)["accounts"] == [{**KEY, "lastUsed": 9}]
