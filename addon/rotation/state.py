"""What is remembered of one account between requests, and what each outcome does to it.

The rules are those of the design's table "Bad weather". Kept by account id, so
it outlives the account's place in the file and its credential. Pure: time is
passed in, in seconds (Unix).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from addon.accounts.account import Account, ApiKeyCredential, OAuthCredential
from addon.rotation.backoff import RESTED, Backoff
from addon.rotation.breaker import CLOSED, Breaker
from addon.rotation.bucket import TokenBucket
from addon.rotation.health import MAX_SCORE, HealthScore
from addon.rotation.ledger import NOTHING, ONE_REFUSAL, ONE_REQUEST, DayCount, answer_of
from addon.rotation.moments import (
    LONGEST_REST_SECONDS,
    NEVER,
    next_midnight_in_beijing,
    quota_is_back_at,
    utc_day,
)
from addon.rotation.outcome import (
    ClientGone,
    Cut,
    Declined,
    Failed,
    LimitKind,
    Outcome,
    RateLimited,
    RequestRefused,
    Served,
    Unauthorized,
)
from addon.rotation.policy import HealthPolicy, Policy
from addon.rotation.prediction import Forecast
from addon.rotation.record import AccountRecord
from addon.rotation.recovery import WELL, Recovery
from addon.rotation.rejection import ACCEPTED, Rejection

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
    access: Access | None = None
    """What it goes to its upstream with now."""
    rejection: Rejection = ACCEPTED
    """Whether that was accepted."""
    backoff: Backoff = RESTED
    allocation: Backoff = RESTED
    """The same for refusals that may be of the minute or of the day."""
    breaker: Breaker = CLOSED
    recovery: Recovery = WELL
    forecast: Forecast = field(default_factory=Forecast)
    days: dict[str, DayCount] = field(default_factory=dict)
    """What it did that is not on disk yet …"""
    kept_days: Mapping[str, DayCount] = field(default_factory=dict)
    """… and what was on disk when that was last heard of, other processes' doings included."""
    next_start: float = NEVER
    """Before this moment no further request is to go out, where many come at once."""
    limit_reason: str = ""
    """What the upstream said at the last refusal because of a limit."""
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
        if access(account) != self.access:
            self.access = access(account)
            is_sign_in = isinstance(account.credential, OAuthCredential)
            self.rejection = self.rejection.for_another_token() if is_sign_in else ACCEPTED
        used_ms, reset_ms = account.last_used_ms, account.rate_limit_reset_at_ms
        # zero is how the plugin says never
        if used_ms and (before is None or used_ms != before.last_used_ms):
            self.last_used = max(self.last_used, min(used_ms / 1000, now))
        if reset_ms != (before.rate_limit_reset_at_ms if before else None):
            self._learn_of_rest(reset_ms, now)

    def _learn_of_rest(self, reset_ms: int | None, now: float) -> None:
        """Rest until then, as another process found out; None: somebody has ended the rest.

        What this process said itself may come back at any time, and means nothing.
        """
        if reset_ms is None:
            self.cooling_until, self.recovery = NEVER, WELL
        elif reset_ms != self.recorded_reset_ms:
            until = min(reset_ms / 1000, now + LONGEST_REST_SECONDS)
            if until > self.cooling_until:
                self._cool(None, until)
                self.limit_reason = ""

    def record(self, now: float) -> AccountRecord:
        """What is to be kept on disk: the same, and more, until ``keep`` says that it is."""
        self.model_cooling_until = self.models_cooling(now)
        record = AccountRecord(
            last_used=None if self.last_used == NEVER else self.last_used,
            cooling_until=None if self.cooling_until == NEVER else self.cooling_until,
            health=self.health,
            bucket=self.bucket,
            model_cooling_until=dict(self.model_cooling_until),
            breaker=self.breaker,
            learned=self.forecast.learned,
            days=dict(self.days),
        )
        self.recorded_reset_ms = record.rate_limit_reset_at_ms
        return record

    def keep(self, record: AccountRecord) -> None:
        """``record`` is on disk now: what it adds there need not be added again."""
        left = {day: count - record.days.get(day, NOTHING) for day, count in self.days.items()}
        self.days = {day: count for day, count in left.items() if count != NOTHING}

    def day(self, day: str) -> DayCount:
        """What it did on that day, as far as this process knows."""
        return self.kept_days.get(day, NOTHING) + self.days.get(day, NOTHING)

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
        self.breaker = record.breaker.under(policy.breaker, now)
        self.forecast.learned = record.learned
        self.kept_days = record.days

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

    def reason_to_rest(self, model: str | None, now: float) -> str:
        """What the upstream said, where a limit is why it may not be chosen for ``model`` now."""
        return self.limit_reason if self._cools_until(model) > now else ""

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

    def settle(self, outcome: Outcome, now: float, policy: Policy, jitter: float) -> None:
        """A request that went out on the account has come to its end.

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
            case ClientGone():
                self.bucket = self.bucket.after_return(policy.bucket)
            case Unauthorized() | RequestRefused() | Declined():
                pass
            case _:
                assert_never(outcome)
        if not isinstance(outcome, RateLimited):
            served = isinstance(outcome, Served)
            self.backoff = self.backoff.after_end(served=served)
            self.allocation = self.allocation.after_end(served=served)

    def show_credential(self, now: float) -> None:
        """The request that goes out will prove whether the credential is accepted."""
        self.rejection = self.rejection.after_start(now)

    def judge_credential(self, access: Access, outcome: Outcome, now: float) -> None:
        """The request that was to prove it, and went out by ``access``, has come to its end."""
        if access != self.access:
            return
        match outcome:
            case Served() | Cut():
                self.rejection = ACCEPTED
            case Unauthorized():
                self.rejection = self.rejection.after_refusal(now)
            case ClientGone():
                self.rejection = self.rejection.after_nothing(now)
            case _:
                pass

    def end_rest(self, now: float) -> None:
        """A person says that it serves again: what its upstream said before counts no more."""
        self.cooling_until, self.recovery, self.next_start = NEVER, WELL, NEVER
        self.model_cooling_until, self.limit_reason = {}, ""
        self.backoff = self.allocation = RESTED
        self.breaker = CLOSED
        self.rejection = self.rejection.to_be_probed(now)

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
        self.allocation = self.allocation.moved(seconds)
        self.breaker = self.breaker.moved(seconds)
        self.recovery = self.recovery.moved(seconds)
        self.rejection = self.rejection.moved(seconds)
        self.forecast.set_back(seconds)
        self.next_start -= seconds

    def _advance(self, now: float, policy: Policy) -> None:
        self.health = self.health_at(now, policy.health)
        self.bucket = self.bucket.at(now, policy.bucket)

    def _count(self, count: DayCount, now: float) -> None:
        day = utc_day(now)
        self.days[day] = self.days.get(day, NOTHING) + count

    def _break(self, outcome: Outcome, now: float, policy: Policy) -> None:
        """What ``outcome`` does to the breaker; an answer that broke off does nothing."""
        match outcome:
            case Failed():
                self.breaker = self.breaker.after_failure(now, policy.breaker)
            case ClientGone():
                self.breaker = self.breaker.after_nothing()
            case Served() | RateLimited() | Unauthorized() | RequestRefused() | Declined():
                self.breaker = self.breaker.after_answer()
            case Cut():
                pass
            case _:
                assert_never(outcome)

    def _limited(self, refusal: RateLimited, now: float, policy: Policy, jitter: float) -> None:
        self.limit_reason = refusal.reason
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
            seconds = self._begin_rest(refusal.kind, now, policy, jitter)
        self._cool(refusal.model, now + min(seconds, LONGEST_REST_SECONDS))

    def _begin_rest(self, kind: LimitKind, now: float, policy: Policy, jitter: float) -> float:
        """For how many seconds to rest where nobody said how long."""
        if kind is LimitKind.ALLOCATION:
            self.allocation = self.allocation.after_refusal(now, self.in_flight)
            day_ends_at = quota_is_back_at(now, next_midnight_in_beijing)
            return self.allocation.allocation_rest_seconds(day_ends_at - now)
        seconds = self.backoff.rest_seconds(policy.retry_strategy, jitter)
        if kind is LimitKind.RATE and policy.predicts_limits:
            seconds = min(seconds, self.forecast.seconds_until_room(now))
        return seconds

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
        case Served(usage):
            return answer_of(usage)
        case RateLimited() | Unauthorized() | RequestRefused() | Declined():
            return ONE_REFUSAL
        case _:
            return NOTHING
