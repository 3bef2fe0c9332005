"""``scripts/simulate``: plays scenarios, and prints what came of them as a table."""

# ruff: noqa: T201 - printing is what it is for

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from addon.rotation.policy import Policy, RetryStrategy, Strategy
from tests.simulation.simulation import Result, Scenario, Simulation
from tests.simulation.upstreams import Window

COLUMNS = (
    "load", "strategy", "prediction", "served", "429 to client", "429s of upstreams",
    "waited", "longest wait", "warm", "spread",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Play what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="scripts/simulate",
        description="Plays an hour of requests against simulated accounts with true limits, with "
        "the real rotation, and prints a table (Markdown) of what came of it.",
        epilog="Example: scripts/simulate --accounts 60,60,30 --load 100,140,200 --without-word",
    )
    parser.add_argument(
        "--accounts", type=_numbers, default=(60, 60, 60, 30, 30), metavar="N,N,…",
        help="each account's true limit, in requests a minute (default: 60,60,60,30,30)",
    )  # fmt: skip
    parser.add_argument(
        "--load", type=_numbers, default=(60, 120, 180, 220, 260), metavar="N,N,…",
        help="requests a minute; a row for each (default: 60,120,180,220,260)",
    )  # fmt: skip
    parser.add_argument("--strategy", type=Strategy, choices=[*Strategy], action="append")
    parser.add_argument("--retry-strategy", type=RetryStrategy, choices=[*RetryStrategy])
    parser.add_argument(
        "--window", type=Window, choices=[*Window], default=Window.SLIDING,
        help="how the upstream counts (default: sliding)",
    )  # fmt: skip
    parser.add_argument(
        "--without-word", action="store_true", help="refusals come without retry-after"
    )
    parser.add_argument("--sessions", type=int, default=8, help="clients at work (default: 8)")
    parser.add_argument("--minutes", type=float, default=60, help="to be played (default: 60)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)

    began = time.perf_counter()
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|{'---|' * len(COLUMNS)}")
    for scenario in _scenarios(given):
        result = Simulation(scenario).play()
        print(f"| {' | '.join(_cells(scenario, result))} |")
    print(f"\n{time.perf_counter() - began:.1f} s; accounts: {sum(given.accounts)} a minute in all")


def _scenarios(given: argparse.Namespace) -> Iterator[Scenario]:
    policy = Policy(retry_strategy=given.retry_strategy or RetryStrategy.BALANCED)
    for load in given.load:
        for strategy in given.strategy or [Strategy.HYBRID]:
            for predicts in (False, True):
                yield Scenario(
                    limits=given.accounts,
                    load=load,
                    policy=replace(policy, strategy=strategy, predicts_limits=predicts),
                    window=given.window,
                    says_when=not given.without_word,
                    sessions=given.sessions,
                    seconds=given.minutes * 60,
                    seed=given.seed,
                )


def _cells(scenario: Scenario, result: Result) -> Iterator[str]:
    least, most = result.spread(scenario.limits)
    yield f"{scenario.load:.0f}/min"
    yield scenario.policy.strategy
    yield "yes" if scenario.policy.predicts_limits else "no"
    yield f"{result.served / result.requests:.1%}"
    yield str(result.given_up)
    yield str(result.refused)
    yield str(len(result.waits))
    yield f"{max(result.waits, default=0):.0f} s"
    yield f"{result.warm / max(1, result.served):.0%}"
    yield f"{least:.2f}…{most:.2f}"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    main()
