"""One account at its place in the file, and how it is doing.

Values only; times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from addon.accounts.account import Account
from addon.rotation.ledger import DayCount
from addon.rotation.moments import NEVER, utc_day
from addon.rotation.policy import Policy
from addon.rotation.state import AccountState
from addon.rotation.strategies import Grade, standing


@dataclass(frozen=True, slots=True)
class AccountView:
    """How one account is doing, for people and programs to look at. Times are Unix seconds."""

    id: str
    name: str
    enabled: bool
    priority: int
    needs_sign_in: bool
    """It has no credential that its upstream accepts."""
    refused_until: float | None
    """When a request will see whether its refused credential works again; None: it is not
    refused, or now."""
    health: float
    """0…100."""
    tokens: float
    in_flight: int
    cooling_until: float | None
    """None when it may be chosen, as far as its limits are concerned."""
    model_cooling_until: tuple[tuple[str, float], ...]
    """The models for which alone it is cooling down, and until when."""
    tripped_until: float | None
    """When its open breaker lets the next request through; None when that is not open."""
    failures: int
    """In a row, over requests, as its breaker counts them."""
    spent_until: float | None
    """Until when it is held back since it is just short of a limit; None when it is not."""
    requests_per_minute: int | None
    """The limit that was learned; None while it is not known."""
    limit_reason: str
    """What the upstream said, where a limit is why it may not be chosen; else empty."""
    grade: Grade
    """What it is good for at the moment."""
    last_used: float | None
    today: DayCount
    """What it did since 00:00 UTC."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One account at its position in the file."""

    position: int
    account: Account
    state: AccountState

    def needs_sign_in(self, now: float) -> bool:
        """Whether the account has no credential that its upstream would accept.

        A token that has expired is no matter: it is renewed before it is used.
        """
        return self.account.requires_reauth or self.state.rejection.stands(now)

    def view(self, now: float, policy: Policy) -> AccountView:
        """How the account is doing at ``now``."""
        account, state = self.account, self.state
        resting_until = max(state.cooling_until, state.recovery.shut_until)
        tripped_until, spent_until = state.breaker.shut_until, state.forecast.spent_until(now)
        learned = state.forecast.learned
        return AccountView(
            id=account.id,
            name=account.name,
            enabled=account.enabled,
            priority=account.priority,
            needs_sign_in=self.needs_sign_in(now),
            refused_until=state.rejection.until if state.rejection.stands(now) else None,
            health=state.health_at(now, policy.health).score,
            tokens=state.bucket.at(now, policy.bucket).tokens,
            in_flight=state.in_flight,
            cooling_until=resting_until if resting_until > now else None,
            model_cooling_until=tuple(sorted(state.models_cooling(now).items())),
            tripped_until=tripped_until if tripped_until > now else None,
            failures=state.breaker.failures,
            spent_until=spent_until if spent_until > now and policy.predicts_limits else None,
            requests_per_minute=learned.requests if learned and learned.holds(now) else None,
            limit_reason=state.reason_to_rest(None, now),
            grade=standing(state, now, policy).grade,
            last_used=state.last_used if state.last_used > NEVER else None,
            today=state.day(utc_day(now)),
        )
