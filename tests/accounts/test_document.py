"""The accounts document: what is understood of it, what is told, and that nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from addon.accounts.account import Account, ApiKeyCredential, OAuthCredential
from addon.accounts.document import (
    BadDocument,
    derived_id,
    empty_document,
    parse,
    render,
    with_account,
)
from addon.translate import PROFILES
from tests.accounts.documents import KEY, SIGN_IN, document, faults, written

PLUGIN_FILE = b"""{
  "version": 1,
  "accounts": [
    {
      "refreshToken": "refresh-0123456789",
      "accessToken": "access-0123456789",
      "expires": 1767225600000,
      "resourceUrl": "portal.qwen.ai",
      "addedAt": 1767000000000,
      "lastUsed": 1767100000000,
      "rateLimitResetAt": 1767100060000,
      "health": {
        "successCount": 3,
        "failureCount": 1,
        "consecutiveFailures": 0,
        "lastSuccess": 1767100000000,
        "lastFailure": 1767050000000
      }
    },
    {
      "refreshToken": "refresh-9876543210",
      "addedAt": 1767000000000,
      "lastUsed": 0
    }
  ],
  "activeIndex": 1
}"""


# Reading


def test_a_file_of_the_opencode_plugin_loads() -> None:
    found = parse(PLUGIN_FILE)
    assert found.faults == ()
    first = OAuthCredential(
        "refresh-0123456789", "access-0123456789", 1767225600000, "portal.qwen.ai"
    )
    second = OAuthCredential("refresh-9876543210")
    assert found.accounts == (
        Account(
            derived_id(first),
            first,
            added_at_ms=1767000000000,
            last_used_ms=1767100000000,
            rate_limit_reset_at_ms=1767100060000,
        ),
        Account(derived_id(second), second, added_at_ms=1767000000000, last_used_ms=0),
    )


def test_a_key_with_everything_that_the_contract_names() -> None:
    found = document(
        {
            **KEY,
            "id": "work",
            "label": "Büro",
            "enabled": False,
            "priority": -1,
            "models": ["coder", "vision"],
            "modelMap": {"coder": "qwen3-coder-plus"},
            "profile": "model-studio",
            "requiresReauth": True,
        }
    )
    assert found.accounts == (
        Account(
            "work",
            ApiKeyCredential("sk-0123456789abcdef"),
            label="Büro",
            enabled=False,
            priority=-1,
            base_url="https://host.example/v1",
            models=frozenset({"coder", "vision"}),
            model_map={"coder": "qwen3-coder-plus"},
            profile="model-studio",
            requires_reauth=True,
        ),
    )


def test_null_and_empty_texts_count_as_absent() -> None:
    found = document({**KEY, "id": "k", "refreshToken": "", "label": None, "models": None})
    assert found.accounts == document({**KEY, "id": "k"}).accounts


def test_fractions_of_a_millisecond_are_cut_off() -> None:
    credential = document({**SIGN_IN, "expires": 1767225600000.7}).accounts[0].credential
    assert credential == OAuthCredential(
        "refresh-0123456789", "access-0123456789", expires_at_ms=1767225600000
    )


def test_a_byte_order_mark_is_tolerated() -> None:
    assert parse(b"\xef\xbb\xbf" + PLUGIN_FILE).accounts == parse(PLUGIN_FILE).accounts


# Single entries that are wrong


ONE_LINE = "must be ASCII in one piece: no space, no line break"


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (7, "accounts[0]: must be an object"),
        ({}, "accounts[0]: needs apiKey, or refreshToken from a sign-in"),
        ({"accessToken": "a"}, "accounts[0]: needs apiKey, or refreshToken from a sign-in"),
        (
            {**KEY, **SIGN_IN},
            "accounts[0]: has both refreshToken and apiKey: an account is one or the other",
        ),
        ({**KEY, "apiKey": 123456}, "accounts[0].apiKey: must be a text"),
        ({**KEY, "apiKey": "sk-0123\n"}, f"accounts[0].apiKey: {ONE_LINE}"),
        ({"refreshToken": "my token"}, f"accounts[0].refreshToken: {ONE_LINE}"),
        ({**SIGN_IN, "expires": "soon"}, "accounts[0].expires: must be an integer"),
        ({**KEY, "priority": "high"}, "accounts[0].priority: must be an integer"),
        ({**KEY, "priority": 1.5}, "accounts[0].priority: must be an integer"),
        ({**KEY, "enabled": "no"}, "accounts[0].enabled: must be true or false"),
        ({**KEY, "label": ["a"]}, "accounts[0].label: must be a text"),
        ({**KEY, "label": "a\r\nb"}, "accounts[0].label: must be printable text in one line"),
        ({**KEY, "id": "\ud800"}, "accounts[0].id: must be printable text in one line"),
        ({**KEY, "models": "coder"}, "accounts[0].models: must be a list"),
        ({**KEY, "models": []}, "accounts[0].models: must hold at least one"),
        ({**KEY, "models": ["a", 7]}, "accounts[0].models[1]: must be a text"),
        ({**KEY, "modelMap": ["a"]}, "accounts[0].modelMap: must be an object"),
        (
            {**KEY, "profile": "qwen"},
            "accounts[0].profile: no profile is called 'qwen'; there are " + ", ".join(PROFILES),
        ),
        ({**KEY, "modelMap": {"a": 7}}, "accounts[0].modelMap.a: must be a text"),
        (
            {**KEY, "baseUrl": "http://host.example/v1"},
            "accounts[0].baseUrl: must be https: over http a token would travel in the clear",
        ),
        (
            {"apiKey": "https://host.example/v1", "baseUrl": "sk-0123456789abcdef"},
            "accounts[0].baseUrl: must be a base URL such as https://host/v1",
        ),
        (
            {**SIGN_IN, "resourceUrl": "http://host.example"},
            "accounts[0].resourceUrl: must be https: over http a token would travel in the clear",
        ),
    ],
    ids=str,
)
def test_a_wrong_entry_is_told_left_alone_and_takes_no_other_down(entry: object, line: str) -> None:
    found = document(entry, {**KEY, "id": "k"})
    assert faults(found) == [line]
    assert [account.id for account in found.accounts] == ["k"]
    assert written(found)["accounts"][0] == entry


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ({"lastUsed": "today"}, "accounts[0].lastUsed: must be an integer"),
        ({"addedAt": []}, "accounts[0].addedAt: must be an integer"),
        ({"rateLimitResetAt": True}, "accounts[0].rateLimitResetAt: must be an integer"),
        ({"requiresReauth": 1}, "accounts[0].requiresReauth: must be true or false"),
    ],
    ids=str,
)
def test_a_wrong_statistic_does_not_cost_the_account(state: dict[str, object], line: str) -> None:
    found = document({**KEY, "id": "k", **state})
    assert faults(found) == [line]
    assert found.accounts == document({**KEY, "id": "k"}).accounts


def test_a_wrong_statistic_beside_a_real_fault_does() -> None:
    found = document({**KEY, "priority": "high", "lastUsed": "today"})
    assert len(found.faults) == 2
    assert found.accounts == ()


def test_the_same_sign_in_twice_is_used_once() -> None:
    found = document({**SIGN_IN, "id": "a"}, {**SIGN_IN, "id": "b"})
    assert [account.id for account in found.accounts] == ["a"]
    line = "accounts[1].refreshToken: is also that of accounts[0]: this entry is not used"
    assert faults(found) == [line]


def test_one_refresh_token_under_two_access_tokens_is_used_and_told() -> None:
    found = document({**SIGN_IN, "id": "a"}, {**SIGN_IN, "id": "b", "accessToken": "other"})
    assert [account.id for account in found.accounts] == ["a", "b"]
    line = "accounts[1].refreshToken: is also that of accounts[0]: renewing one ends the other"
    assert faults(found) == [line]


# Documents that are wrong as a whole


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"{", "f:1:2: is not JSON: Expecting property name enclosed in double quotes"),
        (b'{\n "version": 1\n "accounts": []}', "f:3:2: is not JSON: Expecting ',' delimiter"),
        (b"[]", 'f: must hold an object, such as {"version": 1, "accounts": []}'),
        (b"{}", 'f: must have "version": 1, the only one that is known here'),
        (
            b'{"version": 2, "accounts": []}',
            'f: must have "version": 1, the only one that is known here',
        ),
        (
            b'{"version": true, "accounts": []}',
            'f: must have "version": 1, the only one that is known here',
        ),
        (b'{"version": 1}', 'f: must have "accounts", a list'),
        (b'{"version": 1, "accounts": {}}', 'f: must have "accounts", a list'),
        (b'{"version": 1, "accounts": [], "x": 1e999}', "f: holds a number that is out of range"),
        (b'{"version": 1, "accounts": [], "x": NaN}', "f: holds a number that is out of range"),
        (b"[" * 300 + b"]" * 300, "f: nests too deep"),
        (b"[" * 100_000, "f: nests too deep"),
        (b'{"version": "\xff"}', "f: is not UTF-8 text"),
    ],
)
def test_a_broken_document_is_told_with_the_place(data: bytes, line: str) -> None:
    with pytest.raises(BadDocument) as raised:
        parse(data)
    assert raised.value.told_of("f") == line


# Ids


def test_an_entry_without_id_gets_one_from_its_credential_that_does_not_tell_it() -> None:
    found = document(KEY, SIGN_IN)
    key, sign_in = found.accounts
    assert found.has_new_ids
    assert key.id.startswith("key-")
    assert sign_in.id.startswith("oauth-")
    assert [entry["id"] for entry in written(found)["accounts"]] == [key.id, sign_in.id]
    assert not any(part in KEY["apiKey"] for part in key.id.split("-")[1:])


def test_ids_are_the_same_at_every_reading_and_wherever_the_entry_stands() -> None:
    one, other = document(KEY, SIGN_IN), document(SIGN_IN, KEY)
    assert {account.id for account in one.accounts} == {account.id for account in other.accounts}
    assert not parse(render(one)).has_new_ids


def test_an_id_stays_when_the_credential_is_renewed() -> None:
    found = document(SIGN_IN)
    [account] = found.accounts
    renewed = replace(account, credential=OAuthCredential("refresh-new", "access-new", 5))
    assert parse(render(with_account(found, renewed))).accounts == (renewed,)


def test_an_id_that_is_taken_is_replaced_and_told() -> None:
    found = document({**KEY, "id": "a"}, {**SIGN_IN, "id": "a"})
    first, second = found.accounts
    assert first.id == "a"
    assert second.id == derived_id(second.credential)
    assert faults(found) == [f"accounts[1].id: is taken by an entry before it: now {second.id}"]


def test_one_key_at_several_base_urls_is_several_accounts() -> None:
    found = document(KEY, {**KEY, "baseUrl": "https://b.example/v1"}, {**KEY, "id": "c"})
    derived = derived_id(ApiKeyCredential(KEY["apiKey"]))
    assert [account.id for account in found.accounts] == [derived, f"{derived}-2", "c"]
    assert found.faults == ()


def test_a_derived_id_gives_way_to_one_that_is_written_down() -> None:
    derived = derived_id(ApiKeyCredential(KEY["apiKey"]))
    found = document(KEY, {**SIGN_IN, "id": derived})
    assert [account.id for account in found.accounts] == [f"{derived}-2", derived]


# Writing


def test_what_is_written_has_all_that_the_plugin_computes_with() -> None:
    found = with_account(empty_document(), Account("a", OAuthCredential("refresh-0123456789")))
    assert written(found) == {
        "version": 1,
        "accounts": [
            {"id": "a", "refreshToken": "refresh-0123456789", "addedAt": 0, "lastUsed": 0}
        ],
        "activeIndex": 0,
    }
    assert written(document())["activeIndex"] == 0


def test_a_change_touches_only_the_keys_that_differ() -> None:
    entry = {
        "note": "mine",
        **SIGN_IN,
        "id": "a",
        "expires": 100.5,
        "lastUsed": 1,
        "health": {"successCount": 3},
        "rateLimitResetAt": 9,
    }
    found = document(entry, 7, comment="kept", activeIndex=1)
    changed = replace(found.accounts[0], last_used_ms=2, rate_limit_reset_at_ms=None)
    after = {**entry, "lastUsed": 2}
    del after["rateLimitResetAt"]
    result = written(with_account(found, changed))
    assert result == {"version": 1, "accounts": [after, 7], "comment": "kept", "activeIndex": 1}
    assert list(result["accounts"][0]) == list(after)


def test_an_id_in_a_wrong_entry_is_not_mistaken_for_the_account() -> None:
    found = document({"id": "a", "apiKey": 7}, {**KEY, "id": "a"})
    result = written(with_account(found, replace(found.accounts[0], priority=3)))
    assert result["accounts"] == [{"id": "a", "apiKey": 7}, {**KEY, "id": "a", "priority": 3}]


def test_half_a_surrogate_pair_survives() -> None:
    found = parse(b'{"version": 1, "accounts": [], "x": "\\ud800 \\u00fc"}')
    assert written(found)["x"] == "\ud800 ü"
