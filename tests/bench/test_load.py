"""The load client counts right, and what fails is no figure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bench.answers import Script
from tests.bench.asking import Api, body
from tests.bench.load import Job, LoadFailed
from tests.bench.rounds import Bench

SCRIPT = Script(5)


@pytest.fixture
def job(bench: Bench) -> Job:
    return Job(
        port=bench.upstream.port,
        path=Api.CHAT.value,
        body=body(Api.CHAT, SCRIPT),
        events=SCRIPT.event_count,
        connections=3,
        at_once=2,
        seconds=0.1,
        pids=(bench.upstream.pid,),
    )


def test_the_events_in_the_window_are_those_of_its_answers(bench: Bench, job: Job) -> None:
    result = bench.do(job)
    assert result.answers > 0
    # at the ends of the window an answer may be half there
    assert abs(result.events - result.answers * job.events) <= job.at_once * job.events
    assert result.seconds >= job.seconds
    assert len(result.first_events) >= result.answers
    assert all(seconds > 0 for seconds in result.first_events)
    assert result.own_cpu_seconds > 0
    assert result.cpu_seconds[0] > 0


def test_a_window_may_end_after_so_many_requests(bench: Bench, job: Job) -> None:
    result = bench.do(replace(job, requests=50))
    assert 0 < result.answers <= 50
    assert 50 <= len(result.first_events) < 50 + job.at_once


def test_paced_answers_are_counted_before_they_end(bench: Bench, job: Job) -> None:
    slow = Script(60, per_second=200)
    result = bench.do(
        replace(job, body=body(Api.CHAT, slow), events=slow.event_count, seconds=0.05)
    )
    assert result.answers == 0
    assert 0 < result.events < job.at_once * slow.event_count


def test_an_answer_of_another_length_is_a_failure(bench: Bench, job: Job) -> None:
    with pytest.raises(LoadFailed, match="9 events in place of 8"):
        bench.do(replace(job, events=8))


def test_a_refusal_is_a_failure(bench: Bench, job: Job) -> None:
    with pytest.raises(LoadFailed, match="404"):
        bench.do(replace(job, path="/v1/other"))


def test_who_cannot_be_reached_is_a_failure(bench: Bench, job: Job) -> None:
    with pytest.raises(LoadFailed):
        bench.do(replace(job, port=9))
