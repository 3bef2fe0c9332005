"""How long a refused credential is left alone, and who goes to see whether it works again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from addon.rotation.rejection import (
    ACCEPTED,
    FIRST_REST_SECONDS,
    LONGEST_REST_SECONDS,
    PROBE_SECONDS,
    Rejection,
)

NOW = 10_000.0


def test_the_rests_double_from_a_minute_to_a_quarter_of_an_hour() -> None:
    rejection, now, rests = ACCEPTED, NOW, []
    for _ in range(2000):
        rejection = rejection.after_start(now).after_refusal(now)
        rests.append(rejection.until - now)
        now = rejection.until

    assert rests[:6] == [60, 120, 240, 480, 900, 900]
    assert rests[-1] == 900


def test_one_goes_to_see_and_the_others_stay_behind() -> None:
    rejection = ACCEPTED.after_refusal(NOW)
    assert rejection.stands(NOW + 59.9)
    assert not rejection.stands(NOW + 60)

    probed = rejection.after_start(NOW + 60)
    assert probed.stands(NOW + 60)
    assert not probed.stands(NOW + 60 + PROBE_SECONDS)


def test_refusals_of_requests_that_went_out_before_are_one() -> None:
    rejection = ACCEPTED.after_refusal(NOW)

    assert rejection.after_refusal(NOW + 1).after_refusal(NOW + 59) == rejection


def test_when_the_one_who_went_to_see_leaves_another_may() -> None:
    probed = ACCEPTED.after_refusal(NOW).after_start(NOW + 60)

    assert not probed.after_nothing(NOW + 61).stands(NOW + 61)
    assert ACCEPTED.after_refusal(NOW).after_nothing(NOW + 1).stands(NOW + 1)


def test_another_token_of_the_same_sign_in_may_be_used_and_is_not_better_for_that() -> None:
    renewed = ACCEPTED.after_refusal(NOW).for_another_token()

    assert not renewed.stands(NOW)
    assert not renewed.is_of_this_credential
    assert renewed.after_refusal(NOW).until == NOW + 120


def test_an_accepted_credential_is_shown_by_all_at_once() -> None:
    assert ACCEPTED.after_start(NOW) == ACCEPTED
    assert ACCEPTED.moved(60) == ACCEPTED


steps = st.lists(
    st.tuples(
        st.sampled_from(["start", "refusal", "nothing", "token"]),
        st.floats(0, 2000, allow_nan=False),
    ),
    max_size=60,
)


@given(steps)
def test_no_credential_is_left_alone_for_ever(steps: list[tuple[str, float]]) -> None:
    rejection, now = ACCEPTED, NOW
    for step, seconds in steps:
        now += seconds
        before = rejection
        match step:
            case "start" if not rejection.stands(now):
                rejection = rejection.after_start(now)
            case "refusal":
                rejection = rejection.after_refusal(now)
                assert rejection.stands(now)
            case "nothing":
                rejection = rejection.after_nothing(now)
            case "token":
                rejection = rejection.for_another_token()
            case _:
                pass
        assert rejection.times >= before.times
        assert rejection.until <= now + LONGEST_REST_SECONDS
        if rejection.times == 0:
            assert rejection == ACCEPTED


def test_a_clock_that_is_set_back_takes_the_rest_along() -> None:
    rejection = Rejection(1, NOW + FIRST_REST_SECONDS).moved(3600)

    assert rejection.until == NOW - 3600 + 60
