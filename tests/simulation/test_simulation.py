"""What the simulation shows of the rotation, in a form short enough for the suite."""

from __future__ import annotations

import pytest

from addon.rotation.policy import Policy, Strategy
from tests.simulation.__main__ import main
from tests.simulation.simulation import Result, Scenario, Simulation
from tests.simulation.upstreams import Window

LIMITS = (60, 60, 60, 30, 30)


def play(load: float, window: Window, *, says_when: bool, predicts: bool) -> Result:
    policy = Policy(predicts_limits=predicts)
    return Simulation(
        Scenario(LIMITS, load, policy, window=window, says_when=says_when, seconds=600)
    ).play()


@pytest.mark.parametrize("window", Window)
@pytest.mark.parametrize("says_when", [True, False])
@pytest.mark.parametrize("load", [150, 200, 220])
def test_prediction_is_never_worse_than_none(load: float, window: Window, says_when: bool) -> None:
    without = play(load, window, says_when=says_when, predicts=False)
    with_it = play(load, window, says_when=says_when, predicts=True)

    assert with_it.given_up <= without.given_up
    assert with_it.served >= without.served
    assert with_it.refused <= without.refused


@pytest.mark.parametrize("limits", [(60,), (30, 60, 120), (20, 20, 200)])
@pytest.mark.parametrize("window", Window)
@pytest.mark.parametrize("says_when", [True, False])
def test_at_the_limit_of_any_accounts_it_serves_no_less_and_waits_no_longer(
    limits: tuple[int, ...], window: Window, says_when: bool
) -> None:
    # There it may ask more often, of services that do not say when they are free again.
    load = sum(limits) * 0.98
    without, with_it = (
        Simulation(
            Scenario(
                limits,
                load,
                Policy(predicts_limits=predicts),
                window=window,
                says_when=says_when,
                seconds=300,
                seed=7,
            )
        ).play()
        for predicts in (False, True)
    )

    assert with_it.served >= without.served
    assert max(with_it.waits, default=0.0) <= max(without.waits, default=0.0) + 5.0


def test_more_than_all_can_serve_does_not_become_a_storm_of_refusals() -> None:
    result = play(280, Window.SLIDING, says_when=True, predicts=True)

    assert result.refused < 2 * result.requests
    assert sum(result.by_account.values()) > 0.95 * sum(LIMITS) * 10


@pytest.mark.parametrize("strategy", Strategy)
def test_every_request_ends(strategy: Strategy) -> None:
    scenario = Scenario(LIMITS, 300, Policy(strategy=strategy), seconds=300, patience_seconds=20)
    result = Simulation(scenario).play()

    assert result.served + result.given_up == result.requests


def test_the_table_has_a_row_for_each_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--accounts", "5,5", "--load", "4,8", "--minutes", "2"])

    loads = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines()[2:6]]
    assert loads == ["4/min", "4/min", "8/min", "8/min"]
