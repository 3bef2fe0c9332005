"""The last hour, as it is drawn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from addon.proxy.pages.ended import EndedRequest, Ending
from addon.proxy.pages.history import MINUTES, OTHER, REQUESTS, History, Picture
from tests.proxy.pages.endings import NOW, ended, endings, refused_by


def pictured(*requests: EndedRequest, now: float = NOW) -> Picture:
    history = History()
    for each in requests:
        history.note(each)
    return history.picture(now)


def test_a_request_is_counted_in_the_minute_in_which_it_ended() -> None:
    picture = pictured(ended(), ended(ended_at=NOW - 60), ended(ended_at=NOW - 60))
    assert picture.served[-3:] == (0, 2, 1)
    assert len(picture.served) == MINUTES
    assert picture.first_minute == int(NOW // 60) - MINUTES + 1


def test_each_ending_has_a_series_of_its_own() -> None:
    moved = ended(attempts=2, refused=(refused_by("spent"),))
    others = [ended(ending=ending) for ending in (Ending.REFUSED, Ending.CUT, Ending.LEFT)]
    picture = pictured(ended(), moved, *others)
    last = [each[-1] for each in (picture.served, picture.moved)]
    assert last == [1, 1]
    assert [each[-1] for each in (picture.refused, picture.cut, picture.left)] == [1, 1, 1]


def test_tokens_that_were_cached_are_counted_apart() -> None:
    picture = pictured(ended(input_tokens=100, cached_tokens=40, output_tokens=7))
    told = (picture.input_tokens[-1], picture.cached_tokens[-1], picture.output_tokens[-1])
    assert told == (60, 40, 7)


def test_a_first_event_falls_into_the_column_whose_bound_it_keeps() -> None:
    requests = [ended(first_event_seconds=each) for each in (0.25, 0.26, 500.0)]
    columns = pictured(*requests).first_events
    assert (columns[0], columns[1], columns[-1]) == (1, 1, 1)


def test_errors_are_told_apart_by_who_saw_them() -> None:
    unseen = ended(attempts=2, refused=(refused_by("spent", "429 insufficient_quota"),))
    told = ended(ending=Ending.REFUSED, kind="429 rate_limit_exceeded", refused=())
    cut = ended(ending=Ending.CUT)
    errors = {each.kind: (each.unseen, each.told) for each in pictured(unseen, told, cut).errors}
    assert errors == {
        "429 insufficient_quota": (1, 0),
        "429 rate_limit_exceeded": (0, 1),
        "cut": (0, 1),
    }


def test_an_upstream_that_makes_up_codes_does_not_fill_the_memory() -> None:
    picture = pictured(*(ended(refused=(refused_by("a", f"400 {n}"),)) for n in range(1000)))
    assert len(picture.errors) < 20
    assert {each.kind: each.unseen for each in picture.errors}[OTHER] > 900


def test_only_the_last_requests_are_told_of_one_by_one() -> None:
    history = History()
    for number in range(REQUESTS + 5):
        history.note(ended(output_tokens=number))
    assert [number for number, _ in history.since(0)] == list(range(6, REQUESTS + 6))
    assert [each.output_tokens for _, each in history.since(REQUESTS + 4)] == [REQUESTS + 4]
    assert history.since(REQUESTS + 5) == []


def test_a_clock_that_was_set_back_by_a_day_leaves_no_future_behind() -> None:
    yesterday = NOW - 86_400
    history = History()
    history.note(ended())
    history.note(ended(ended_at=yesterday))
    assert sum(history.picture(yesterday).served) == 1
    assert sum(history.picture(NOW).served) == 0


@given(st.lists(endings(), max_size=60))
def test_the_picture_counts_what_ended_within_its_hour_and_nothing_else(
    requests: list[EndedRequest],
) -> None:
    in_order = sorted(requests, key=lambda each: each.ended_at)
    now = in_order[-1].ended_at if in_order else NOW
    first = int(now // 60) - MINUTES + 1
    there = [each for each in in_order if int(each.ended_at // 60) >= first]

    picture = pictured(*in_order, now=now)

    endings_told = (picture.served, picture.moved, picture.refused, picture.cut, picture.left)
    assert sum(map(sum, endings_told)) == len(there)
    assert sum(picture.output_tokens) == sum(each.output_tokens or 0 for each in there)
    assert sum(picture.input_tokens) + sum(picture.cached_tokens) == sum(
        each.input_tokens or 0 for each in there
    )
    assert sum(picture.first_events) == sum(each.first_event_seconds is not None for each in there)
    assert sum(each.unseen for each in picture.errors) == sum(len(e.refused) for e in there)
    assert all(sum(each.minutes) == each.unseen + each.told for each in picture.errors)
