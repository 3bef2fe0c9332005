"""The token bucket: one token a request, more with time, never past the brim."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from addon.rotation.bucket import TokenBucket
from addon.rotation.policy import BucketPolicy

SIX_A_MINUTE = BucketPolicy(max_tokens=50, regeneration_rate_per_minute=6)


def test_a_request_takes_one_token() -> None:
    assert TokenBucket(50, as_of=0).after_take().tokens == 49


def test_an_empty_bucket_stays_empty() -> None:
    assert TokenBucket(0.4, as_of=0).after_take().tokens == 0


def test_tokens_come_back_by_the_minute_up_to_the_brim() -> None:
    bucket = TokenBucket(0, as_of=0)

    assert bucket.at(10, SIX_A_MINUTE).tokens == 1
    assert bucket.at(500, SIX_A_MINUTE).tokens == 50
    assert bucket.at(5000, SIX_A_MINUTE).tokens == 50


def test_a_bucket_that_was_made_smaller_spills_over() -> None:
    assert TokenBucket(50, as_of=0).at(1, BucketPolicy(10, 6)).tokens == 10


def test_a_clock_that_was_set_back_brings_no_tokens() -> None:
    assert TokenBucket(3, as_of=60).at(0, SIX_A_MINUTE) == TokenBucket(3, as_of=0)


@given(st.lists(st.sampled_from(["take", "return", "wait"]), max_size=200), st.floats(1, 100))
def test_a_bucket_never_holds_less_than_nothing_or_more_than_its_size(
    events: list[str], size: float
) -> None:
    policy = BucketPolicy(max_tokens=size, regeneration_rate_per_minute=6)
    bucket = TokenBucket(size, as_of=0)
    for number, event in enumerate(events):
        match event:
            case "take":
                bucket = bucket.after_take()
            case "return":
                bucket = bucket.after_return(policy)
            case _:
                bucket = bucket.at(number * 7, policy)
        assert 0 <= bucket.tokens <= size
