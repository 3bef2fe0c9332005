"""What is kept of an account on disk, and read again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from addon.rotation.breaker import Breaker
from addon.rotation.bucket import TokenBucket
from addon.rotation.health import HealthScore
from addon.rotation.ledger import DayCount
from addon.rotation.prediction import LearnedLimit
from addon.rotation.record import AccountRecord, days_to_forget

FULL = AccountRecord(
    last_used=1_700_000_000.5,
    cooling_until=1_700_000_060.0,
    health=HealthScore(61.5, 1_700_000_001.0),
    bucket=TokenBucket(12.25, 1_700_000_002.0),
    model_cooling_until={"coder": 1_700_000_900.0},
    breaker=Breaker(5, 1_700_000_030.0),
    learned=LearnedLimit(60, 1_700_000_003.0),
    days={"2023-11-14": DayCount(9, 2, 1000, 200, 800, 7)},
)


def test_the_keys_are_those_of_the_file() -> None:
    assert FULL.to_json() == {
        "lastUsed": 1_700_000_000_500,
        "rateLimitResetAt": 1_700_000_060_000,
        "health": {"score": 61.5, "asOf": 1_700_000_001_000},
        "bucket": {"tokens": 12.25, "asOf": 1_700_000_002_000},
        "modelResets": {"coder": 1_700_000_900_000},
        "breaker": {"failures": 5, "openUntil": 1_700_000_030_000},
        "limits": {"requestsPerMinute": 60, "learnedAt": 1_700_000_003_000},
        "days": {
            "2023-11-14": {
                "requests": 9,
                "refused": 2,
                "inputTokens": 1000,
                "outputTokens": 200,
                "cachedTokens": 800,
                "served": 7,
            }
        },
    }


def test_what_was_written_reads_the_same() -> None:
    assert AccountRecord.from_json(FULL.to_json()) == FULL


def test_what_is_over_is_not_to_stand_in_the_file() -> None:
    assert AccountRecord().to_json() == {
        "breaker": None,
        "limits": None,
        "modelResets": {},
        "days": {},
    }


@example(2007)
@example(8_664_700_159_377)
@given(st.integers(1, 10**13))
def test_a_moment_that_goes_from_process_to_process_does_not_move(moment_ms: int) -> None:
    read = AccountRecord.from_json({"rateLimitResetAt": moment_ms})

    assert read.to_json()["rateLimitResetAt"] == moment_ms


def test_the_plugins_own_health_says_nothing_here_and_is_not_written_over() -> None:
    entry: dict[str, Any] = {"health": {"successCount": 3, "failureCount": 1}, "lastUsed": 0}

    assert AccountRecord.from_json(entry) == AccountRecord()
    assert "health" not in AccountRecord().to_json()


@pytest.mark.parametrize("wrong", [None, "x", True, -1, 1e300, float("nan"), [], {}, [1]])
@pytest.mark.parametrize("key", [*FULL.to_json()])
def test_what_is_wrong_is_as_if_it_were_not_there(key: str, wrong: Any) -> None:
    entry = {**FULL.to_json(), key: wrong}
    without = {name: value for name, value in entry.items() if name != key}

    assert AccountRecord.from_json(entry) == AccountRecord.from_json(without)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*FULL.to_json()]), json_values))
def test_nothing_in_the_file_is_too_strange(entry: dict[str, Any]) -> None:
    AccountRecord.from_json(AccountRecord.from_json(entry).to_json())


def test_the_latest_31_days_are_read() -> None:
    days: dict[str, Any] = {
        f"2026-{month:02}-{day:02}": {"requests": 1} for month in (1, 2) for day in range(1, 29)
    }

    read = AccountRecord.from_json({"days": {**days, "yesterday": {}}})
    assert sorted(read.days) == sorted(days)[-31:]
    assert days_to_forget({"days": days}) == sorted(days)[:-31]
