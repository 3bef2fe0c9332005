"""Whether memory stays flat: many requests through one proxy, and what it holds on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.bench.contenders import OURS
from tests.bench.figures import Figure
from tests.bench.meters import memory
from tests.bench.rounds import Bench
from tests.bench.scenarios import Scenario

REQUESTS: Final = 100_000
_STEPS: Final = 10
_MEGA: Final = 1_000_000


def measure(bench: Bench, scenario: Scenario, requests: int = REQUESTS) -> None:
    """Asks as ``scenario`` does, and notes the memory ten times on the way."""
    step = requests // _STEPS
    for done in range(step, requests + 1, step):
        bench.do(replace(bench.job(scenario, OURS, 0.0), requests=step, seconds=requests / 10))
        held = sum(memory(pid).now for pid in bench.of(OURS).pids) / _MEGA
        bench.figures.note("soak", f"after {done} requests", Figure.IDLE, held)
        bench.tell(f"soak: {held:.1f} MB after {done} requests")
