"""Whatever an accounts document holds, nothing of it is lost and no credential is told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.accounts.document import BadDocument, parse, render, with_account
from tests.accounts.documents import KEY, SIGN_IN, document, written

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
UNKNOWN = st.dictionaries(st.text().map(lambda key: f"x{key}"), JSON, max_size=3)
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
STATE = st.fixed_dictionaries(
    {},
    optional={
        "label": st.text(),
        "priority": st.integers() | JSON,
        "lastUsed": st.floats(allow_nan=False, allow_infinity=False) | JSON,
        "enabled": st.booleans() | JSON,
        "models": st.lists(st.text()) | JSON,
        "modelMap": st.dictionaries(st.text(), st.text()) | JSON,
        "id": TOKENS,
    },
)


def merged(*parts: dict[str, object]) -> dict[str, object]:
    return {key: value for part in parts for key, value in part.items()}


ENTRIES = st.builds(
    merged,
    UNKNOWN,
    st.builds(lambda key: {"apiKey": key}, TOKENS)
    | st.builds(lambda token: {"refreshToken": token}, TOKENS),
    STATE,
    UNKNOWN,
)
ROOTS = st.builds(
    lambda before, entries, after: merged(
        before, {"version": 1, "accounts": entries}, after, {"activeIndex": 0}
    ),
    UNKNOWN,
    st.lists(ENTRIES | JSON, max_size=4),
    UNKNOWN,
)


def without_ids(root: Any) -> list[Any]:
    """``root`` as nested pairs, so that order counts; entries without their ids."""
    entries = [
        [(key, value) for key, value in entry.items() if key != "id"]
        if isinstance(entry, dict)
        else entry
        for entry in root["accounts"]
    ]
    return [*{**root, "accounts": entries}.items()]


@given(ROOTS)
def test_nothing_is_lost_between_reading_and_writing(root: dict[str, object]) -> None:
    found = parse(json.dumps(root).encode())
    again = parse(render(found))
    assert again.accounts == found.accounts
    assert not again.has_new_ids
    assert json.dumps(without_ids(written(found))) == json.dumps(without_ids(root))


@given(ROOTS)
def test_ids_are_unique_and_lead_to_the_entry(root: dict[str, object]) -> None:
    found = parse(json.dumps(root).encode())
    ids = [account.id for account in found.accounts]
    assert len(set(ids)) == len(ids)
    entries = written(found)["accounts"]
    assert [entries[found.places[account_id]]["id"] for account_id in ids] == ids


@given(ROOTS, st.integers(0, 10**13), st.integers(-5, 5))
def test_any_account_can_be_changed_and_read_back(
    root: dict[str, object], last_used_ms: int, priority: int
) -> None:
    found = parse(json.dumps(root).encode())
    changed = tuple(
        replace(account, last_used_ms=last_used_ms, priority=priority) for account in found.accounts
    )
    for account in changed:
        found = with_account(found, account)
    assert parse(render(found)).accounts == changed


@given(st.binary())
def test_any_bytes_are_a_document_or_refused(data: bytes) -> None:
    with pytest.raises(BadDocument):
        parse(data)


SECRETS = st.integers(10**12, 10**40).map("sk-{}".format)


@given(
    SECRETS,
    st.sampled_from(["apiKey", "accessToken", "refreshToken", "baseUrl", "resourceUrl", "expires"]),
    st.sampled_from(["{}", "{}\n", "http://{}", "https://x:{}@h", "https://h/?{}"]),
)
def test_no_fault_repeats_a_credential(secret: str, key: str, form: str) -> None:
    found = document({**KEY, key: form.format(secret)}, {**SIGN_IN, key: [form.format(secret)]})
    assert secret not in repr(found.faults)
    assert secret not in repr(found)
