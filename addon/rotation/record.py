"""What is kept of an account on disk, so that a restart forgets nothing that matters.

Its JSON stands beside the account's own keys in the accounts file. Times there are Unix
milliseconds, as everywhere in that file; here they are Unix seconds. Reading is
tolerant: statistics are not precious, so what is wrong is as if it were not there.
Several processes may keep records of one account: the tables of keys say how their words
go together. Values only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from addon.rotation.breaker import CLOSED, Breaker
from addon.rotation.bucket import TokenBucket
from addon.rotation.health import HealthScore
from addon.rotation.ledger import DAYS_KEPT, DayCount
from addon.rotation.moments import NEVER
from addon.rotation.prediction import LearnedLimit

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

LATER_STAYS: Final = frozenset({"lastUsed", "rateLimitResetAt", "modelResets"})
"""Moments: of what two processes say, the later one holds."""
RESTS: Final = ("rateLimitResetAt", "modelResets", "breaker")
"""What keeps an account from being chosen."""
ADDED_UP: Final = frozenset({"days"})
"""Counts: what each process says is what it has to add."""

_DIGITS: Final = 2
"""Of a millisecond: what a float of that size still tells apart in the year 2286."""
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """One account's statistics. None: the record does not say."""

    last_used: float | None = None
    cooling_until: float | None = None
    health: HealthScore | None = None
    bucket: TokenBucket | None = None
    model_cooling_until: Mapping[str, float] = field(default_factory=dict)
    breaker: Breaker = CLOSED
    learned: LearnedLimit | None = None
    days: Mapping[str, DayCount] = field(default_factory=dict)
    """What it did: where it was read, in all; where it is to be kept, what is to be added."""

    @property
    def rate_limit_reset_at_ms(self) -> int | None:
        """The end of the cooldown as the file will say it."""
        return None if self.cooling_until is None else _ms(self.cooling_until)

    def to_json(self) -> dict[str, Json]:
        """The keys as on disk; a null is for what is not to stand there."""
        entry: dict[str, Json] = {
            "breaker": _breaker_to_json(self.breaker),
            "limits": _learned_to_json(self.learned),
            "modelResets": {name: _ms(at) for name, at in self.model_cooling_until.items()},
            "days": {day: _day_to_json(count) for day, count in self.days.items()},
        }
        if self.last_used is not None:
            entry["lastUsed"] = _ms(self.last_used)
        if self.cooling_until is not None:
            entry["rateLimitResetAt"] = self.rate_limit_reset_at_ms
        if self.health is not None:
            entry["health"] = {
                "score": round(self.health.score, _DIGITS),
                "asOf": _ms(self.health.as_of),
            }
        if self.bucket is not None:
            entry["bucket"] = {
                "tokens": round(self.bucket.tokens, _DIGITS),
                "asOf": _ms(self.bucket.as_of),
            }
        return entry

    @classmethod
    def from_json(cls, entry: Mapping[str, Json]) -> AccountRecord:
        """What ``entry`` says under the keys of ``to_json``; other keys mean nothing here."""
        health, bucket = _table(entry, "health"), _table(entry, "bucket")
        score, health_as_of = _number(health.get("score")), _moment(health.get("asOf"))
        tokens, bucket_as_of = _number(bucket.get("tokens")), _moment(bucket.get("asOf"))
        resets = {name: _moment(at) for name, at in _table(entry, "modelResets").items()}
        return cls(
            last_used=_moment(entry.get("lastUsed")),
            cooling_until=_moment(entry.get("rateLimitResetAt")),
            health=HealthScore(score, health_as_of)
            if score is not None and health_as_of is not None
            else None,
            bucket=TokenBucket(tokens, bucket_as_of)
            if tokens is not None and bucket_as_of is not None
            else None,
            model_cooling_until={name: at for name, at in resets.items() if at is not None},
            breaker=_breaker_from_json(_table(entry, "breaker")),
            learned=_learned_from_json(_table(entry, "limits")),
            days=_days(_table(entry, "days")),
        )


def _breaker_to_json(breaker: Breaker) -> Json:
    if not breaker.failures:
        return None
    return {"failures": breaker.failures, "openUntil": _ms(breaker.shut_until)}


def _breaker_from_json(table: Mapping[str, Json]) -> Breaker:
    return Breaker(_count(table.get("failures")), _moment(table.get("openUntil")) or NEVER)


def _learned_to_json(learned: LearnedLimit | None) -> Json:
    if learned is None:
        return None
    return {"requestsPerMinute": learned.requests, "learnedAt": _ms(learned.learned_at)}


def _learned_from_json(table: Mapping[str, Json]) -> LearnedLimit | None:
    requests, learned_at = _count(table.get("requestsPerMinute")), _moment(table.get("learnedAt"))
    return LearnedLimit(requests, learned_at) if requests and learned_at else None


def days_to_forget(entry: Mapping[str, Json]) -> list[str]:
    """The days in ``entry`` that are too old to be kept."""
    return _days_in(_table(entry, "days"))[:-DAYS_KEPT]


def _days(table: Mapping[str, Json]) -> dict[str, DayCount]:
    return {day: _day_from_json(_table(table, day)) for day in _days_in(table)[-DAYS_KEPT:]}


def _days_in(table: Mapping[str, Json]) -> list[str]:
    return sorted(day for day in table if _DAY.fullmatch(day))


def _day_to_json(count: DayCount) -> dict[str, Json]:
    return {
        "requests": count.requests,
        "refused": count.refused,
        "inputTokens": count.input_tokens,
        "outputTokens": count.output_tokens,
        "cachedTokens": count.cached_tokens,
        "served": count.served,
    }


def _day_from_json(table: Mapping[str, Json]) -> DayCount:
    return DayCount(
        requests=_count(table.get("requests")),
        refused=_count(table.get("refused")),
        input_tokens=_count(table.get("inputTokens")),
        output_tokens=_count(table.get("outputTokens")),
        cached_tokens=_count(table.get("cachedTokens")),
        served=_count(table.get("served")),
    )


def _ms(moment: float) -> int | None:
    """Whole milliseconds, rounded up: nothing ends before its time.

    What was read comes out the same: else two processes that repeat each other's word
    would move it on and on.
    """
    return math.ceil(round(moment * 1000, _DIGITS)) if math.isfinite(moment) else None


def _moment(value: Json) -> float | None:
    """Milliseconds as seconds; zero and less stand for never in this file."""
    number = _number(value)
    return None if number is None or number <= 0 else number / 1000


def _count(value: Json) -> int:
    number = _number(value)
    return 0 if number is None else max(0, int(number))


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and abs(value) < 1e15 else None


def _table(entry: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}
