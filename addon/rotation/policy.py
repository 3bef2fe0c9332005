"""How accounts are to be chosen: the user's settings, as far as rotation needs them.

Values only. The defaults are those of the contract's table of options.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Strategy(StrEnum):
    """The order in which the accounts of one priority serve."""

    HYBRID = "hybrid"
    """The one that scores highest on health, tokens left and rest."""
    ROUND_ROBIN = "round-robin"
    """The next in file order on every request."""
    SEQUENTIAL = "sequential"
    """The same one until it is refused."""


class RetryStrategy(StrEnum):
    """How soon an account is asked again that is limited, for nobody knows how long."""

    AGGRESSIVE = "aggressive"
    """Within a second at first, within a minute later."""
    BALANCED = "balanced"
    """Within two seconds at first, within five minutes later."""
    CONSERVATIVE = "conservative"
    """Within five seconds at first, within ten minutes later."""


class RateLimitAction(StrEnum):
    """What a request does that its account refuses for a short while."""

    ROTATE = "rotate"
    """It goes to the next account at once."""
    PACE = "pace"
    """It waits for the same account, whose prompt cache is warm."""


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """What moves an account's health, which stays in 0…100."""

    initial: float = 70.0
    success_reward: float = 1.0
    rate_limit_penalty: float = -10.0
    failure_penalty: float = -20.0
    recovery_rate_per_hour: float = 2.0
    min_usable: float = 50.0
    """An account below this is taken only when no other is left."""


@dataclass(frozen=True, slots=True)
class BucketPolicy:
    """How many requests an account is thought good for, and how fast they come back."""

    max_tokens: float = 50.0
    regeneration_rate_per_minute: float = 6.0


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When an account that keeps failing is left alone."""

    failures: int = 5
    """So many in a row open the breaker."""
    probe_seconds: float = 30.0
    """How often an open breaker lets one request through, to see."""


@dataclass(frozen=True, slots=True)
class Policy:
    """All that a pool needs to know of the user's wishes."""

    strategy: Strategy = Strategy.HYBRID
    health: HealthPolicy = field(default_factory=HealthPolicy)
    bucket: BucketPolicy = field(default_factory=BucketPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    retry_strategy: RetryStrategy = RetryStrategy.BALANCED
    rate_limit_action: RateLimitAction = RateLimitAction.ROTATE
    predicts_limits: bool = True
    """Whether an account that is about to be refused is held back while others can serve."""
    session_affinity_bonus: float = 300.0
    """Points for the account that served this session last; 0 turns affinity off."""
    session_affinity_window_seconds: float = 300.0
    pid_offset: int | None = None
    """None: every process starts at the head of the file. Else the process id that
    stands in for a client's where that is not known."""
