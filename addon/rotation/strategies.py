"""Where an account stands among those that may be chosen, by the strategy in force.

The hybrid score of an account is

    health * 2  +  tokens * 5  +  freshness * 0.1

with health in 0…100, tokens scaled so that a full bucket is 50 whatever its
size, and freshness the seconds since its last use, at most 3600. While nothing
happens to the account, each of the three is a ramp: it rises evenly until it
reaches its top. A score is therefore given together with the rate at which it
rises and the moment until which that rate holds. Accounts whose scores rise at
the same rate never overtake one another, and there are only eight rates (each
ramp rises or rests). ``lineup`` lives on that: it sorts once, not on every request.

For round-robin and sequential all accounts tie, and the order of the file
decides, from a starting point on: the turn that ``Turn`` remembers.

Pure: time is passed in, in seconds (Unix).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from addon.rotation.health import MAX_SCORE
from addon.rotation.policy import Policy, Strategy
from addon.rotation.state import AccountState

HEALTH_WEIGHT: Final = 2.0
TOKENS_WEIGHT: Final = 5.0
FRESHNESS_WEIGHT: Final = 0.1
FULL_BUCKET: Final = 50.0
"""What a full bucket counts in the score, whatever its size."""
FULLY_RESTED_SECONDS: Final = 3600.0
ONE_REQUEST: Final = 1.0
"""Tokens without which a bucket is as good as empty."""


class Grade(IntEnum):
    """What an account is good for at the moment. A worse one is taken when no better is left."""

    FIT = 0
    TIRED = 1
    """In poor health, or without a token."""
    SPENT = 2
    """Just short of the upstream's own limit: it would soon be refused."""
    FULL = 3
    """At that limit: it would be refused now."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an account stands, and until when that can be foreseen."""

    score: float = 0.0
    rises_per_second: float = 0.0
    grade: Grade = Grade.FIT
    in_flight: int = 0
    """Of two equal scores, fewer open requests come first …"""
    last_used: float = 0.0
    """… then the longest unused."""
    holds_until: float = math.inf


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it was last where accounts serve in file order."""

    account_id: str
    is_over: bool
    """Whether the next in file order is to follow."""


@dataclass(frozen=True, slots=True)
class _Ramp:
    """A quantity that rises evenly until it reaches its top."""

    value: float
    per_second: float
    top: float

    def rise(self) -> float:
        return self.per_second if self.value < self.top else 0.0

    def seconds_until(self, level: float) -> float:
        """How long until it climbs to ``level``; for ever if it is there or does not climb."""
        if self.value >= level or self.per_second <= 0:
            return math.inf
        return (level - self.value) / self.per_second


def standing(state: AccountState, now: float, policy: Policy) -> Standing:
    """Where the account stands at ``now`` by ``policy.strategy``."""
    where = _hybrid(state, now, policy) if policy.strategy is Strategy.HYBRID else Standing()
    if not policy.predicts_limits:
        return where
    spent_until, full_until = state.forecast.spent_until(now), state.forecast.full_until(now)
    if full_until > now:
        return replace(where, grade=Grade.FULL, holds_until=min(where.holds_until, full_until))
    if spent_until > now:
        return replace(where, grade=Grade.SPENT, holds_until=min(where.holds_until, spent_until))
    return where


def next_turn(account_id: str, strategy: Strategy) -> Turn | None:
    """The turn to remember once ``account_id`` was taken; None where order is by score."""
    match strategy:
        case Strategy.ROUND_ROBIN:
            return Turn(account_id, is_over=True)
        case Strategy.SEQUENTIAL:
            return Turn(account_id, is_over=False)
        case Strategy.HYBRID:
            return None


def _hybrid(state: AccountState, now: float, policy: Policy) -> Standing:
    max_tokens = policy.bucket.max_tokens
    health = _Ramp(
        state.health_at(now, policy.health).score,
        0.0 if state.in_flight else policy.health.recovery_rate_per_hour / 3600,
        MAX_SCORE,
    )
    tokens = _Ramp(
        state.bucket.at(now, policy.bucket).tokens,
        policy.bucket.regeneration_rate_per_minute / 60,
        max_tokens,
    )
    freshness = _Ramp(
        min(max(0.0, now - state.last_used), FULLY_RESTED_SECONDS), 1.0, FULLY_RESTED_SECONDS
    )
    per_token = TOKENS_WEIGHT * FULL_BUCKET / max_tokens
    is_tired = health.value < policy.health.min_usable or tokens.value < ONE_REQUEST
    changes_in = min(
        health.seconds_until(policy.health.min_usable),
        health.seconds_until(health.top),
        tokens.seconds_until(ONE_REQUEST),
        tokens.seconds_until(tokens.top),
        freshness.seconds_until(freshness.top),
    )
    return Standing(
        score=health.value * HEALTH_WEIGHT
        + tokens.value * per_token
        + freshness.value * FRESHNESS_WEIGHT,
        rises_per_second=health.rise() * HEALTH_WEIGHT
        + tokens.rise() * per_token
        + freshness.rise() * FRESHNESS_WEIGHT,
        grade=Grade.TIRED if is_tired else Grade.FIT,
        in_flight=state.in_flight,
        last_used=state.last_used,
        holds_until=now + changes_in,
    )
