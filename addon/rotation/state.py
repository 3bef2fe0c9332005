"""What is remembered of one account between requests, and what each outcome does to it.

The rules are those of the design's table "Bad weather". Kept by account id, so
it outlives the account's place in the file and its credential. Pure: time is
passed in, in seconds (Unix).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from addon.accounts.account import Account, ApiKeyCredential, OAuthCredential
from addon.rotation.bucket import TokenBucket
from addon.rotation.health import HealthScore
from addon.rotation.outcome import (
    ClientGone,
    Cut,
    Failed,
    Outcome,
    RateLimited,
    RequestRefused,
    Served,
    Unauthorized,
)
from addon.rotation.policy import HealthPolicy, Policy

NEVER: Final = -math.inf
"""The time of what has not happened."""

FORGOTTEN_AFTER_SECONDS: Final = 3600.0
"""How long after its last use an account that left the file is remembered."""

Access: TypeAlias = tuple[OAuthCredential | ApiKeyCredential, str | None]
"""A credential, and the base URL that the user gave for it: what an upstream accepts or not."""


def access(account: Account) -> Access:
    """What ``account`` goes to its upstream with."""
    return account.credential, account.base_url


@dataclass(slots=True)
class AccountState:
    """One account's standing with its upstream. Times are Unix seconds."""

    health: HealthScore
    bucket: TokenBucket
    last_used: float = NEVER
    in_flight: int = 0
    """Requests taken and not yet settled."""
    cooling_until: float = NEVER
    model_cooling_until: dict[str, float] = field(default_factory=dict)
    """By the model's name as clients send it, for refusals that were about one model."""
    refused: Access | None = None
    """The credential that the upstream did not accept, until the account gets another."""

    @classmethod
    def fresh(cls, now: float, policy: Policy) -> AccountState:
        """The state of an account that is met for the first time at ``now``."""
        return cls(
            HealthScore(policy.health.initial, now), TokenBucket(policy.bucket.max_tokens, now)
        )

    def learn(self, account: Account, before: Account | None, now: float) -> None:
        """Take over what the file now says of the account, ``before`` having been its last word.

        What the file merely repeats is no news: this process knows better.
        """
        used_ms, reset_ms = account.last_used_ms, account.rate_limit_reset_at_ms
        if used_ms is not None and (before is None or used_ms != before.last_used_ms):
            self.last_used = max(self.last_used, min(used_ms / 1000, now))
        if reset_ms != (before.rate_limit_reset_at_ms if before else None):
            self.cooling_until = NEVER if reset_ms is None else reset_ms / 1000

    def health_at(self, now: float, policy: HealthPolicy) -> HealthScore:
        """The health at ``now``: it recovers while no request is open."""
        return self.health.at(now, 0.0 if self.in_flight else policy.recovery_rate_per_hour)

    def free_at(self, model: str | None) -> float:
        """When the account is through with cooling for ``model``; in the past if it is not."""
        if model is None or not self.model_cooling_until:
            return self.cooling_until
        return max(self.cooling_until, self.model_cooling_until.get(model, NEVER))

    def is_worth_keeping(self, now: float) -> bool:
        """Whether anything is remembered that would matter if the account came back."""
        last = max(
            self.last_used + FORGOTTEN_AFTER_SECONDS,
            self.cooling_until,
            *self.model_cooling_until.values(),
        )
        return self.in_flight > 0 or last > now

    def take(self, now: float, policy: Policy) -> None:
        """A request goes out on the account."""
        self._advance(now, policy)
        self.bucket = self.bucket.after_take()
        self.last_used = now
        self.in_flight += 1

    def settle(self, access: Access, outcome: Outcome, now: float, policy: Policy) -> None:
        """A request that went out by ``access`` has come to its end.

        Raises ValueError if none is out.
        """
        if not self.in_flight:
            raise ValueError("no request of this account is open")
        self._advance(now, policy)
        self.in_flight -= 1
        match outcome:
            case Served():
                self.health = self.health.changed_by(policy.health.success_reward)
            case RateLimited():
                self.health = self.health.changed_by(policy.health.rate_limit_penalty)
                self._cool(outcome, now)
            case Failed() | Cut():
                self.health = self.health.changed_by(policy.health.failure_penalty)
            case Unauthorized():
                self.refused = access
            case ClientGone():
                self.bucket = self.bucket.after_return(policy.bucket)
            case RequestRefused():
                pass
            case _:
                assert_never(outcome)

    def set_back(self, seconds: float) -> None:
        """Move all that is remembered along with a clock that was set back."""
        self.health = HealthScore(self.health.score, self.health.as_of - seconds)
        self.bucket = TokenBucket(self.bucket.tokens, self.bucket.as_of - seconds)
        self.last_used -= seconds
        self.cooling_until -= seconds
        self.model_cooling_until = {
            model: until - seconds for model, until in self.model_cooling_until.items()
        }

    def _advance(self, now: float, policy: Policy) -> None:
        self.health = self.health_at(now, policy.health)
        self.bucket = self.bucket.at(now, policy.bucket)

    def _cool(self, refusal: RateLimited, now: float) -> None:
        """Rest until the upstream said it serves again; where it did not say, not at all."""
        if refusal.retry_after_seconds is None:
            return
        until = now + refusal.retry_after_seconds
        if refusal.model is None:
            self.cooling_until = max(self.cooling_until, until)
            return
        still = {name: time for name, time in self.model_cooling_until.items() if time > now}
        still[refusal.model] = max(still.get(refusal.model, NEVER), until)
        self.model_cooling_until = still
