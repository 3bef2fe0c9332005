"""``scripts/storm``: the long forms of the storm and of the rounds, told in tables."""

# ruff: noqa: T201 - printing is what it is for

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.storm import report
from tests.storm.runs import play_rounds, rage

_FILES = 16_384
"""Open at once, in the clients' process as in the proxy's: each stream has some on either side."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/storm",
        description="Sends many streams at once through one real mitmdump in all weathers, while "
        "accounts come and go, and then plays each fault many times with one healthy account among "
        "three. Prints what came of it as tables (Markdown); the exit status is 1 if any of it is "
        "not as it must be.",
        epilog="Example: scripts/storm --streams 200 --minutes 1 --times 20",
    )
    parser.add_argument("--streams", type=int, default=1000, help="at once (default: 1000)")
    parser.add_argument(
        "--minutes", type=float, default=5.0, help="of the storm, in two halves (default: 5)"
    )
    parser.add_argument(
        "--times", type=int, default=200, help="each fault, at least; 0: no rounds (default: 200)"
    )
    parser.add_argument(
        "--trace", action="store_true", help="count in the storm what Python allocates (slower)"
    )
    parser.add_argument("--log", type=Path, metavar="FILE", help="where the proxy's log is to go")
    given = parser.parse_args(arguments)

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most), most))
    found: list[str] = []
    log = ""
    with tempfile.TemporaryDirectory() as folder:
        if given.minutes > 0:
            place = Path(folder) / "storm"
            place.mkdir()
            seconds = given.minutes * 60 / 2
            raged = asyncio.run(
                rage(place, clients=given.streams, seconds=seconds, traces=given.trace)
            )
            _print(report.of_storm(raged))
            found += raged.storm.faults_found(raged.sky)
            log += raged.log
        if given.times > 0:
            place = Path(folder) / "rounds"
            place.mkdir()
            played = asyncio.run(play_rounds(place, times=given.times))
            _print(report.of_rounds(played))
            found += played.rounds.faults_found(played.sky)
            log += played.log
    if given.log is not None:
        given.log.write_text(log, "utf-8")
    _print([f"Not as it must be: {fault[:2000]}" for fault in found] or ["All as it must be."])
    return 1 if found else 0


def _print(lines: Iterable[str]) -> None:
    print("\n".join(lines), end="\n\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
