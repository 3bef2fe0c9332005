"""How well an account has been doing, as one number from 0 to 100.

Pure: time is passed in, in seconds (Unix).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_SCORE: Final = 100.0


@dataclass(frozen=True, slots=True)
class HealthScore:
    """A score, and the moment for which it holds."""

    score: float
    as_of: float

    def at(self, now: float, recovery_rate_per_hour: float) -> HealthScore:
        """The score at ``now``, after recovering at that rate since ``as_of``.

        An account that is busy does not rest: its rate is 0. A ``now`` before
        ``as_of`` recovers nothing.
        """
        recovered = max(0.0, now - self.as_of) * recovery_rate_per_hour / 3600
        return HealthScore(min(MAX_SCORE, self.score + recovered), now)

    def changed_by(self, points: float) -> HealthScore:
        """The score after a reward or, below zero, a penalty; it never leaves 0…100."""
        return HealthScore(min(MAX_SCORE, max(0.0, self.score + points)), self.as_of)
