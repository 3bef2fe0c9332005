"""What is remembered of one account between requests, and what each outcome does to it.

The rules are those of the design's table "Bad weather". Kept by account id, so
it outlives the account's place in the file and its credential. Pure: time is
passed in, in seconds (Unix).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from addon.accounts.account import Account, ApiKeyCredential, OAuthCredential
from addon.rotation.backoff import RESTED, Backoff
from addon.rotation.breaker import CLOSED, Breaker
from addon.rotation.bucket import TokenBucket
from addon.rotation.health import MAX_SCORE, HealthScore
from addon.rotation.ledger import DAYS_KEPT, ONE_REFUSAL, ONE_REQUEST, DayCount, tokens_of
from addon.rotation.moments import LONGEST_REST_SECONDS, NEVER, utc_day
from addon.rotation.outcome import (
    ClientGone,
    Cut,
    Failed,
    LimitKind,
    Outcome,
    RateLimited,
    RequestRefused,
    Served,
    Unauthorized,
    Usage,
)
from addon.rotation.policy import HealthPolicy, Policy
from addon.rotation.prediction import Forecast
from addon.rotation.record import AccountRecord
from addon.rotation.recovery import WELL, Recovery

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
    backoff: Backoff = RESTED
    breaker: Breaker = CLOSED
    recovery: Recovery = WELL
    forecast: Forecast = field(default_factory=Forecast)
    days: dict[str, DayCount] = field(default_factory=dict)
    next_start: float = NEVER
    """Before this moment no further request is to go out, where many come at once."""
    recorded_reset_ms: int | None = None
    """The end of the cooldown as last recorded: the file may say it back to us."""

    @classmethod
    def fresh(cls, now: float, policy: Policy) -> AccountState:
        """The state of an account that is met for the first time at ``now``."""
        return cls(
            HealthScore(policy.health.initial, now), TokenBucket(policy.bucket.max_tokens, now)
        )

    # What the file says.

    def learn(self, account: Account, before: Account | None, now: float) -> None:
        """Take over what the file now says of the account, ``before`` having been its last word.

        What the file merely repeats is no news: this process knows better.
        """
        used_ms, reset_ms = account.last_used_ms, account.rate_limit_reset_at_ms
        if used_ms is not None and (before is None or used_ms != before.last_used_ms):
            self.last_used = max(self.last_used, min(used_ms / 1000, now))
        is_news = reset_ms != (before.rate_limit_reset_at_ms if before else None)
        if is_news and (reset_ms is None or reset_ms != self.recorded_reset_ms):
            self.cooling_until = NEVER if reset_ms is None else reset_ms / 1000
            self.recovery = Recovery.from_rest(self.cooling_until)

    def record(self, now: float) -> AccountRecord:
        """What is to be kept on disk. What lapsed is told once, and forgotten."""
        lapsed_models = {name for name, at in self.model_cooling_until.items() if at <= now}
        for name in lapsed_models:
            del self.model_cooling_until[name]
        lapsed_days = sorted(self.days)[:-DAYS_KEPT]
        for day in lapsed_days:
            del self.days[day]
        record = AccountRecord(
            last_used=None if self.last_used == NEVER else self.last_used,
            cooling_until=None if self.cooling_until == NEVER else self.cooling_until,
            health=self.health,
            bucket=self.bucket,
            model_cooling_until=dict(self.model_cooling_until),
            breaker=self.breaker,
            learned=self.forecast.learned,
            days=dict(self.days),
            lapsed_models=frozenset(lapsed_models),
            lapsed_days=frozenset(lapsed_days),
        )
        self.recorded_reset_ms = record.rate_limit_reset_at_ms
        return record

    def restore(self, record: AccountRecord, now: float, policy: Policy) -> None:
        """Go on from what was kept on disk, as far as it makes sense at ``now``."""
        latest_end = now + LONGEST_REST_SECONDS
        if record.last_used is not None:
            self.last_used = max(self.last_used, min(record.last_used, now))
        if record.cooling_until is not None:
            self.cooling_until = min(record.cooling_until, latest_end)
            self.recovery = Recovery.from_rest(self.cooling_until)
        if record.health is not None:
            score = min(MAX_SCORE, max(0.0, record.health.score))
            self.health = HealthScore(score, min(record.health.as_of, now))
        if record.bucket is not None:
            tokens = min(policy.bucket.max_tokens, max(0.0, record.bucket.tokens))
            self.bucket = TokenBucket(tokens, min(record.bucket.as_of, now))
        self.model_cooling_until |= {
            name: min(until, latest_end) for name, until in record.model_cooling_until.items()
        }
        probe_at = min(record.breaker.shut_until, now + policy.breaker.probe_seconds)
        self.breaker = Breaker(record.breaker.failures, probe_at)
        self.forecast.learned = record.learned
        self.days |= record.days

    # Questions.

    def health_at(self, now: float, policy: HealthPolicy) -> HealthScore:
        """The health at ``now``: it recovers while no request is open."""
        return self.health.at(now, 0.0 if self.in_flight else policy.recovery_rate_per_hour)

    @property
    def blocked_until(self) -> float:
        """When the account may be chosen again, whatever the model; in the past if it may."""
        return max(self.cooling_until, self.breaker.shut_until, self.recovery.shut_until)

    def free_at(self, model: str | None) -> float:
        """When the account may be chosen for ``model`` again; in the past if it may."""
        return max(self._cools_until(model), self.blocked_until)

    def models_cooling(self, now: float) -> dict[str, float]:
        """The models for which alone it is cooling down, and until when."""
        if not self.model_cooling_until:
            return {}
        return {name: until for name, until in self.model_cooling_until.items() if until > now}

    def is_worth_keeping(self, now: float) -> bool:
        """Whether anything is remembered that would matter if the account came back."""
        last = max(
            self.last_used + FORGOTTEN_AFTER_SECONDS,
            self.blocked_until,
            *self.model_cooling_until.values(),
        )
        return self.in_flight > 0 or last > now

    # What happens to it.

    def take(self, now: float, policy: Policy) -> None:
        """A request goes out on the account."""
        self._advance(now, policy)
        self.bucket = self.bucket.after_take()
        self.breaker = self.breaker.after_start(now, policy.breaker)
        self.recovery = self.recovery.after_start(now)
        self.forecast.start(now)
        self.last_used = now
        self.in_flight += 1
        self._count(ONE_REQUEST, now)

    def settle(
        self, access: Access, outcome: Outcome, now: float, policy: Policy, jitter: float
    ) -> None:
        """A request that went out by ``access`` has come to its end.

        ``jitter`` in [0, 1) spreads rests of unknown length.

        Raises ValueError if none is out.
        """
        if not self.in_flight:
            raise ValueError("no request of this account is open")
        self._advance(now, policy)
        self.in_flight -= 1
        self._count(_counted(outcome), now)
        self._break(outcome, now, policy)
        match outcome:
            case Served():
                self.health = self.health.changed_by(policy.health.success_reward)
                self.forecast.serve(now)
            case RateLimited():
                self._limited(outcome, now, policy, jitter)
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
        if not isinstance(outcome, RateLimited):
            self.backoff = self.backoff.after_end(served=isinstance(outcome, Served))

    def set_back(self, seconds: float) -> None:
        """Move all that is remembered along with a clock that was set back."""
        self.health = HealthScore(self.health.score, self.health.as_of - seconds)
        self.bucket = TokenBucket(self.bucket.tokens, self.bucket.as_of - seconds)
        self.last_used -= seconds
        self.cooling_until -= seconds
        self.model_cooling_until = {
            model: until - seconds for model, until in self.model_cooling_until.items()
        }
        self.backoff = self.backoff.moved(seconds)
        self.breaker = self.breaker.moved(seconds)
        self.recovery = self.recovery.moved(seconds)
        self.forecast.set_back(seconds)
        self.next_start -= seconds

    def _advance(self, now: float, policy: Policy) -> None:
        self.health = self.health_at(now, policy.health)
        self.bucket = self.bucket.at(now, policy.bucket)

    def _count(self, count: DayCount, now: float) -> None:
        day = utc_day(now)
        self.days[day] = self.days.get(day, DayCount()) + count

    def _break(self, outcome: Outcome, now: float, policy: Policy) -> None:
        """What ``outcome`` does to the breaker; an answer that broke off does nothing."""
        match outcome:
            case Failed():
                self.breaker = self.breaker.after_failure(now, policy.breaker)
            case ClientGone():
                self.breaker = self.breaker.after_nothing()
            case Served() | RateLimited() | Unauthorized() | RequestRefused():
                self.breaker = self.breaker.after_answer()
            case Cut():
                pass
            case _:
                assert_never(outcome)

    def _limited(self, refusal: RateLimited, now: float, policy: Policy, jitter: float) -> None:
        is_rate = refusal.kind is LimitKind.RATE
        if is_rate and self.backoff.counts(now):
            self.health = self.health.changed_by(policy.health.rate_limit_penalty)
            self.backoff = self.backoff.after_refusal(now, self.in_flight)
        # A later refusal in a row may be a penalty for the first.
        is_first = self.backoff.refusals == 1
        self.forecast.refuse(now, teaches=is_rate and is_first and refusal.model is None)
        seconds = refusal.retry_after_seconds
        if seconds is None:
            if self._cools_until(refusal.model) > now:
                return  # one of those that ran into the limit together, or went out before
            seconds = self.backoff.rest_seconds(policy.retry_strategy, jitter)
            if is_rate and policy.predicts_limits:
                seconds = min(seconds, self.forecast.seconds_until_room(now))
        self._cool(refusal.model, now + min(seconds, LONGEST_REST_SECONDS))

    def _cools_until(self, model: str | None) -> float:
        """The end of the cooldown itself, the last as it may be."""
        by_model = NEVER if model is None else self.model_cooling_until.get(model, NEVER)
        return max(self.cooling_until, by_model)

    def _cool(self, model: str | None, until: float) -> None:
        """Rest until then, for ``model`` alone if it is given."""
        if model is None:
            self.cooling_until = max(self.cooling_until, until)
            self.recovery = Recovery.from_rest(self.cooling_until)
        else:
            still = self.model_cooling_until.get(model, NEVER)
            self.model_cooling_until[model] = max(still, until)


def _counted(outcome: Outcome) -> DayCount:
    """What ``outcome`` adds to the day."""
    match outcome:
        case Served(Usage() as usage):
            return tokens_of(usage)
        case RateLimited() | Unauthorized() | RequestRefused():
            return ONE_REFUSAL
        case _:
            return DayCount()
