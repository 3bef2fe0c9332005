"""Accounts whose credential is refused: left out, tried again one by one, and never waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from addon.accounts.account import OAuthCredential
from addon.rotation.decision import AllTried, Chosen, Limited, Needs, NoneSignedIn
from addon.rotation.outcome import (
    ClientGone,
    Cut,
    Declined,
    Failed,
    Outcome,
    RateLimited,
    RequestRefused,
    Served,
    Unauthorized,
)
from addon.rotation.pool import Pool
from tests.rotation.builders import ANY, START, chosen, key, oauth, pool_of, serve, view

LIST_OF_MODELS = Needs()


def refuse_at_each_return(pool: Pool, name: str, times: int, now: float = START) -> float:
    """The account's credential is refused so often in a row; gives when it is back."""
    for _ in range(times):
        pool.take(name, ANY, now)
        pool.settle(key(name), ANY, Unauthorized(), now)
        now = view(pool, name, now).refused_until or now
    return now


def test_a_refused_credential_is_not_used_while_it_is_left_alone() -> None:
    account = key("a")
    pool = pool_of(account)
    serve(pool, Unauthorized())

    assert view(pool, "a").needs_sign_in
    assert view(pool, "a").refused_until == START + 60
    assert pool.choose(ANY, START) == NoneSignedIn((account,))
    pool.update_accounts([account], START)
    assert pool.choose(ANY, START + 59.9) == NoneSignedIn((account,))


def test_another_key_serves_at_once_and_begins_anew() -> None:
    pool = pool_of(key("a", secret="sk-old"))
    refuse_at_each_return(pool, "a", 3)
    new = key("a", secret="sk-new")

    pool.update_accounts([new], START)

    assert chosen(pool) == "a"
    pool.take("a", ANY, START)
    pool.settle(new, ANY, Unauthorized(), START)
    assert view(pool, "a").refused_until == START + 60


def test_another_base_url_is_another_way_in() -> None:
    pool = pool_of(key("a"))
    serve(pool, Unauthorized())

    pool.update_accounts([key("a", base_url="https://other.example/v1")], START)

    assert chosen(pool) == "a"


def test_after_the_rest_one_request_goes_to_see_and_the_others_go_elsewhere() -> None:
    pool = pool_of(key("a"), key("b"))
    assert serve(pool, Unauthorized()) == "a"
    back = START + 60

    assert chosen(pool, back, exclude="b") == "a"
    pool.take("a", ANY, back)
    assert [serve(pool, Served(), back) for _ in range(3)] == ["b"] * 3
    assert pool.choose(ANY, back, frozenset("b")) == AllTried()
    pool.settle(key("a"), ANY, Served(), back + 1)
    assert view(pool, "a", back + 1).refused_until is None
    assert {serve(pool, Served(), back + 1) for _ in range(4)} == {"a", "b"}


def test_once_it_is_accepted_again_all_is_forgotten() -> None:
    pool = pool_of(key("a"))
    back = refuse_at_each_return(pool, "a", 4)
    assert back == START + 60 + 120 + 240 + 480
    serve(pool, Served(), back)

    serve(pool, Unauthorized(), back)

    assert view(pool, "a", back).refused_until == back + 60


@pytest.mark.parametrize("proof", [Served(), Cut("reset")])
def test_an_answer_that_began_proves_the_credential(proof: Outcome) -> None:
    pool = pool_of(key("a"))
    back = refuse_at_each_return(pool, "a", 1)
    serve(pool, proof, back)

    assert view(pool, "a", back).refused_until is None


@pytest.mark.parametrize(
    "end", [RateLimited(0.5), Failed("503"), RequestRefused(400), Declined(404)]
)
def test_an_end_that_proves_nothing_lets_another_see_in_a_while(end: Outcome) -> None:
    pool = pool_of(key("a"))
    back = refuse_at_each_return(pool, "a", 2)
    serve(pool, end, back)

    assert view(pool, "a", back).refused_until == back + 10
    serve(pool, Unauthorized(), back + 10)
    assert view(pool, "a", back + 10).refused_until == back + 10 + 240


