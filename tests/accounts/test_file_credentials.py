"""Credentials in the accounts file: renewed durably, marked with care, by one at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from addon.accounts.account import OAuthCredential
from addon.accounts.file import JsonFileStore
from addon.accounts.journal import Journal, Renewal
from addon.accounts.store import StoreError
from tests.accounts.files import KEY, SIGN_IN, mode_of, read, write

SPENT = OAuthCredential(SIGN_IN["refreshToken"], SIGN_IN["accessToken"])
FRESH = OAuthCredential("refresh-new", "access-new", 9, "portal.qwen.ai")


async def test_a_renewed_credential_takes_the_place_of_the_spent_one(
    path: Path, store: JsonFileStore
) -> None:
    write(path, KEY, {**SIGN_IN, "note": "mine", "requiresReauth": True}, extra=1)

    account = await store.renewed("o", SPENT, FRESH)

    assert account is not None
    assert account.credential == FRESH
    assert read(path)["accounts"][1] == {
        **SIGN_IN,
        "refreshToken": "refresh-new",
        "accessToken": "access-new",
        "expires": 9,
        "resourceUrl": "portal.qwen.ai",
        "note": "mine",
        "requiresReauth": False,
    }
    assert (read(path)["accounts"][0], read(path)["extra"]) == (KEY, 1)
    assert store.load().accounts[1] == account


async def test_it_is_on_disk_before_it_is_given(
    path: Path, store: JsonFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, SIGN_IN)
    synced: list[int] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        sync(descriptor)
        synced.append(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    await store.renewed("o", SPENT, FRESH)
    assert len(synced) == 2, "the file, and the folder in which it was renamed"


async def test_another_credential_that_came_meanwhile_stays(
    path: Path, store: JsonFileStore
) -> None:
    write(path, {**SIGN_IN, "refreshToken": "refresh-other"})
    before = path.stat()

    account = await store.renewed("o", SPENT, FRESH)

    assert account is not None
    assert account.credential == OAuthCredential("refresh-other", SIGN_IN["accessToken"])
    assert path.stat() == before


async def test_so_does_a_key(path: Path, store: JsonFileStore) -> None:
    write(path, {**KEY, "id": "o"})
    await store.renewed("o", SPENT, FRESH)
    await store.mark_requires_reauth("o", SPENT)
    assert read(path)["accounts"] == [{**KEY, "id": "o"}]


async def test_of_an_account_that_is_gone_there_is_none(path: Path, store: JsonFileStore) -> None:
    write(path, KEY)
    assert await store.renewed("o", SPENT, FRESH) is None
    assert await store.mark_requires_reauth("o", SPENT) is None
    assert await store.current("o") is None
    path.unlink()
    assert await store.current("o") is None


async def test_a_refused_credential_is_marked(path: Path, store: JsonFileStore) -> None:
    write(path, SIGN_IN)
    account = await store.mark_requires_reauth("o", SPENT)
    assert account is not None
    assert account.requires_reauth
    assert read(path)["accounts"] == [{**SIGN_IN, "requiresReauth": True}]


async def test_only_if_it_is_still_there(path: Path, store: JsonFileStore) -> None:
    write(path, {**SIGN_IN, "refreshToken": "refresh-other"})
    account = await store.mark_requires_reauth("o", SPENT)
    assert account is not None
    assert not account.requires_reauth


async def test_the_current_account_is_what_the_file_holds_this_moment(
    path: Path, store: JsonFileStore
) -> None:
    write(path, SIGN_IN)
    store.load()
    write(path, {**SIGN_IN, "label": "new"})
    account = await store.current("o")
    assert account is not None
    assert account.label == "new"


async def test_a_file_that_cannot_be_understood_has_no_current_account(
    path: Path, store: JsonFileStore
) -> None:
    write(path, SIGN_IN)
    store.load()
    path.write_text("{")
    with pytest.raises(StoreError, match="is not JSON"):
        await store.current("o")


async def test_the_plugin_need_not_wait_for_a_refresh(path: Path, store: JsonFileStore) -> None:
    write(path, SIGN_IN)
    async with store.refreshing("o"):
        assert not path.with_name(f"{path.name}.lock").exists()


async def test_of_one_account_there_is_one_refresh(
    path: Path, store: JsonFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, SIGN_IN)
    monkeypatch.setattr("addon.accounts.file._REFRESH_SECONDS", 0.0)
    async with store.refreshing("o"):
        async with JsonFileStore(path).refreshing("k"):
            pass
        with pytest.raises(StoreError, match="does not come to an end"):
            async with JsonFileStore(path).refreshing("o"):
                pass


async def test_where_nothing_can_be_written_there_is_no_refresh(powerless: Path) -> None:
    path = powerless / "accounts.json"
    write(path, SIGN_IN)
    powerless.chmod(0o500)
    try:
        with pytest.raises(StoreError, match=r"cannot be written: Permission denied\."):
            async with JsonFileStore(path).refreshing("o"):
                pass
    finally:
        powerless.chmod(0o700)


async def test_through_a_symlink_it_is_the_same_lock(
    path: Path, store: JsonFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, SIGN_IN)
    link = path.with_name("link.json")
    link.symlink_to(path)
    monkeypatch.setattr("addon.accounts.file._REFRESH_SECONDS", 0.0)
    async with store.refreshing("o"):
        with pytest.raises(StoreError):
            async with JsonFileStore(link).refreshing("o"):
                pass


# What a refresh brought, until it is in the file


async def test_what_was_noted_before_a_crash_is_in_the_file_next(
    path: Path, store: JsonFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, SIGN_IN)
    async with store.refreshing("o"):
        monkeypatch.setattr(store, "_change", killed)
        with pytest.raises(KilledError):
            await store.renewed("o", SPENT, FRESH)
    assert read(path)["accounts"] == [SIGN_IN]

    other = JsonFileStore(path)
    async with other.refreshing("o"):
        account = await other.current("o")

    assert account is not None
    assert account.credential == FRESH
    assert read(path)["accounts"][0]["refreshToken"] == "refresh-new"


async def test_unless_another_credential_is_there_by_then(
    path: Path, store: JsonFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, SIGN_IN)
    async with store.refreshing("o"):
        monkeypatch.setattr(store, "_change", killed)
        with pytest.raises(KilledError):
            await store.renewed("o", SPENT, FRESH)
    write(path, {**SIGN_IN, "refreshToken": "refresh-of-a-new-sign-in"})

    other = JsonFileStore(path)
    async with other.refreshing("o"):
        await other.current("o")

    assert read(path)["accounts"][0]["refreshToken"] == "refresh-of-a-new-sign-in"
    assert journals(path) == []


async def test_the_note_is_private_and_does_not_stay(path: Path, store: JsonFileStore) -> None:
    write(path, SIGN_IN)
    async with store.refreshing("o"):
        (journal,) = journals(path)
        assert (mode_of(journal), mode_of(journal.parent)) == (0o600, 0o700)
        await store.renewed("o", SPENT, FRESH)
        assert journals(path) == []
    async with store.refreshing("o"):
        pass
    assert journals(path) == []


async def test_a_full_disk_is_found_out_before_a_token_is_spent(
    path: Path, store: JsonFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, SIGN_IN)

    def full(_journal: Journal) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "make_room", full)
    with pytest.raises(StoreError, match=r"cannot be written: No space left on device\."):
        async with store.refreshing("o"):
            pytest.fail("a token would be spent here")


@pytest.mark.parametrize("content", [b"", b" ", b"{", b"[]", b"\xff", b'{"spent": {}}'])
def test_half_a_note_is_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(content)
    journal = Journal(path)
    assert journal.pending() is None
    journal.make_room()
    journal.note(Renewal(SPENT, FRESH))
    assert journal.pending() == Renewal(SPENT, FRESH)


def test_room_is_not_made_at_the_cost_of_a_note(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.make_room()
    journal.note(Renewal(SPENT, FRESH))
    journal.make_room()
    assert journal.pending() == Renewal(SPENT, FRESH)


def test_a_note_shows_no_token() -> None:
    assert "refresh-" not in repr(Renewal(SPENT, FRESH))


class KilledError(Exception):
    """Stands for the end of the process."""


async def killed(*_: object) -> None:
    raise KilledError


def journals(path: Path) -> list[Path]:
    return [*path.with_name(f"{path.name}.refresh").glob("*.journal")]
