"""Where our proxy's time goes: py-spy looks on while it is under load.

Two looks at each load: one becomes a flame graph (SVG), the other a table of who had the
CPU, by package and by function. Both go into the output folder.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.bench.contenders import OURS
from tests.bench.rounds import Bench, load_client
from tests.bench.scenarios import Scenario
from tests.support.environments import PY_SPY
from tests.support.proxy import ROOT

_A_SECOND: Final = 500
"""How often py-spy looks."""

_STARTING_SECONDS: Final = 1.0
"""So much more load than looking: the load begins a little earlier and ends a little later."""

_FRAME: Final = re.compile(r"(?P<function>.+) \((?P<file>.+?)(:\d+)?\)")
_PACKAGE: Final = re.compile(r".*/(?:site-packages|python3\.\d+)/([^/.]+)")
_WAITING: Final = re.compile(r"(EpollSelector\.select|_worker) \(")
"""What looks like work to py-spy, and is none: the loop and a thread that wait for some."""
_FUNCTIONS_TOLD: Final = 20


def profile(bench: Bench, scenario: Scenario, seconds: float, folder: Path) -> None:
    """Looks at our proxy in ``scenario``, and leaves what was seen in ``folder``."""
    graph = folder / f"profile-{scenario.key}.svg"
    stacks = folder / f"profile-{scenario.key}.txt"
    _look(bench, scenario, seconds, "flamegraph", graph)
    _look(bench, scenario, seconds, "raw", stacks)
    table = summary(stacks.read_text("utf-8").splitlines())
    stacks.with_suffix(".md").write_text(table, "utf-8")
    bench.tell(f"{scenario.title}: {graph}\n\n{table}")


def _look(bench: Bench, scenario: Scenario, seconds: float, form: str, path: Path) -> None:
    pid = bench.of(OURS).pids[0]
    job = bench.job(scenario, OURS, seconds + _STARTING_SECONDS)
    with load_client(job, bench.cores.load) as load:
        subprocess.run(
            [
                *(PY_SPY.program("py-spy"), "record", "--pid", str(pid), "--format", form),
                *("--rate", str(_A_SECOND), "--duration", str(max(1, round(seconds)))),
                *("--output", str(path), "--full-filenames", "--nolineno"),
            ],
            check=True,
            capture_output=True,
        )
        load.communicate()


def summary(stacks: Iterable[str]) -> str:
    """Who had the CPU, as Markdown, from lines of ``frame;frame;frame count``."""
    packages: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for frame, samples in _innermost(stacks):
        packages[_package(frame)] += samples
        functions[_short(frame)] += samples
    every = max(1, packages.total())
    lines = ["| package | CPU |", "|---|---|"]
    lines += [f"| {name} | {samples / every:.1%} |" for name, samples in packages.most_common()]
    lines += ["", "| function | CPU |", "|---|---|"]
    lines += [
        f"| `{name}` | {samples / every:.1%} |"
        for name, samples in functions.most_common(_FUNCTIONS_TOLD)
    ]
    return "\n".join(lines) + "\n"


def _innermost(stacks: Iterable[str]) -> Iterator[tuple[str, int]]:
    for line in stacks:
        stack, _, samples = line.rpartition(" ")
        frame = stack.rpartition(";")[2]
        if not _WAITING.match(frame):
            yield frame, int(samples)


def _package(frame: str) -> str:
    """The package of a function: ours by its room, others by their name."""
    found = _FRAME.fullmatch(frame)
    path = found["file"] if found else frame
    if path.startswith(f"{ROOT}/addon/"):
        return "/".join(path.removeprefix(f"{ROOT}/").split("/")[:2])
    package = _PACKAGE.match(path)
    return package[1] if package else path


def _short(frame: str) -> str:
    found = _FRAME.fullmatch(frame)
    if found is None:
        return frame
    return f"{found['function']} ({'/'.join(found['file'].split('/')[-3:])})"
