"""Who is chosen, and what becomes of an account after each outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from addon.accounts.account import Account
from addon.rotation.decision import (
    AllTried,
    Chosen,
    Lack,
    Limited,
    Needs,
    NoAccounts,
    NoneSignedIn,
)
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
    Usage,
)
from addon.rotation.policy import BucketPolicy, HealthPolicy, Policy, Strategy
from tests.rotation.builders import ANY, START, chosen, key, oauth, pool_of, serve, view

ROUND_ROBIN = Policy(strategy=Strategy.ROUND_ROBIN)
SEQUENTIAL = Policy(strategy=Strategy.SEQUENTIAL)
CODER = Needs(model="coder")
VISION = Needs(model="vision")
MINE = Needs(session="mine")


def in_use(*names: str) -> list[Account]:
    """Accounts of which all were used a minute ago."""
    return [key(name, last_used_ms=int((START - 60) * 1000)) for name in names]


# Who may be chosen at all


def test_no_account_in_the_file() -> None:
    assert pool_of().choose(ANY, START) == NoAccounts(Lack.EMPTY)


def test_all_accounts_disabled() -> None:
    pool = pool_of(key("a", enabled=False), key("b", enabled=False))

    assert pool.choose(ANY, START) == NoAccounts(Lack.DISABLED)


def test_a_model_that_no_account_allows_is_told_with_those_that_they_do_allow() -> None:
    pool = pool_of(
        key("a", models=["coder"]), key("b", models=["coder", "vision"]), key("c", enabled=False)
    )

    assert pool.choose(ANY, START) == NoAccounts(Lack.MODEL, ("coder", "vision"))


def test_a_model_goes_only_to_accounts_that_allow_it() -> None:
    pool = pool_of(key("a", models=["coder"]), key("b", models=["vision"]), key("c"))

    assert chosen(pool, needs=VISION, exclude="c") == "b"
    assert chosen(pool, needs=CODER, exclude="c") == "a"
    assert chosen(pool, needs=ANY) == "c"


def test_a_request_without_a_model_may_go_anywhere() -> None:
    assert chosen(pool_of(key("a", models=["coder"])), needs=Needs()) == "a"


def test_accounts_whose_sign_in_is_over_are_named() -> None:
    over = tuple(replace(oauth(name), requires_reauth=True) for name in "ab")

    assert pool_of(*over).choose(ANY, START) == NoneSignedIn(over)


@pytest.mark.parametrize("account", [oauth("a", access=None), oauth("a", expires_at_ms=1)])
def test_a_token_that_is_missing_or_has_expired_is_not_the_pools_affair(account: Account) -> None:
    assert chosen(pool_of(account)) == "a"


def test_lower_priority_numbers_come_first_until_none_of_them_can_serve() -> None:
    pool = pool_of(key("spare", priority=1), key("first", priority=-1), key("second"))

    assert chosen(pool) == "first"
    assert chosen(pool, exclude="first") == "second"
    assert chosen(pool, exclude="first second") == "spare"


def test_a_tired_account_still_comes_before_one_of_a_higher_priority_number() -> None:
    pool = pool_of(key("first"), key("spare", priority=1))
    for _ in range(2):
        assert serve(pool, Failed("503")) == "first"

    assert view(pool, "first").health == 30
    assert chosen(pool) == "first"


def test_all_tried_is_told_apart_from_all_limited() -> None:
    pool = pool_of(key("a"), key("b"))

    assert pool.choose(ANY, START, frozenset({"a", "b"})) == AllTried()


def test_there_is_nothing_to_wait_for_in_an_account_that_is_excluded() -> None:
    pool = pool_of(key("a", reset_at_ms=int((START + 60) * 1000)), key("b"))

    assert pool.choose(ANY, START, frozenset({"b"})) == Limited(START + 60)
    assert pool.choose(ANY, START, frozenset({"a", "b"})) == AllTried()


# Hybrid


def test_the_healthier_account_is_chosen() -> None:
    pool = pool_of(key("a"), key("b"))
    serve(pool, Failed("503"), START - 7200)

    assert chosen(pool, START) == "b"


def test_accounts_that_just_served_take_turns() -> None:
    pool = pool_of(key("a"), key("b"), key("c"))

    order = [serve(pool, Served(), START + second) for second in range(6)]

    assert order == ["a", "b", "c", "a", "b", "c"]


def test_of_two_equal_accounts_the_one_with_fewer_open_requests_is_chosen() -> None:
    pool = pool_of(key("a"), key("b"), policy=Policy(bucket=BucketPolicy(1, 60)))
    pool.take("a", ANY, START - 9000)
    # a has a full bucket and an hour of rest again, like b; it is only busy

    assert chosen(pool, START) == "b"


def test_of_two_equal_accounts_the_longest_unused_is_chosen() -> None:
    used_ms = int((START - 8000) * 1000)
    pool = pool_of(key("a", last_used_ms=used_ms), key("b", last_used_ms=used_ms - 1), key("c"))

    assert chosen(pool) == "c"
    assert chosen(pool, exclude="c") == "b"


def test_tired_accounts_are_taken_only_when_no_other_is_left() -> None:
    policy = Policy(health=HealthPolicy(failure_penalty=-30, recovery_rate_per_hour=0))
    pool = pool_of(key("a"), key("b"), policy=policy)
    assert serve(pool, Failed("503")) == "a"
    for second in range(45):
        # by score alone, a would soon be ahead of b
        assert serve(pool, Served(), START + 3600 + second / 100) == "b"

    assert chosen(pool, START + 3601, exclude="b") == "a"


def test_an_account_is_usable_again_once_its_health_has_recovered() -> None:
    policy = Policy(health=HealthPolicy(initial=50, recovery_rate_per_hour=10))
    pool = pool_of(*in_use("a", "b"), policy=policy)
    assert serve(pool, RateLimited()) == "a"
    pool.take("b", ANY, START + 3500)
    pool.settle(key("b"), ANY, RequestRefused(400), START + 3500)

    assert chosen(pool, START + 3599) == "b"
    assert chosen(pool, START + 3600) == "a"


def test_a_session_stays_with_the_account_that_served_it() -> None:
    pool = pool_of(*in_use("a", "b"))

    assert [serve(pool, Served(), START + second, MINE) for second in range(20)] == ["a"] * 20
    assert serve(pool, Served(), START + 20) == "b"


def test_a_session_moves_on_after_five_minutes() -> None:
    pool = pool_of(*in_use("a", "b"))
    serve(pool, Served(), START, MINE)
    serve(pool, Failed("503"), START, MINE)

    assert chosen(pool, START + 300, MINE) == "a"
    assert chosen(pool, START + 301, MINE) == "b"


def test_a_session_moves_on_when_its_account_tires() -> None:
    pool = pool_of(*in_use("a", "b"))
    serve(pool, Served(), START, MINE)
    for second in (1, 2):
        assert serve(pool, Failed("503"), START + second, MINE) == "a"

    assert chosen(pool, START + 3, MINE) == "b"


def test_a_session_moves_on_when_its_account_has_no_token_left() -> None:
    pool = pool_of(*in_use("a", "b"), policy=Policy(bucket=BucketPolicy(3, 0)))
    for _ in range(3):
        assert serve(pool, Served(), START, MINE) == "a"

    assert chosen(pool, START, MINE) == "b"


def test_a_session_does_not_bring_a_limited_or_an_excluded_account_back() -> None:
    pool = pool_of(*in_use("a", "b"))
    serve(pool, Served(), START, MINE)

    assert chosen(pool, START, MINE, exclude="a") == "b"
    serve(pool, RateLimited(30), START, MINE)
    assert chosen(pool, START + 1, MINE) == "b"


def test_a_session_does_not_outrank_priority() -> None:
    pool = pool_of(key("a"), key("spare", priority=1))
    serve(pool, RateLimited(10), START, MINE)
    assert serve(pool, Served(), START + 1, MINE) == "spare"

    assert chosen(pool, START + 10, MINE) == "a"


def test_a_bonus_of_zero_turns_affinity_off() -> None:
    pool = pool_of(*in_use("a", "b"), policy=Policy(session_affinity_bonus=0))
    serve(pool, Served(), START, MINE)

    assert chosen(pool, START + 1, MINE) == "b"


def test_the_bonus_is_points_like_any_other() -> None:
    pool = pool_of(key("a"), key("b"), policy=Policy(session_affinity_bonus=362))
    serve(pool, Served(), START, MINE)

    # a: 142 + 245 + 362 = 749, b: 140 + 250 + 360 = 750
    assert chosen(pool, START, MINE) == "b"
    # ten seconds on, a has a full bucket again and a point for rest: 755
    assert chosen(pool, START + 10, MINE) == "a"


# File order


def test_round_robin_takes_the_next_in_file_order_on_every_request() -> None:
    pool = pool_of(key("a"), key("b"), key("c"), policy=ROUND_ROBIN)

    assert [serve(pool, Served()) for _ in range(7)] == list("abcabca")


def test_round_robin_passes_over_who_cannot_serve() -> None:
    pool = pool_of(key("a"), key("b"), key("c"), policy=ROUND_ROBIN)
    serve(pool, Served())
    serve(pool, RateLimited(60))

    assert [serve(pool, Served()) for _ in range(4)] == list("caca")
    assert [serve(pool, Served(), START + 60) for _ in range(3)] == list("bca")


def test_round_robin_gives_each_its_turn_when_two_models_alternate() -> None:
    pool = pool_of(
        key("a", models=["coder"]),
        key("b", models=["coder"]),
        key("c", models=["vision"]),
        key("d", models=["vision"]),
        policy=ROUND_ROBIN,
    )

    assert [serve(pool, Served(), needs=needs) for needs in (CODER, VISION) * 3] == list("acbdac")


def test_round_robin_keeps_file_order_among_accounts_with_different_models() -> None:
    pool = pool_of(
        key("a", models=["coder"]), key("b"), key("c", models=["coder"]), policy=ROUND_ROBIN
    )

    assert [serve(pool, Served(), needs=CODER) for _ in range(6)] == list("abcabc")


def test_sequential_stays_with_one_account_until_it_is_refused() -> None:
    pool = pool_of(key("a"), key("b"), policy=SEQUENTIAL)

    assert [serve(pool, Served()) for _ in range(3)] == list("aaa")
    assert serve(pool, RateLimited(60)) == "a"
    assert [serve(pool, Served()) for _ in range(3)] == list("bbb")
    assert [serve(pool, Served(), START + 61) for _ in range(2)] == list("bb")


@pytest.mark.parametrize("refusal", [RateLimited(), Failed("503"), Unauthorized()])
def test_sequential_moves_on_after_a_refusal_without_a_cooldown_too(refusal: Outcome) -> None:
    pool = pool_of(key("a"), key("b"), policy=SEQUENTIAL)
    serve(pool, refusal)

    assert chosen(pool) == "b"


@pytest.mark.parametrize("end", [Cut("reset"), RequestRefused(400), ClientGone()])
def test_sequential_stays_where_the_account_refused_nothing(end: Outcome) -> None:
    pool = pool_of(key("a"), key("b"), policy=SEQUENTIAL)
    serve(pool, end)

    assert chosen(pool) == "a"


def test_sequential_comes_round_to_the_head_of_the_file() -> None:
    pool = pool_of(key("a"), key("b"), policy=SEQUENTIAL)

    assert [serve(pool, Failed("503")) for _ in range(3)] == list("aba")


@pytest.mark.parametrize("strategy", Strategy)
def test_the_process_id_sets_where_the_order_starts(strategy: Strategy) -> None:
    policy = Policy(strategy=strategy, pid_offset=4)
    accounts = [key("a"), key("b"), key("c")]

    assert chosen(pool_of(*accounts, policy=policy)) == "b"
    assert chosen(pool_of(*accounts, policy=policy), needs=Needs(pid=302)) == "c"
    assert chosen(pool_of(*accounts), needs=Needs(pid=302)) == "a"


def test_two_processes_each_keep_their_own_place_in_the_order() -> None:
    policy = Policy(strategy=Strategy.SEQUENTIAL, pid_offset=0)
    pool = pool_of(key("a"), key("b"), key("c"), policy=policy)
    one, two = Needs(pid=1), Needs(pid=2)

    assert [serve(pool, Served(), needs=needs) for needs in (one, two, one, two)] == list("bcbc")
    serve(pool, RateLimited(60), needs=two)
    assert [serve(pool, Served(), needs=needs) for needs in (one, two, one, two)] == list("baba")


# What outcomes do


@pytest.mark.parametrize(
    ("outcome", "health", "tokens"),
    [
        (Served(), 71, 49),
        (Served(Usage(10, 5)), 71, 49),
        (RateLimited(), 60, 49),
        (RateLimited(30), 60, 49),
        (RateLimited(30, model="coder"), 60, 49),
        (Failed("503"), 50, 49),
        (Cut("reset"), 50, 49),
        (Unauthorized(), 70, 49),
        (RequestRefused(400), 70, 49),
        (Declined(404), 70, 49),
        (ClientGone(), 70, 50),
    ],
)
def test_what_each_outcome_costs(outcome: Outcome, health: float, tokens: float) -> None:
    pool = pool_of(key("a"))
    serve(pool, outcome)

    after = view(pool, "a")
    assert (after.health, after.tokens, after.in_flight) == (health, tokens, 0)


def test_a_limited_account_rests_until_the_upstream_said() -> None:
    pool = pool_of(key("a"))
    serve(pool, RateLimited(30))

    assert pool.choose(ANY, START + 29.9) == Limited(START + 30)
    assert chosen(pool, START + 30) == "a"


@pytest.mark.parametrize("model", [None, "coder"])
def test_a_later_shorter_cooldown_does_not_cut_a_longer_one_short(model: str | None) -> None:
    account = key("a")
    pool = pool_of(account)
    pool.take("a", CODER, START)
    pool.take("a", CODER, START)
    pool.settle(account, CODER, RateLimited(60, model), START)
    pool.settle(account, CODER, RateLimited(5, model), START + 1)

    assert pool.choose(CODER, START + 6) == Limited(START + 60)


def test_a_limit_on_one_model_leaves_the_others_free() -> None:
    pool = pool_of(key("a"))
    serve(pool, RateLimited(30, model="coder"), needs=CODER)

    assert pool.choose(CODER, START) == Limited(START + 30)
    assert chosen(pool, needs=VISION) == "a"
    assert view(pool, "a").model_cooling_until == (("coder", START + 30),)
    assert chosen(pool, START + 30, CODER) == "a"
    assert view(pool, "a", START + 30).model_cooling_until == ()


@pytest.mark.parametrize(
    "trouble", [RateLimited(600.0), RateLimited(600.0, model=ANY.model), Failed("503")]
)
def test_a_rest_that_a_person_ends_is_over(trouble: Outcome) -> None:
    pool = pool_of(key("a"))
    while isinstance(pool.choose(ANY, START), Chosen):
        serve(pool, trouble)
    before = view(pool, "a")

    pool.end_rest("a", START)

    assert chosen(pool) == "a"
    after = view(pool, "a")
    assert (after.cooling_until, after.model_cooling_until, after.tripped_until) == (None, (), None)
    assert after.health == before.health


def test_the_first_to_come_free_is_the_one_to_wait_for() -> None:
    pool = pool_of(key("a"), key("b"), key("c"))
    for seconds in (90, 30, 60):
        serve(pool, RateLimited(seconds))

    assert pool.choose(ANY, START) == Limited(START + 30)


def test_health_rests_while_a_request_is_open() -> None:
    pool = pool_of(key("a"))
    pool.take("a", ANY, START)

    assert view(pool, "a", START + 3600).health == 70
    pool.settle(key("a"), ANY, RequestRefused(400), START + 3600)
    assert view(pool, "a", START + 7200).health == 72


def test_a_request_is_settled_once_and_no_more() -> None:
    pool = pool_of(key("a"))
    serve(pool, Served())

    with pytest.raises(ValueError, match="open"):
        pool.settle(key("a"), ANY, Served(), START)
    assert view(pool, "a").in_flight == 0


def test_looking_changes_nothing() -> None:
    pool = pool_of(key("a"), key("b"), policy=ROUND_ROBIN)

    assert {chosen(pool) for _ in range(5)} == {"a"}


# The file changes while requests run


def test_state_goes_by_id_when_accounts_move_come_and_go() -> None:
    pool = pool_of(key("a"), key("b"), key("c"))
    serve(pool, RateLimited(600))
    pool.take("b", ANY, START)
    before = {each.id: each for each in pool.views(START)}

    pool.update_accounts([key("new"), key("c"), key("b"), key("a")], START)

    after = {each.id: each for each in pool.views(START)}
    assert {name: after[name] for name in before} == before
    assert after["a"].cooling_until == START + 600


def test_an_account_that_vanishes_for_a_while_is_remembered() -> None:
    pool = pool_of(key("a"), key("b"))
    serve(pool, RateLimited(600))
    pool.update_accounts([key("b")], START)
    pool.update_accounts([key("a"), key("b")], START + 1)

    assert view(pool, "a", START + 1).cooling_until == START + 600


def test_an_account_that_vanished_long_ago_is_forgotten() -> None:
    pool = pool_of(key("a"), key("b"))
    serve(pool, Failed("503"))
    pool.update_accounts([key("b")], START)
    pool.update_accounts([key("b")], START + 3601)
    pool.update_accounts([key("a"), key("b")], START + 3602)

    assert view(pool, "a", START + 3602).health == 70


def test_an_open_request_of_a_vanished_account_is_settled_all_the_same() -> None:
    pool = pool_of(key("a"), key("b"))
    pool.take("a", ANY, START)
    pool.update_accounts([key("b")], START)
    pool.update_accounts([key("b")], START + 9999)
    pool.settle(key("a"), ANY, Served(), START + 9999)
    pool.update_accounts([key("a"), key("b")], START + 9999)

    assert view(pool, "a", START + 9999).in_flight == 0


def test_round_robin_goes_on_from_where_the_last_account_stands_now() -> None:
    pool = pool_of(key("a"), key("b"), key("c"), policy=ROUND_ROBIN)
    serve(pool, Served())
    pool.update_accounts([key("c"), key("a"), key("b")], START)

    assert chosen(pool) == "b"


def test_what_the_file_says_at_first_is_believed() -> None:
    pool = pool_of(
        key("a", reset_at_ms=int((START + 60) * 1000), last_used_ms=int(START - 5) * 1000)
    )

    assert pool.choose(ANY, START) == Limited(START + 60)
    assert view(pool, "a").last_used == START - 5


def test_a_limit_written_by_another_process_is_heeded_and_its_lifting_too() -> None:
    pool = pool_of(key("a"))
    limited = key("a", reset_at_ms=int((START + 60) * 1000))

    pool.update_accounts([limited], START)
    assert pool.choose(ANY, START) == Limited(START + 60)
    pool.update_accounts([key("a")], START)
    assert chosen(pool) == "a"


def test_a_file_that_says_nothing_new_does_not_lift_a_limit() -> None:
    pool = pool_of(key("a"))
    serve(pool, RateLimited(60))
    pool.update_accounts([key("a")], START)

    assert pool.choose(ANY, START) == Limited(START + 60)


def test_of_two_accounts_with_one_id_the_later_counts() -> None:
    pool = pool_of(key("a", enabled=False), key("b"), key("a"))

    assert [each.id for each in pool.views(START)] == ["a", "b"]
    assert chosen(pool) == "a"


def test_a_new_policy_takes_effect_and_what_is_known_stays() -> None:
    pool = pool_of(key("a"), key("b"), key("c"))
    serve(pool, RateLimited(600))
    serve(pool, Failed("503"))

    pool.reconfigure(SEQUENTIAL, START)

    assert [serve(pool, Served()) for _ in range(2)] == list("bb")
    assert view(pool, "b").health == 52


def test_a_new_strategy_starts_at_the_head_of_the_file() -> None:
    pool = pool_of(key("a"), key("b"), policy=SEQUENTIAL)
    serve(pool, Failed("503"))
    serve(pool, ClientGone())

    pool.reconfigure(ROUND_ROBIN, START)

    assert chosen(pool) == "a"


# The clock


def test_a_clock_set_back_an_hour_moves_everything_along() -> None:
    pool = pool_of(key("a"))
    serve(pool, RateLimited(30), START)
    earlier = START - 3600

    assert pool.choose(ANY, earlier) == Limited(earlier + 30)
    assert view(pool, "a", earlier + 10).tokens == 50
    assert chosen(pool, earlier + 30) == "a"


def test_a_session_keeps_its_account_when_the_clock_is_set_back() -> None:
    pool = pool_of(*in_use("a", "b"))
    serve(pool, Served(), START, MINE)
    earlier = START - 3600

    assert chosen(pool, earlier, MINE) == "a"
    assert chosen(pool, earlier + 301) == "b"


# Nobody starves


@pytest.mark.parametrize("count", [2, 7, 40])
def test_round_robin_gives_everyone_the_same_share(count: int) -> None:
    accounts = [key(f"a{number}") for number in range(count)]
    pool = pool_of(*accounts, policy=ROUND_ROBIN)

    served = Counter(serve(pool, Served(), START + second) for second in range(count * 20))

    assert set(served.values()) == {20}


@pytest.mark.parametrize("every_seconds", [1, 30])
def test_hybrid_uses_everyone_who_is_not_tired_at_least_once_an_hour(every_seconds: int) -> None:
    pool = pool_of(*(key(f"a{number}") for number in range(7)))
    pool.take("a0", ANY, START)
    pool.settle(key("a0"), ANY, Failed("503"), START)

    for hour in range(3):
        start = START + hour * 3600
        moments = range(0, 3600, every_seconds)
        served = Counter(serve(pool, Served(), start + second) for second in moments)
        assert len(served) == 7
