"""``scripts/bench``: measures what the command line asks for, and writes it down."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.checking import WrongAnswer
from tests.bench.load import LoadFailed
from tests.bench.processes import ProcessFailed
from tests.bench.report import Report
from tests.bench.run import BY_DEFAULT, PARTS, Run, tell
from tests.bench.scenarios import scenarios
from tests.support.proxy import ROOT

_OUTPUT: Final = ROOT / "build" / "bench"


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks for."""
    given = _parser().parse_args(arguments)
    if sys.platform != "linux":
        sys.exit("scripts/bench reads /proc: it needs Linux.")
    run = Run(
        parts=["micro"] if given.micro else given.only,
        rounds=given.rounds,
        seconds=given.seconds,
        has_peers=given.peers,
        profiles=given.profile,
        output=given.output,
    )
    run.output.mkdir(parents=True, exist_ok=True)
    try:
        run.do()
    except (LoadFailed, ProcessFailed, WrongAnswer) as error:
        sys.exit(f"scripts/bench measures nothing that fails: {error}")
    report = Report(
        figures=run.figures,
        scenarios=scenarios(run.seconds),
        command=shlex.join(["scripts/bench", *(sys.argv[1:] if arguments is None else arguments)]),
        rounds=run.rounds,
        seconds=run.seconds,
    )
    report.write(run.output)
    print(report.markdown())  # noqa: T201 - printing is what it is for
    tell(f"written to {run.output}: bench.md, bench.json, bench.svg")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures what the proxy costs, side by side with the upstream itself, bare "
        "mitmdump and, if asked, LiteLLM; says which targets are reached. Linux only.",
        epilog="Parts: (a) paced streams, (b) streams as fast as they go, (c) short requests, "
        "(d) 200 KB requests, (e) pools of 1 to 1000 accounts, start (start-up and idle memory), "
        "micro (translator and choice alone), soak (100,000 requests; only if named). "
        "Example: scripts/bench --only a,c --rounds 3 --profile",
    )
    parser.add_argument(
        "--only", type=_parts, metavar="PART,…", default=BY_DEFAULT,
        help=f"these parts (default: {','.join(BY_DEFAULT)})",
    )  # fmt: skip
    parser.add_argument("--micro", action="store_true", help="short for --only micro")
    parser.add_argument(
        "--peers", action="store_true", help="LiteLLM too, in an environment of its own"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often (default: 5)")
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="how long a measured window is (default: 3)"
    )
    parser.add_argument(
        "--profile", action="store_true", help="flame graphs of our proxy in a, b and c, by py-spy"
    )
    parser.add_argument(
        "--output", type=Path, default=_OUTPUT, metavar="FOLDER",
        help="where bench.md, bench.json and bench.svg go (default: build/bench)",
    )  # fmt: skip
    return parser


def _parts(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    unknown = sorted({*parts} - {*PARTS})
    if unknown:
        raise argparse.ArgumentTypeError(
            f"no such part: {', '.join(unknown)} (there are {', '.join(PARTS)})"
        )
    return parts


if __name__ == "__main__":
    main()
