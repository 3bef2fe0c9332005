"""Measures: scenario by scenario, all contenders in turn, round after round.

Everything that takes part is started once and stays; the order of the contenders moves on
by one each round, so that none is always the one behind a heavy neighbour.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Final, Self

from mitmproxy.certs import CertStore

from tests.bench import load
from tests.bench import upstream as upstream_process
from tests.bench.asking import body
from tests.bench.checking import events_around
from tests.bench.contenders import Contender, Running, Site, running
from tests.bench.figures import Figure, Figures, percentile
from tests.bench.load import Job, LoadFailed, Result
from tests.bench.meters import memory, reset_peak
from tests.bench.processes import Cores, running_on
from tests.bench.scenarios import Scenario
from tests.support.proxy import ROOT

_MEGA: Final = 1_000_000
_SAFETY_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Upstream:
    """The scripted upstream's process."""

    pid: int
    port: int


@contextmanager
def upstream(cores: frozenset[int]) -> Iterator[Upstream]:
    """The upstream while it listens."""
    with _ours(upstream_process, cores) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Upstream(process.pid, int(process.stdout.readline()))
        finally:
            process.stdin.close()


@dataclass(slots=True)
class Bench:
    """The place where it is measured: an upstream, and contenders that are started on demand."""

    folder: Path
    upstream: Upstream
    cores: Cores
    models: tuple[str, ...]
    figures: Figures
    tell: Callable[[str], None]
    """Progress, for people."""
    _stack: ExitStack = field(default_factory=ExitStack)
    _running: dict[str, Running] = field(default_factory=dict)
    _around: dict[str, int] = field(default_factory=dict)
    """How many events each has beside those of the pieces."""

    def __enter__(self) -> Self:
        confdir = self.folder / "confdir"
        confdir.mkdir(parents=True)
        CertStore.create_store(confdir, "mitmproxy", 2048)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def site(self, name: str) -> Site:
        """A place for one process."""
        return Site(self.folder / name, self.folder / "confdir", self.upstream.port, self.models)

    def of(self, contender: Contender) -> Running:
        """The contender, started and found right at its first call."""
        found = self._running.get(contender.key)
        if found is None:
            self.tell(f"starting {contender.title}")
            found = self._stack.enter_context(
                running(contender, self.site(contender.key), self.cores.proxy)
            )
            self._running[contender.key] = found
            self._around[contender.key] = events_around(found)
        if found.server is not None:
            found.server.check()
        return found

    def job(self, scenario: Scenario, contender: Contender, seconds: float) -> Job:
        """What the load client is to do."""
        asked = self.of(contender)
        return Job(
            port=asked.port,
            path=contender.api.value,
            body=body(contender.api, scenario.script, size=scenario.request_bytes),
            events=scenario.script.pieces + self._around[contender.key],
            connections=scenario.connections,
            at_once=scenario.at_once,
            seconds=seconds,
            warm_up_seconds=scenario.warm_up_seconds,
            pids=(*asked.pids, self.upstream.pid),
        )

    def do(self, job: Job) -> Result:
        """Have the load client do ``job``. Raises LoadFailed."""
        with load_client(job, self.cores.load) as process:
            printed, complained = process.communicate(timeout=_SAFETY_SECONDS)
        if process.returncode:
            raise LoadFailed(complained.decode(errors="replace"))
        return Result(**json.loads(printed))

    def measure(self, scenario: Scenario, contender: Contender, seconds: float) -> None:
        """Notes the figures of one contender in one scenario."""
        asked = self.of(contender)
        for pid in asked.pids:
            reset_peak(pid)
        try:
            result = self.do(self.job(scenario, contender, seconds))
        except LoadFailed as error:
            raise LoadFailed(f"{contender.title}, {scenario.title}: {error}") from None
        for figure, value in _told(result, asked.pids).items():
            if figure in scenario.figures or figure is Figure.LOAD_CPU:
                self.figures.note(scenario.key, contender.key, figure, value)

    def start_anew(self, contender: Contender, number: int) -> None:
        """Notes what a start costs, and what memory it leaves taken once it has been used."""
        site = self.site(f"start-{contender.key}-{number}")
        with running(contender, site, self.cores.proxy) as started:
            events_around(started)
            assert started.server is not None
            idle = sum(memory(pid).now for pid in started.pids)
            seconds = started.server.started_in_seconds
        self.figures.note("start", contender.key, Figure.START, seconds)
        self.figures.note("start", contender.key, Figure.IDLE, idle / _MEGA)


@contextmanager
def load_client(job: Job, cores: frozenset[int]) -> Iterator[subprocess.Popen[bytes]]:
    """The load client at work; whoever reads what it prints waits for its end."""
    with _ours(load, cores) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(asdict(job)).encode())
            process.stdin.close()
            process.stdin = None
            yield process
        except BaseException:
            process.kill()
            raise


def _ours(module: ModuleType, cores: frozenset[int]) -> subprocess.Popen[bytes]:
    """A module of the bench as a process of its own."""
    with running_on(cores):
        return subprocess.Popen(
            (sys.executable, "-P", "-m", module.__name__),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def in_turn(contenders: Sequence[Contender], round_: int) -> list[Contender]:
    """The contenders, beginning with another one each round."""
    first = round_ % len(contenders)
    return [*contenders[first:], *contenders[:first]]


def with_peers(scenario: Scenario, peers: Sequence[Contender]) -> Scenario:
    """The scenario with other programs in it, where they take part."""
    if not scenario.has_peers:
        return scenario
    return replace(scenario, contenders=(*scenario.contenders, *peers))


def _told(result: Result, pids: Sequence[int]) -> dict[Figure, float]:
    """Every figure that ``result`` gives; the last CPU is the upstream's."""
    figures = {
        Figure.EVENTS: result.events / result.seconds,
        Figure.REQUESTS: result.answers / result.seconds,
        Figure.LOAD_CPU: (
            (result.own_cpu_seconds + result.cpu_seconds[-1]) / max(1, result.events) * 1e6
        ),
    }
    if result.first_events:
        figures[Figure.FIRST_P50] = percentile(result.first_events, 50) * 1e3
        figures[Figure.FIRST_P99] = percentile(result.first_events, 99) * 1e3
    if pids:
        cpu = sum(result.cpu_seconds[:-1])
        figures[Figure.PEAK] = sum(memory(pid).peak for pid in pids) / _MEGA
        figures[Figure.CPU_PER_EVENT] = cpu / max(1, result.events) * 1e6
        if result.answers:
            figures[Figure.CPU_PER_REQUEST] = cpu / result.answers * 1e3
    return figures
