"""A place to measure in, with the smallest windows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bench.checking import PROBES
from tests.bench.figures import Figures
from tests.bench.processes import Cores
from tests.bench.rounds import Bench, upstream
from tests.bench.scenarios import scenarios


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """An upstream, and contenders that are started when they are asked for."""
    cores = Cores.of_this_machine()
    scripts = {each.script for each in scenarios(0.1).values()}.union(PROBES)
    models = tuple(script.model for script in scripts)
    figures = Figures()
    figures.next_round()
    folder = tmp_path_factory.mktemp("bench")
    with (
        upstream(cores.load) as server,
        Bench(folder, server, cores, models, figures, lambda _: None) as bench,
    ):
        yield bench
