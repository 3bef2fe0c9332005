"""Whom a token was given to, where it says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.accounts.subject import subject_of
from tests.support.jwts import jwt


def test_all_tokens_of_one_account_have_one_subject() -> None:
    assert subject_of(jwt("alice", serial=1)) == subject_of(jwt("alice", serial=2)) is not None


@pytest.mark.parametrize("other", [jwt("bob"), jwt("alice", issuer="https://elsewhere.example")])
def test_another_person_or_another_server_is_another_subject(other: str) -> None:
    assert subject_of(jwt("alice")) != subject_of(other)


@pytest.mark.parametrize(
    "token",
    [None, "", "opaque-token", "a.b.c", "one.two", jwt(None), "e30.W10.e30", "e30.e30.e30.e30"],
)
def test_nothing_is_made_of_a_token_that_does_not_say(token: str | None) -> None:
    assert subject_of(token) is None


@given(st.text(), st.text(), st.text())
def test_no_text_is_too_odd_for_it(head: str, claims: str, tail: str) -> None:
    subject_of(f"{head}.{claims}.{tail}")
