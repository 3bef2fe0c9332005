"""Which account is meant by a name, and which names can be given."""

from __future__ import annotations

import pytest

from addon.accounts.account import Account, ApiKeyCredential
from addon.accounts.naming import BadName, account_named, called, checked_label, free_label


def account(account_id: str, label: str | None = None) -> Account:
    return Account(account_id, ApiKeyCredential("sk-0123456789abcdef"), label=label)


WORK, HOME, BARE = account("key-1", "work"), account("key-2", "home"), account("key-3")
ACCOUNTS = (WORK, HOME, BARE)


@pytest.mark.parametrize("name", ["work", "key-1", "1"])
def test_an_account_is_known_by_label_id_and_number(name: str) -> None:
    assert account_named(ACCOUNTS, name) is WORK


def test_an_unknown_name_is_answered_with_all_there_are() -> None:
    with pytest.raises(BadName, match=r"no account wrok; there are 1 work, 2 home, 3 key-3$"):
        account_named(ACCOUNTS, "wrok")


def test_where_there_are_many_the_first_are_told() -> None:
    many = [account(f"key-{number}") for number in range(1000)]
    with pytest.raises(BadName, match=r"there are 1 key-0, .* 20 key-19 and 980 more$"):
        account_named(many, "wrok")


@pytest.mark.parametrize("number", ["0", "4", "-1", "01"])
def test_a_number_that_is_not_in_the_list_is_nobody(number: str) -> None:
    with pytest.raises(BadName, match="there are 1 work"):
        account_named(ACCOUNTS, number)


def test_a_label_that_two_have_is_answered_with_their_ids() -> None:
    with pytest.raises(BadName, match=r"work stands for 2 accounts: .* key-1, key-9"):
        account_named((*ACCOUNTS, account("key-9", "work")), "work")


def test_a_label_that_is_also_a_number_stands_for_both() -> None:
    with pytest.raises(BadName, match="2 accounts"):
        account_named((WORK, HOME, account("key-9", "1")), "1")


def test_an_id_goes_before_labels_and_numbers() -> None:
    first = account("2", "x")
    assert account_named((first, account("key-2", "2")), "2") is first


def test_where_there_is_no_account_that_is_said() -> None:
    with pytest.raises(BadName, match="no account work, nor any other"):
        account_named((), "work")


def test_a_number_calls_nobody() -> None:
    assert called(ACCOUNTS, "1") is None
    assert called(ACCOUNTS, "key-3") is BARE


@pytest.mark.parametrize("label", ["", " ", "work ", "a\nb", "a\x1b[2J", "17", "-work"])
def test_a_label_that_nobody_could_type_or_read_is_refused(label: str) -> None:
    with pytest.raises(BadName, match="a label"):
        checked_label(label, ACCOUNTS)


@pytest.mark.parametrize("label", ["work", "key-3"])
def test_a_name_that_another_has_is_refused(label: str) -> None:
    with pytest.raises(BadName, match="already"):
        checked_label(label, ACCOUNTS)


def test_a_free_label_is_the_wanted_one_or_the_next() -> None:
    assert free_label("office", ACCOUNTS) == "office"
    assert free_label("work", (*ACCOUNTS, account("x", "work-2"))) == "work-3"
