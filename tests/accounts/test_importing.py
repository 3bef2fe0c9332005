"""Accounts out of another file: new ones are added, known ones freshened, none doubled."""

from __future__ import annotations

from addon.accounts.account import OAuthCredential
from addon.accounts.document import Document, empty_document
from addon.accounts.importing import Fate, with_imported, with_imported_sign_in
from tests.accounts.documents import KEY, document, written
from tests.support.jwts import jwt

NOW_MS = 1_800_000_000_000


def entry(name: str, expires: int = NOW_MS, **fields: object) -> dict[str, object]:
    """An account that was signed in, with tokens of its own."""
    tokens = {"refreshToken": f"refresh-{name}", "accessToken": f"access-{name}"}
    return {"id": name, "label": name, **tokens, "expires": expires, **fields}


def imported(before: Document, *entries: object) -> tuple[Document, list[Fate]]:
    after, told = with_imported(before, document(*entries))
    return after, [each.fate for each in told]


def taken_over(before: Document, credential: OAuthCredential) -> tuple[Document, Fate]:
    after, told = with_imported_sign_in(before, credential, label="qwen-code", now_ms=NOW_MS)
    return after, told.fate


def test_new_accounts_come_with_everything_that_was_said_of_them() -> None:
    new = entry("work", priority=2, models=["a"], note="theirs", health={"score": 4})
    after, fates = imported(document(entry("home")), new, {**KEY, "label": "studio"})
    assert fates == [Fate.ADDED, Fate.ADDED]
    assert written(after)["accounts"][1] == new
    assert [account.name for account in after.accounts] == ["home", "work", "studio"]


def test_importing_the_same_file_again_changes_nothing() -> None:
    once, _ = imported(empty_document(), entry("work"), KEY)
    twice, fates = imported(once, entry("work"), KEY)
    assert fates == [Fate.THERE, Fate.THERE]
    assert written(twice) == written(once)


def test_the_fresher_sign_in_of_one_account_is_kept() -> None:
    before = document(entry("work", NOW_MS, note="ours"))
    newer = entry("work", NOW_MS + 1, refreshToken="refresh-newer", note="theirs")
    after, fates = imported(before, newer)
    assert fates == [Fate.RENEWED]
    (only,) = written(after)["accounts"]
    assert (only["refreshToken"], only["note"]) == ("refresh-newer", "ours")

    older = entry("work", NOW_MS - 1, refreshToken="refresh-older")
    after, fates = imported(before, older)
    assert fates == [Fate.THERE]
    assert after == before


def test_a_sign_in_that_has_ended_here_is_replaced_by_one_that_has_not() -> None:
    ended = document(entry("work", NOW_MS, requiresReauth=True))
    older = entry("work", NOW_MS - 1, refreshToken="refresh-other")
    after, fates = imported(ended, older)
    assert fates == [Fate.RENEWED]
    assert not after.accounts[0].requires_reauth


def test_a_sign_in_that_has_ended_there_is_not_taken() -> None:
    newer = entry("work", NOW_MS + 1, refreshToken="refresh-newer", requiresReauth=True)
    assert imported(document(entry("work")), newer)[1] == [Fate.THERE]


def test_tokens_that_say_whose_they_are_are_not_doubled_under_another_id() -> None:
    before = document(entry("work", accessToken=jwt("alice")))
    after, fates = imported(before, entry("x", NOW_MS + 1, accessToken=jwt("alice", serial=2)))
    assert fates == [Fate.RENEWED]
    assert [account.id for account in after.accounts] == ["work"]


def test_another_key_under_the_same_id_is_left_out() -> None:
    before = document({**KEY, "id": "k"})
    after, fates = imported(before, {**KEY, "id": "k", "apiKey": "sk-another-0123456789"})
    assert fates == [Fate.OTHER_KEY]
    assert after == before


def test_names_that_are_taken_give_way() -> None:
    before = document({**KEY, "id": "k", "label": "work"})
    after, fates = imported(before, entry("k", label="work"))
    assert fates == [Fate.ADDED]
    assert [account.label for account in after.accounts] == ["work", "work-2"]
    assert len({account.id for account in after.accounts}) == 2


def test_a_sign_in_of_qwen_code_is_found_again_by_what_it_is_called() -> None:
    first, fate = taken_over(empty_document(), OAuthCredential("r1", "a1", NOW_MS))
    assert fate is Fate.ADDED
    assert first.accounts[0].label == "qwen-code"
    second, fate = taken_over(first, OAuthCredential("r2", "a2", NOW_MS + 1, "portal.qwen.ai"))
    assert fate is Fate.RENEWED
    assert [account.credential for account in second.accounts] == [
        OAuthCredential("r2", "a2", NOW_MS + 1, "portal.qwen.ai")
    ]
    assert taken_over(second, OAuthCredential("r1", "a1", NOW_MS))[1] is Fate.THERE


def test_a_key_that_is_called_so_is_not_taken_for_it() -> None:
    after, fate = taken_over(
        document({**KEY, "label": "qwen-code"}), OAuthCredential("r1", "a1", NOW_MS)
    )
    assert fate is Fate.ADDED
    assert [account.label for account in after.accounts] == ["qwen-code", "qwen-code-2"]
