"""What came of the rounds and of the storm, as tables (Markdown)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tests.storm.clients import Ending
from tests.storm.rounds import EVERY_FAULT
from tests.storm.runs import Played, Raged
from tests.support.proxy import Left

_MIB: Final = 2**20


def of_rounds(played: Played) -> Iterator[str]:
    """Each fault: how often it was met, and how the requests ended."""
    columns = ("completed", "failed", "refused", "broken")
    yield from _row(("fault", "met", "requests", *columns, "as it must be"))
    yield from _row(["---"] * 8)
    for fault in EVERY_FAULT:
        tally = played.rounds.tallies[fault.name]
        met = played.rounds.times(fault, played.sky)
        endings = [tally.endings[Ending(column)] for column in columns]
        is_right = "no" if tally.wrong else "yes"
        yield from _row((fault.name, met, tally.requests, *endings, is_right))
    yield ""
    yield from _of_what_is_left({"before": played.before, "after": played.after})


def of_storm(raged: Raged) -> Iterator[str]:
    """Each half: how the streams ended, and what was left of them."""
    storm, halves = raged.storm, raged.storm.halves
    yield from _row(("", *(f"half {number}" for number, _ in enumerate(halves, 1))))
    yield from _row(["---"] * (1 + len(halves)))
    yield from _row(("most streams at once", *(half.most_at_once for half in halves)))
    yield from _row(("seconds", *(f"{half.seconds:.0f}" for half in halves)))
    for ending in Ending:
        yield from _row((ending, *(half.endings[ending] for half in halves)))
    for why in sorted({why for half in halves for why in half.refused_with}):
        yield from _row((f"refused: {why}", *(half.refused_with[why] for half in halves)))
    yield ""
    met = sum(count for name, count in raged.sky.played.items() if name != "slow")
    yield (
        f"Upstream: {raged.sky.served} served at once, {raged.sky.played['slow']} slowly, "
        f"{met} faults of {len(raged.sky.played) - 1} kinds."
    )
    yield ""
    left = {f"after half {number}": half.left for number, half in enumerate(halves, 1)}
    yield from _of_what_is_left({"before": storm.before, **left})


def _of_what_is_left(left: dict[str, Left | None]) -> Iterator[str]:
    counted = ("exchanges", "leases", "flows", "streams", "connections")
    yield from _row(("left", *counted, "tasks", "files", "resident MiB", "of it Python's"))
    yield from _row(["---"] * (5 + len(counted)))
    for when, what in left.items():
        if what is not None:
            requests = (getattr(what, name) for name in counted)
            traced = f"{what.traced / _MIB:.1f}" if what.traced else ""
            memory = (f"{what.resident / _MIB:.1f}", traced)
            yield from _row((when, *requests, len(what.tasks), what.files, *memory))


def _row(cells: Iterable[object]) -> Iterator[str]:
    yield f"| {' | '.join(str(cell) for cell in cells)} |"
