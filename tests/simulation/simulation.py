"""An hour of requests against accounts with true limits, in about a second.

The pool is the real one; the upstreams, the clients and the clock are simulated, and
chance comes from a seed: the same scenario always ends the same. What the broker does
is done here in its simplest form: fall over to the next account, wait in order when
all are limited, give up when that takes too long.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from addon.accounts.account import Account, ApiKeyCredential
from addon.rotation.decision import Chosen, Limited, Needs
from addon.rotation.outcome import RateLimited, Served
from addon.rotation.policy import Policy
from addon.rotation.pool import Pool
from tests.simulation.upstreams import Limiter, Window, limiter

REFUSED_AFTER_SECONDS = 0.2
ANSWERED_AFTER_SECONDS = 6.0
"""On average."""
CLOCK_STARTS_AT = 1_700_000_000.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to be played."""

    limits: tuple[int, ...]
    """Each account's true limit, in requests a minute."""
    load: float
    """Requests a minute, at random moments."""
    policy: Policy = field(default_factory=Policy)
    window: Window = Window.SLIDING
    says_when: bool = True
    """Whether a refusal comes with ``retry-after``."""
    sessions: int = 8
    """Clients at work; each request is of one of them."""
    seconds: float = 3600.0
    patience_seconds: float = 300.0
    seed: int = 1


@dataclass(slots=True)
class Result:
    """What came of it."""

    requests: int = 0
    served: int = 0
    given_up: int = 0
    """Answered with 429, since waiting would have taken too long."""
    refused: int = 0
    """429s of upstreams: requests that had to go on to another account, or wait."""
    waits: list[float] = field(default_factory=list)
    """How long each request that waited did so."""
    warm: int = 0
    """Requests served by the account that served their session last."""
    by_account: Counter[str] = field(default_factory=Counter)

    def spread(self, limits: Iterable[int]) -> tuple[float, float]:
        """How much of its limit the least and the most used account used, as shares of one.

        Relative to the mean over all, so that 1.0 is even.
        """
        used = [self.by_account[f"a{index}"] / limit for index, limit in enumerate(limits)]
        mean = sum(used) / len(used) or 1.0
        return min(used) / mean, max(used) / mean


@dataclass(slots=True, eq=False)
class _Request:
    needs: Needs
    arrived_at: float
    refused_by: set[str] = field(default_factory=set)
    waits_since: float | None = None


class Simulation:
    """One scenario, being played."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        # Arrivals draw from a chance of their own: what the pool does must not change the load.
        self._arrivals = random.Random(scenario.seed)  # noqa: S311 - chance, not a secret
        self._random = random.Random(scenario.seed)  # noqa: S311
        self._pool = Pool(scenario.policy)
        self._now = CLOCK_STARTS_AT
        self._upstreams: dict[str, Limiter] = {}
        accounts = []
        for index, limit in enumerate(scenario.limits):
            account = Account(f"a{index}", ApiKeyCredential(f"sk-{index}"))
            accounts.append(account)
            self._upstreams[account.id] = limiter(scenario.window, limit)
        self._pool.update_accounts(accounts, self._now)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._tickets = itertools.count()
        self._line: deque[_Request] = deque()
        self._rings_at: float | None = None
        self._last_account: dict[str, str] = {}
        self.result = Result()

    def play(self) -> Result:
        """Play the scenario to its end, the last request answered."""
        self._in(self._arrivals.expovariate(self._scenario.load / 60), self._arrive)
        while self._agenda:
            self._now, _, happen = heapq.heappop(self._agenda)
            happen()
        return self.result

    def _in(self, seconds: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self._now + seconds, next(self._tickets), happen))

    def _arrive(self) -> None:
        pause = self._arrivals.expovariate(self._scenario.load / 60)
        if self._now + pause < CLOCK_STARTS_AT + self._scenario.seconds:
            self._in(pause, self._arrive)
        self.result.requests += 1
        session = f"s{self._arrivals.randrange(self._scenario.sessions)}"
        request = _Request(Needs(model="qwen3-coder-plus", session=session), self._now)
        if self._line or not self._has_begun(request):
            request.waits_since = self._now
            self._line.append(request)
            self._serve_line()

    def _has_begun(self, request: _Request) -> bool:
        """Send the request out, if there is an account for it."""
        decision = self._pool.choose(request.needs, self._now, frozenset(request.refused_by))
        if not isinstance(decision, Chosen):
            return False
        if request.waits_since is not None:
            self.result.waits.append(self._now - request.waits_since)
            request.waits_since = None
        account = decision.account
        self._pool.take(account.id, request.needs, self._now)
        self._in(decision.delay_seconds, lambda: self._reach_upstream(request, account))
        return True

    def _reach_upstream(self, request: _Request, account: Account) -> None:
        if self._upstreams[account.id].admits(self._now - CLOCK_STARTS_AT):
            duration = self._random.expovariate(1 / ANSWERED_AFTER_SECONDS)
            self._in(duration, lambda: self._serve(request, account))
            return
        wait = self._upstreams[account.id].seconds_until_free(self._now - CLOCK_STARTS_AT)
        self._in(REFUSED_AFTER_SECONDS, lambda: self._refuse(request, account, wait))

    def _serve(self, request: _Request, account: Account) -> None:
        self._pool.settle(account, request.needs, Served(), self._now)
        session = request.needs.session or ""
        self.result.served += 1
        self.result.warm += self._last_account.get(session) == account.id
        self.result.by_account[account.id] += 1
        self._last_account[session] = account.id

    def _refuse(self, request: _Request, account: Account, wait: float) -> None:
        self.result.refused += 1
        seconds = max(1.0, round(wait + 0.5)) if self._scenario.says_when else None
        outcome = RateLimited(retry_after_seconds=seconds)
        jitter = self._random.random()
        self._pool.settle(account, request.needs, outcome, self._now, jitter=jitter)
        request.refused_by.add(account.id)
        if not self._has_begun(request):
            request.refused_by.clear()
            request.waits_since = self._now
            self._line.appendleft(request)
            self._serve_line()

    def _serve_line(self) -> None:
        """Let those in the line begin, first come, first served; then see to the next time."""
        while self._line and self._has_begun(self._line[0]):
            self._line.popleft()
        if not self._line:
            return
        decision = self._pool.choose(self._line[0].needs, self._now)
        free_at = decision.free_at if isinstance(decision, Limited) else self._now
        patience = self._scenario.patience_seconds
        while self._line and free_at > self._line[0].arrived_at + patience:
            self._line.popleft()
            self.result.given_up += 1
        if self._line and (self._rings_at is None or free_at < self._rings_at):
            self._rings_at = max(free_at, self._now + 0.001)
            self._in(self._rings_at - self._now, self._ring)

    def _ring(self) -> None:
        self._rings_at = None
        self._serve_line()