def test_when_the_client_of_the_one_that_went_to_see_leaves_the_next_may() -> None:
    pool = pool_of(key("a"))
    back = refuse_at_each_return(pool, "a", 1)
    serve(pool, ClientGone(), back)

    assert chosen(pool, back) == "a"


def test_nobody_waits_for_a_refused_credential() -> None:
    pool = pool_of(key("a"), key("b"))
    assert serve(pool, Unauthorized()) == "a"
    assert serve(pool, RateLimited(600)) == "b"

    assert pool.choose(ANY, START) == Limited(START + 600)
    assert pool.choose(ANY, START, frozenset("b")) == AllTried()


def test_who_waits_for_another_account_may_go_to_see() -> None:
    pool = pool_of(key("a"), key("b"))
    serve(pool, Unauthorized())
    serve(pool, RateLimited(600))

    assert pool.choose(ANY, START + 60) == Chosen(key("a"))


def test_the_credential_of_a_sign_in_that_was_refused_is_tried_again_too() -> None:
    pool = pool_of(oauth("a"))
    serve(pool, Unauthorized())

    assert isinstance(pool.choose(ANY, START + 59), NoneSignedIn)
    assert chosen(pool, START + 60) == "a"


def test_a_renewed_token_is_used_at_once_and_goes_on_where_the_last_ended() -> None:
    renewed = replace(oauth("a"), credential=OAuthCredential("rt", "another"))
    pool = pool_of(oauth("a"))
    serve(pool, Unauthorized())
    pool.update_accounts([renewed], START + 1)

    assert serve(pool, Unauthorized(), START + 1) == "a"

    assert view(pool, "a", START + 1).refused_until == START + 1 + 120


def test_a_late_401_for_the_old_token_says_nothing_about_the_new_one() -> None:
    old = oauth("a")
    new = replace(old, credential=OAuthCredential("rt2", "at2"))
    pool = pool_of(old)
    pool.take("a", ANY, START)
    pool.update_accounts([new], START + 1)
    pool.settle(old, ANY, Unauthorized(), START + 2)

    assert chosen(pool, START + 2) == "a"


def test_nor_does_it_make_a_new_one_usable_that_was_refused_itself() -> None:
    old, new = key("a", secret="sk-old"), key("a", secret="sk-new")
    pool = pool_of(old)
    pool.take("a", ANY, START)
    pool.update_accounts([new], START + 1)
    serve(pool, Unauthorized(), START + 1)
    pool.settle(old, ANY, Unauthorized(), START + 2)

    assert pool.choose(ANY, START + 2) == NoneSignedIn((new,))


def test_401s_of_requests_that_were_out_together_are_one() -> None:
    pool = pool_of(key("a"))
    for _ in range(5):
        pool.take("a", ANY, START)
    for second in range(5):
        pool.settle(key("a"), ANY, Unauthorized(), START + second)

    assert view(pool, "a", START + 4).refused_until == START + 60


# The list of models


@pytest.mark.parametrize("end", [Unauthorized(), Declined(401), Declined(404)])
def test_a_service_that_lists_no_models_is_not_condemned_for_it(end: Outcome) -> None:
    pool = pool_of(key("a"))
    serve(pool, end, needs=LIST_OF_MODELS)

    after = view(pool, "a")
    assert (after.health, after.needs_sign_in, after.refused_until) == (70, False, None)
    assert chosen(pool) == "a"


def test_a_list_of_models_does_not_prove_a_refused_credential() -> None:
    pool = pool_of(key("a"))
    back = refuse_at_each_return(pool, "a", 2)
    serve(pool, Served(), back, LIST_OF_MODELS)

    assert chosen(pool, back) == "a"
    serve(pool, Unauthorized(), back)
    assert view(pool, "a", back).refused_until == back + 240


def test_a_limit_that_the_list_of_models_meets_counts_as_any_other() -> None:
    pool = pool_of(key("a"))
    serve(pool, RateLimited(30), needs=LIST_OF_MODELS)

    assert pool.choose(ANY, START) == Limited(START + 30)
