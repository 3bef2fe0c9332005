"""``scripts/fuzz``: fuzzes what the command line asks for, and says what became of it."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.drawn import DRAWN
from tests.fuzz.targets import TARGETS
from tests.support.environments import ATHERIS
from tests.support.proxy import ROOT

_OUTPUT: Final = ROOT / "build" / "fuzz"
_A_MILLION: Final = 1_000_000

_WEIGHTS: Final = {"requests": 35, "streams": 25, "answers": 15, "refusals": 5, "codings": 5}
"""Of a hundred inputs, how many are for a target; properties share what is left."""

_LIMITS: Final = (
    "-max_len=32768", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1",
)  # fmt: skip
"""Characters of an input; seconds that one may take, and memory of them all."""

_DONE: Final = re.compile(r"^Done (\d+) runs in (\d+) second", re.MULTILINE)
_REACHED: Final = re.compile(r"cov: (\d+)")
_RAISED: Final = "Uncaught Python exception"
_SHOWN: Final = 4000


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of the fuzzing of one target."""

    target: str
    inputs: int
    seconds: int
    branches: int
    """How many the inputs took, of those that libFuzzer counts."""
    fault: str | None
    """What was printed where an input broke something."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Fuzz, print a table, and exit with 1 where an input broke a promise."""
    given = _parser().parse_args(arguments)
    shares = {name: _share(name, given.inputs) for name in given.targets or _names()}
    packages = ATHERIS.packages()
    with ThreadPoolExecutor(given.jobs) as pool:
        runs = list(pool.map(lambda name: _fuzz(name, shares[name], packages, given), shares))
    _tell(runs)
    sys.exit(any(ran.fault is not None for ran in runs))


def _names() -> list[str]:
    return [*TARGETS, *DRAWN]


def _share(name: str, inputs: int) -> int:
    left = (100 - sum(_WEIGHTS.values())) / len(DRAWN)
    return round(inputs * _WEIGHTS.get(name, left) / 100)


def _fuzz(name: str, inputs: int, packages: Path, given: argparse.Namespace) -> Ran:
    folder: Path = given.output / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name].seeds if name in TARGETS else ()):
        (corpus / f"seed-{number}").write_bytes(seed)
    log = folder / "log"
    with log.open("wb") as output:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "tests.fuzz.one", name, f"-runs={inputs}",
             f"-seed={given.seed}", f"-artifact_prefix={folder}/", *_LIMITS, str(corpus)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(packages)))},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )  # fmt: skip
    said = log.read_text("utf-8", "replace")
    done, reached = _DONE.search(said), _REACHED.findall(said)
    return Ran(
        target=name,
        inputs=int(done[1]) if done else 0,
        seconds=int(done[2]) if done else 0,
        branches=int(reached[-1]) if reached else 0,
        fault=None if done and ended.returncode == 0 else said[said.find(_RAISED) :][:_SHOWN],
    )


def _tell(runs: Sequence[Ran]) -> None:
    lines = ["| target | inputs | seconds | branches | broken |", "|---|--:|--:|--:|---|"]
    lines += [
        f"| {ran.target} | {ran.inputs:,} | {ran.seconds:,} | {ran.branches:,} "
        f"| {'no' if ran.fault is None else 'yes'} |"
        for ran in runs
    ]
    lines.append(f"\n{sum(ran.inputs for ran in runs):,} inputs")
    lines += [f"\n{ran.target}:\n{ran.fault}" for ran in runs if ran.fault is not None]
    print("\n".join(lines))  # noqa: T201 - printing is what it is for


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz",
        description="Tries a million inputs on the translators, led by what code they reach "
        "(atheris, in an environment of its own).",
        epilog=f"Targets: {', '.join(_names())}. An input that breaks something is kept in the "
        "output folder. Example: scripts/fuzz requests streams --inputs 20000",
    )
    parser.add_argument("targets", nargs="*", type=_target, metavar="TARGET",
                        help="what to try (default: all)")  # fmt: skip
    parser.add_argument("--inputs", type=int, default=_A_MILLION,
                        help="how many, over all targets (default: 1000000)")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=os.cpu_count(),
                        help="targets at a time (default: as many as there are cores)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="what is random comes from it")
    parser.add_argument("--output", type=Path, default=_OUTPUT, metavar="FOLDER",
                        help="for inputs and logs (default: build/fuzz)")  # fmt: skip
    return parser


def _target(name: str) -> str:
    if name not in _names():
        raise argparse.ArgumentTypeError(
            f"no such target: {name} (there are {', '.join(_names())})"
        )
    return name


if __name__ == "__main__":
    main()
