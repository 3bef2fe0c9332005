"""How long an account rests that is limited for nobody knows how long.

Tiers with full jitter: each refusal in a row raises the tier, and somewhere within
the tier's length the account is asked again, so that those who were refused together
do not come back together. Pure: time (Unix seconds) and jitter are passed in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from addon.rotation.moments import NEVER
from addon.rotation.policy import RetryStrategy

TIERS_SECONDS: Final[Mapping[RetryStrategy, tuple[float, ...]]] = {
    RetryStrategy.AGGRESSIVE: (1, 2, 5, 10, 20, 30, 60),
    RetryStrategy.BALANCED: (2, 5, 10, 20, 30, 60, 120, 300),
    RetryStrategy.CONSERVATIVE: (5, 15, 30, 60, 120, 300, 600),
}
"""The longest rest after the first refusal in a row, the second, and so on; the last stays."""

ALLOCATION_TIERS_SECONDS: Final = (60.0, 300.0, 1800.0, 7200.0)
"""The rests where a limit may be of the minute or of the day. When an account has been refused
after each of them, it is the day's."""

COUNTED_ONCE_SECONDS: Final = 2.0
"""Refusals of one account within this time are one: its requests ran into the limit together."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How many refusals in a row there were, and when the last that counted was."""

    refusals: int = 0
    counted_at: float = NEVER
    still_out: int = 0
    """Requests that went out before the first of the row: what becomes of them says nothing."""

    def counts(self, now: float) -> bool:
        """Whether a refusal at ``now`` is more than another of those that counted already."""
        return now - self.counted_at >= COUNTED_ONCE_SECONDS

    def after_refusal(self, now: float, in_flight: int) -> Backoff:
        """After one more that counts, while so many other requests are out."""
        return Backoff(self.refusals + 1, now, self.still_out if self.refusals else in_flight)

    def after_end(self, *, served: bool) -> Backoff:
        """A request ended without a refusal: served, it ends the row, if it went out since.

        Which one it was is not known: those that were out are taken to end first.
        """
        if self.still_out:
            return Backoff(self.refusals, self.counted_at, self.still_out - 1)
        return Backoff(0, self.counted_at) if served else self

    def rest_seconds(self, strategy: RetryStrategy, jitter: float) -> float:
        """How long to rest now; ``jitter`` in [0, 1): 0 is the whole tier, near 1 hardly any."""
        tiers = TIERS_SECONDS[strategy]
        tier = min(max(self.refusals, 1), len(tiers)) - 1
        return tiers[tier] * (1 - jitter)

    def allocation_rest_seconds(self, day_ends_in_seconds: float) -> float:
        """How long to rest now where nobody knows whether it is for a minute or for the day.

        No jitter: an account asked again too early would seem to be refused for longer.
        """
        tiers = (*ALLOCATION_TIERS_SECONDS, math.inf)
        tier = min(max(self.refusals, 1), len(tiers)) - 1
        return min(tiers[tier], day_ends_in_seconds)

    def moved(self, seconds: float) -> Backoff:
        """The same, ``seconds`` earlier: the clock was set back."""
        return Backoff(self.refusals, self.counted_at - seconds, self.still_out)


RESTED: Final = Backoff()
"""Of an account that was never refused."""
