"""What people do to the accounts: put in, renewed rather than doubled, changed, taken out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from addon.accounts.account import ApiKeyCredential, OAuthCredential
from addon.accounts.document import Document, empty_document
from addon.accounts.editing import (
    Kept,
    NewKey,
    NotPossible,
    renamed,
    with_enabled,
    with_key,
    with_sign_in,
    without_account,
)
from addon.accounts.naming import BadName
from tests.accounts.documents import KEY, SIGN_IN, document, written
from tests.support.jwts import jwt

NOW_MS = 1_800_000_000_000
FRESH = OAuthCredential("refresh-fresh", "access-fresh", NOW_MS + 3_600_000, "portal.qwen.ai")
URL = KEY["baseUrl"]


def entry(name: str, **fields: object) -> dict[str, object]:
    """An account that was signed in, with tokens of its own."""
    tokens = {"refreshToken": f"refresh-{name}", "accessToken": f"access-{name}"}
    return {"id": name, "label": name, **tokens, **fields}


def signed_in(
    found: Document,
    credential: OAuthCredential = FRESH,
    *,
    meant: str | None = None,
    label: str | None = None,
) -> Kept:
    return with_sign_in(found, credential, meant=meant, label=label, now_ms=NOW_MS)


def keyed(found: Document, key: str = KEY["apiKey"], **more: object) -> Kept:
    new = NewKey(ApiKeyCredential(key), URL, "host.example")
    return with_key(found, replace(new, **more), now_ms=NOW_MS)  # type: ignore[arg-type]


# Sign-ins


def test_the_first_sign_in_is_a_new_account() -> None:
    kept = signed_in(empty_document())
    assert kept.before is None
    assert kept.account.id.startswith("oauth-")
    (new,) = written(kept.document)["accounts"]
    assert (new["label"], new["refreshToken"], new["addedAt"]) == ("qwen", "refresh-fresh", NOW_MS)


def test_a_sign_in_of_nobody_known_is_added_beside_the_others() -> None:
    kept = signed_in(document(entry("work"), entry("qwen")))
    assert [account.name for account in kept.document.accounts] == ["work", "qwen", "qwen-2"]


def test_a_sign_in_of_whom_was_meant_renews_that_account_and_nothing_else() -> None:
    before = document(
        entry("home"), entry("work", requiresReauth=True, priority=3, note="kept", health={"a": 1})
    )
    kept = signed_in(before, meant="work", label="work")
    home, work = written(kept.document)["accounts"]
    assert home == entry("home")
    assert work == entry("work") | {
        "refreshToken": "refresh-fresh",
        "accessToken": "access-fresh",
        "expires": FRESH.expires_at_ms,
        "resourceUrl": "portal.qwen.ai",
        "requiresReauth": False,
        "priority": 3,
        "note": "kept",
        "health": {"a": 1},
    }


def test_a_sign_in_that_names_no_host_keeps_the_one_that_was_there() -> None:
    before = document(entry("work", resourceUrl="portal.qwen.ai"))
    kept = signed_in(before, replace(FRESH, resource_url=None), meant="work")
    assert written(kept.document)["accounts"][0]["resourceUrl"] == "portal.qwen.ai"


def test_tokens_that_say_whose_they_are_go_to_that_account_whoever_was_meant() -> None:
    before = document(entry("work", accessToken=jwt("alice")), entry("home"))
    kept = signed_in(before, replace(FRESH, access_token=jwt("alice", serial=2)), meant="home")
    assert kept.before is not None
    assert kept.account.id == "work"
    assert written(kept.document)["accounts"][1] == entry("home")


def test_tokens_of_somebody_else_never_take_the_place_of_an_accounts() -> None:
    before = document(entry("work", accessToken=jwt("alice")))
    bob = replace(FRESH, access_token=jwt("bob"))
    kept = signed_in(before, bob, meant="work", label="work")
    assert kept.before is None
    assert [account.name for account in kept.document.accounts] == ["work", "work-2"]


def test_a_refresh_token_that_is_there_already_is_not_doubled() -> None:
    before = document(entry("work"))
    kept = signed_in(before, OAuthCredential("refresh-work", "access-new"))
    assert kept.account.id == "work"
    assert len(kept.document.accounts) == 1


def test_an_account_that_is_gone_by_now_is_signed_in_anew() -> None:
    kept = signed_in(document(entry("home")), meant="work", label="work")
    assert kept.before is None
    assert kept.account.name == "work"


# Keys


def test_a_new_key_is_called_after_its_place_unless_somebody_says_otherwise() -> None:
    assert keyed(empty_document()).account.name == "host.example"
    assert keyed(empty_document(), label="work", priority=2).account.priority == 2
    taken = document(KEY | {"label": "host.example", "apiKey": "sk-another"})
    assert keyed(taken).account.name == "host.example-2"


def test_the_same_key_for_the_same_place_is_there_once() -> None:
    first = keyed(empty_document(), label="work")
    again = keyed(first.document, label="office", priority=5)
    assert again.before == first.account
    (only,) = written(again.document)["accounts"]
    assert (only["id"], only["label"], only["priority"]) == (first.account.id, "office", 5)


def test_the_same_key_may_be_there_for_two_places() -> None:
    first = keyed(empty_document())
    second = keyed(first.document, base_url="https://other.example/v1", usual_label="other")
    assert [account.id for account in second.document.accounts] == [
        first.account.id,
        f"{first.account.id}-2",
    ]


def test_a_key_that_never_said_where_it_is_for_is_the_same() -> None:
    kept = keyed(document({"apiKey": KEY["apiKey"], "label": "work"}))
    assert [account.base_url for account in kept.document.accounts] == [URL]


def test_a_key_of_another_is_replaced_only_where_that_is_said() -> None:
    before = document(KEY | {"id": "k", "label": "work", "requiresReauth": True})
    with pytest.raises(NotPossible, match="--replace"):
        keyed(before, "sk-new-0123456789", label="work")
    kept = keyed(before, "sk-new-0123456789", label="work", replaces=True)
    (only,) = written(kept.document)["accounts"]
    assert (only["id"], only["label"], only["apiKey"]) == ("k", "work", "sk-new-0123456789")
    assert only["requiresReauth"] is False


def test_a_nameless_account_gets_another_key_by_its_id_and_stays_nameless() -> None:
    before = document(KEY | {"id": "key-1"})
    kept = keyed(before, "sk-new-0123456789", label="key-1", replaces=True)
    (only,) = written(kept.document)["accounts"]
    assert only["apiKey"] == "sk-new-0123456789"
    assert "label" not in only


def test_a_key_never_takes_the_place_of_a_sign_in() -> None:
    with pytest.raises(NotPossible, match="signed in"):
        keyed(document(entry("work")), label="work", replaces=True)


def test_one_key_is_not_given_to_a_second_account() -> None:
    before = document(KEY | {"label": "work"}, KEY | {"label": "home", "apiKey": "sk-another-key"})
    with pytest.raises(NotPossible, match="that of work"):
        keyed(before, label="home", replaces=True)


def test_what_is_said_never_holds_the_key() -> None:
    before = document(KEY | {"label": "work"}, entry("home"))
    for label in ("home", "work", "17"):
        with pytest.raises((NotPossible, BadName)) as caught:
            keyed(before, "sk-secret-0123456789", label=label)
        assert "secret" not in str(caught.value)


# Changes


def test_accounts_are_enabled_and_disabled_all_or_none() -> None:
    before = document(entry("work"), entry("home"))
    after, which = with_enabled(before, ["2", "work"], enabled=False)
    assert [account.name for account in which] == ["home", "work"]
    assert not any(account.enabled for account in after.accounts)
    with pytest.raises(BadName):
        with_enabled(before, ["work", "wrok"], enabled=False)


def test_an_account_may_keep_its_name_but_not_take_anothers() -> None:
    before = document(entry("work"), entry("home"))
    work = before.accounts[0]
    assert renamed(before, work, "office").accounts[0].label == "office"
    assert renamed(before, work, "work") == before
    with pytest.raises(BadName):
        renamed(before, work, "home")


# Removal


def test_what_is_removed_is_gone_and_the_rest_is_as_it_was() -> None:
    before = document(entry("a", note=1), "not an account", entry("b"), extra={"kept": True})
    after = without_account(before, before.accounts[0])
    assert written(after)["accounts"] == ["not an account", entry("b")]
    assert written(after)["extra"] == {"kept": True}


@pytest.mark.parametrize(
    ("removed", "active", "left"), [(0, 0, 0), (0, 2, 1), (2, 1, 1), (2, 2, 1), (1, 2, 1)]
)
def test_the_plugins_active_account_stays_the_same(removed: int, active: int, left: int) -> None:
    before = document(entry("a"), entry("b"), entry("c"), activeIndex=active)
    after = without_account(before, before.accounts[removed])
    assert written(after)["activeIndex"] == left


def test_the_last_account_can_be_removed() -> None:
    before = document(SIGN_IN, activeIndex=0)
    assert written(without_account(before, before.accounts[0])) == {
        "version": 1,
        "accounts": [],
        "activeIndex": 0,
    }


def test_no_double_takes_the_place_of_what_was_removed() -> None:
    before = document(SIGN_IN, SIGN_IN, entry("work"))
    assert [account.name for account in before.accounts[1:]] == ["work"]
    after = without_account(before, before.accounts[0])
    assert [account.name for account in after.accounts] == ["work"]
