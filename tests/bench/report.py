"""A run as people and programs read it: ``bench.md``, ``bench.json``, ``bench.svg``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from addon import __version__
from tests.bench.contenders import DIRECT, IDENTITY, OURS, PEER, POOLS, STREAM
from tests.bench.figures import Figure, Figures, Series
from tests.bench.micro import STREAMS
from tests.bench.plot import PANELS, ROWS, Panel, drawn
from tests.bench.scenarios import Scenario
from tests.bench.targets import TARGETS, Target

_CPU_INFO = Path("/proc/cpuinfo")
_TITLES = {
    **{each.key: each.title for each in (DIRECT, STREAM, IDENTITY, OURS, PEER, *POOLS.values())},
    **{kind: f"an event of {title}" for kind, title in STREAMS.items()},
    "request": "100 KB of a request",
    **{f"choice-{accounts}": f"among {accounts}" for accounts in POOLS},
}


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured, and how."""

    figures: Figures
    scenarios: Mapping[str, Scenario]
    command: str
    rounds: int
    seconds: float

    def write(self, folder: Path) -> None:
        """All three files, over those of a former run."""
        (folder / "bench.md").write_text(self.markdown(), "utf-8")
        (folder / "bench.json").write_text(json.dumps(self.as_json(), indent=1), "utf-8")
        (folder / "bench.svg").write_text(drawn(self.figures), "utf-8")

    def as_json(self) -> dict[str, object]:
        """Every value of every round, and the verdicts."""
        return {
            "command": self.command,
            "machine": self._machine(),
            "rounds": self.rounds,
            "seconds": self.seconds,
            "targets": [_verdict_as_json(target, self.figures) for target in TARGETS],
            "values": self.figures.as_json(),
        }

    def markdown(self) -> str:
        """For people."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"`{self.command}`: {self.rounds} rounds, windows of {self.seconds:g} s; "
        yield f"median (least…most). {self._machine()}."
        yield ""
        yield from self._in_short()
        yield ""
        yield from table(
            ("target", "limit", "measured", "verdict"),
            (_verdict(target, self.figures) for target in TARGETS),
        )
        for key, title in self._sections():
            yield f"\n### {title}\n"
            yield from self._section(key)

    def _in_short(self) -> Iterator[str]:
        """What the picture shows."""
        shown = ((panel, dict(panel.bars(self.figures))) for panel in PANELS)
        rows = (_short_row(panel, bars) for panel, bars in shown if bars)
        yield from table(("", *ROWS.values()), rows)

    def _sections(self) -> Iterator[tuple[str, str]]:
        for key, scenario in self.scenarios.items():
            yield key, f"({scenario.letter}) {scenario.title}"
        yield "start", "start-up, and memory when idle"
        yield "soak", "memory over many requests"
        yield "micro", "the parts alone"

    def _section(self, key: str) -> Iterator[str]:
        figures = self.figures.figures(key)
        if not figures:
            yield "not measured"
            return
        heads = (f"{each.title}{f', {each.unit}' if each.unit else ''}" for each in figures)
        rows = (
            (_TITLES.get(contender, contender), *self._cells(key, contender, figures))
            for contender in self.figures.contenders(key)
        )
        yield from table(("", *heads), rows)

    def _cells(self, key: str, contender: str, figures: Sequence[Figure]) -> Iterator[str]:
        for figure in figures:
            series = self.figures.series(key, contender, figure)
            yield series.said(figure.digits) if series else ""

    @staticmethod
    def _machine() -> str:
        cores = len(os.sched_getaffinity(0))
        return (
            f"{cores} cores of {_processor()}, Python {platform.python_version()}, "
            f"mitmproxy {version('mitmproxy')}, pydantic-core {version('pydantic-core')}, "
            f"opencode-qwen-proxy {__version__}"
        )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _short_row(panel: Panel, bars: Mapping[str, Series]) -> Sequence[str]:
    unit = f", {panel.figure.unit}" if panel.figure.unit else ""
    digits = panel.figure.digits
    cells = (f"{bars[key].median:,.{digits}f}" if key in bars else "" for key in ROWS)
    return (panel.title + unit, *cells)


def _verdict(target: Target, figures: Figures) -> tuple[str, str, str, str]:
    measured = target.find(figures)
    if measured is None:
        return target.says, target.said, "", "not measured"
    missed = "not yet" if target.is_stretch else "**missed**"
    verdict = "reached" if target.is_reached(measured) else missed
    return target.says, target.said, f"{measured.said(2)} {target.unit}", verdict


def _verdict_as_json(target: Target, figures: Figures) -> dict[str, object]:
    measured = target.find(figures)
    return {
        "target": target.says,
        "limit": target.said,
        "measured": measured.values if measured else None,
        "reached": target.is_reached(measured) if measured else None,
    }


def _processor() -> str:
    lines = _CPU_INFO.read_text("utf-8").splitlines()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")),
        platform.machine(),
    )
