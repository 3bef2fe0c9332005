"""One run of the bench: the parts that are asked for, round by round."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench import micro, soak
from tests.bench.checking import PROBES, check_size
from tests.bench.contenders import IDENTITY, OURS, PEER, STREAM
from tests.bench.figures import Figure, Figures
from tests.bench.processes import Cores, running_on
from tests.bench.profiling import profile
from tests.bench.rounds import Bench, in_turn, upstream, with_peers
from tests.bench.scenarios import Scenario, scenarios

PARTS: Final = ("a", "b", "c", "d", "e", "start", "micro", "soak")
BY_DEFAULT: Final = PARTS[:-1]
_LARGE_MEGABYTES: Final = 60
"""Below what no request is refused for its size."""
_PROFILED: Final = frozenset("abc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is to be done, and what came of it so far."""

    parts: Sequence[str]
    rounds: int
    seconds: float
    """How long a window is."""
    has_peers: bool
    profiles: bool
    output: Path
    figures: Figures = field(default_factory=Figures)
    cores: Cores = field(default_factory=Cores.of_this_machine)

    def do(self) -> None:
        """All of it. Raises LoadFailed, ProcessFailed or WrongAnswer."""
        if set(self.parts) <= {"micro"}:
            for _ in range(self.rounds):
                self.figures.next_round()
                self._measure_parts_alone()
            return
        if not self.cores.are_apart:
            tell("only one core: the load takes its time from what is measured")
        scripts = {each.script for each in scenarios(self.seconds).values()}.union(PROBES)
        models = tuple(script.model for script in scripts)
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            upstream(self.cores.load) as server,
            Bench(Path(folder), server, self.cores, models, self.figures, tell) as bench,
        ):
            self._start_all(bench)
            for round_ in range(self.rounds):
                tell(f"round {round_ + 1} of {self.rounds}")
                self.figures.next_round()
                self._measure_round(bench, round_)
            if "soak" in self.parts:
                soak.measure(bench, scenarios(self.seconds)["c"])
            if self.profiles:
                self._profile(bench)
            if "d" in self.parts:
                self._ask_a_lot(bench)

    @property
    def _scenarios(self) -> list[Scenario]:
        """Those that are asked for, with all who take part in them."""
        peers = [PEER] if self.has_peers else []
        every = scenarios(self.seconds).values()
        return [with_peers(each, peers) for each in every if each.letter in self.parts]

    def _start_all(self, bench: Bench) -> None:
        for scenario in self._scenarios:
            for contender in scenario.contenders:
                bench.of(contender)

    def _measure_round(self, bench: Bench, round_: int) -> None:
        for scenario in self._scenarios:
            tell(f"({scenario.letter}) {scenario.title}")
            for contender in in_turn(scenario.contenders, round_):
                bench.measure(scenario, contender, self.seconds)
        if "start" in self.parts:
            tell("start-up")
            starters = [STREAM, IDENTITY, OURS, *([PEER] if self.has_peers else [])]
            for contender in in_turn(starters, round_):
                bench.start_anew(contender, round_)
        self._measure_parts_alone()

    def _measure_parts_alone(self) -> None:
        if "micro" in self.parts:
            tell("the parts alone")
            with running_on(self.cores.proxy):
                micro.measure(self.figures)

    def _ask_a_lot(self, bench: Bench) -> None:
        """Last of all, since a process does not give back all the memory that this takes."""
        tell(f"a request of {_LARGE_MEGABYTES} MB")
        check_size(bench.of(OURS), _LARGE_MEGABYTES)
        self.figures.note("d", OURS.key, Figure.SIZE, _LARGE_MEGABYTES)

    def _profile(self, bench: Bench) -> None:
        for scenario in self._scenarios:
            if scenario.key in _PROFILED:
                profile(bench, scenario, self.seconds, self.output)


def tell(line: str) -> None:
    """Progress, beside the report."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - printing is what it is for
