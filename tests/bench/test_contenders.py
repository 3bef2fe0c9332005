"""Every contender that is measured gives the right answer; one that does not is no contender."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bench.answers import Script
from tests.bench.asking import Api, body
from tests.bench.checking import WrongAnswer, events_around
from tests.bench.contenders import DIRECT, IDENTITY, OURS, STREAM, Contender, _bare, running
from tests.bench.figures import Figure
from tests.bench.processes import ProcessFailed
from tests.bench.rounds import Bench
from tests.bench.scenarios import Scenario
from tests.support.upstream import strict

GARBLES = """
def responseheaders(flow):
    flow.response.stream = lambda data: data.replace(b"answer", b"anwser")
"""
SWALLOWS = """
def responseheaders(flow):
    flow.response.stream = lambda data: b"" if b'" it"' in data else data
"""


@pytest.mark.parametrize("contender", [DIRECT, STREAM, IDENTITY, OURS], ids=lambda each: each.key)
def test_a_contender_says_what_the_upstream_says(bench: Bench, contender: Contender) -> None:
    asked = bench.of(contender)
    assert bench.of(contender) is asked
    assert bool(asked.pids) is (contender is not DIRECT)


@pytest.mark.parametrize("script", [GARBLES, SWALLOWS], ids=["garbles", "swallows"])
def test_one_that_says_something_else_is_found_out(
    bench: Bench, tmp_path: Path, script: str
) -> None:
    path = tmp_path / "script.py"
    path.write_text(script, "utf-8")
    wrong = Contender("wrong", "wrong", Api.CHAT, _bare("-s", str(path)))
    with ExitStack() as stack:
        site = bench.site(f"wrong-{len(script)}")
        started = stack.enter_context(running(wrong, site, bench.cores.proxy))
        with pytest.raises((WrongAnswer, OSError, ValueError)):
            events_around(started)


def test_one_that_does_not_start_is_an_error(bench: Bench) -> None:
    broken = Contender("broken", "broken", Api.CHAT, _bare("--no-such-option"))
    with (
        pytest.raises(ProcessFailed, match="no-such-option"),
        running(broken, bench.site("broken"), bench.cores.proxy),
    ):
        pass


def test_its_figures_are_noted(bench: Bench) -> None:
    scenario = Scenario(
        key="t",
        title="a test",
        script=Script(3),
        connections=2,
        at_once=2,
        figures=frozenset((Figure.CPU_PER_REQUEST, Figure.PEAK)),
        warm_up_seconds=0.0,
    )
    bench.measure(scenario, OURS, 0.2)
    noted = bench.figures.figures("t")
    assert noted == [Figure.CPU_PER_REQUEST, Figure.PEAK, Figure.LOAD_CPU]
    bench.start_anew(OURS, 0)
    start = bench.figures.series("start", OURS.key, Figure.START)
    assert start is not None
    assert start.median > 0


@pytest.mark.parametrize("size", [0, 200_000])
def test_both_apis_are_asked_for_the_same(size: int) -> None:
    script = Script(3)
    for api in Api:
        request = body(api, script, size=size).encode()
        assert len(request) >= size * 0.9
        assert Script.asked_for(request) == script
    assert strict(json.loads(body(Api.CHAT, script, size=size)), []) == []
