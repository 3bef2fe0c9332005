"""The circuit breaker of an account: one that fails again and again is left alone for a while.

Closed, it lets everything through and counts failures in a row, over requests. At so
many it opens. An open one lets a single request through each time that a while has
passed (which others call half-open); the first answer closes it. So a breaker is two
numbers, and no timer. Pure: time is passed in, in seconds (Unix).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from addon.rotation.moments import NEVER
from addon.rotation.policy import BreakerPolicy


@dataclass(frozen=True, slots=True)
class Breaker:
    """Failures in a row, and the moment until which nothing is let through."""

    failures: int = 0
    shut_until: float = NEVER

    def after_failure(self, now: float, policy: BreakerPolicy) -> Breaker:
        """One failure more; the one that makes it too many opens the breaker."""
        failures = self.failures + 1
        is_open = failures >= policy.failures
        return Breaker(failures, now + policy.probe_seconds if is_open else NEVER)

    def after_start(self, now: float, policy: BreakerPolicy) -> Breaker:
        """A request goes out: through an open breaker it is the probe, and the next must wait."""
        if self.failures < policy.failures:
            return self
        return Breaker(self.failures, now + policy.probe_seconds)

    def after_answer(self) -> Breaker:
        """The upstream answered, with whatever: closed."""
        return CLOSED

    def after_nothing(self) -> Breaker:
        """A request ended that says nothing of the upstream: if it was the probe, let another."""
        return Breaker(self.failures)

    def under(self, policy: BreakerPolicy, now: float) -> Breaker:
        """The same once ``policy`` is in force, at ``now``: shut for no longer than that says."""
        if self.failures < policy.failures:
            return Breaker(self.failures)
        return Breaker(self.failures, min(self.shut_until, now + policy.probe_seconds))

    def moved(self, seconds: float) -> Breaker:
        """The same, ``seconds`` earlier: the clock was set back."""
        return Breaker(self.failures, self.shut_until - seconds)


CLOSED: Final = Breaker()
