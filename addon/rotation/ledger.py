"""What an account did, counted by day.

Days are UTC days, ``YYYY-MM-DD``. Values only; which day it is is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from addon.rotation.outcome import Usage

DAYS_KEPT: Final = 31


@dataclass(frozen=True, slots=True)
class DayCount:
    """One account's day."""

    requests: int = 0
    """That went out, whatever became of them."""
    refused: int = 0
    """Of these, those that the upstream refused: limits, credentials, faults of the request."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of the input, those read from the prompt cache."""
    served: int = 0
    """Of the requests, those that were answered to the end."""

    def __add__(self, other: DayCount) -> DayCount:
        return DayCount(
            self.requests + other.requests,
            self.refused + other.refused,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.served + other.served,
        )

    def __sub__(self, other: DayCount) -> DayCount:
        return DayCount(
            self.requests - other.requests,
            self.refused - other.refused,
            self.input_tokens - other.input_tokens,
            self.output_tokens - other.output_tokens,
            self.cached_tokens - other.cached_tokens,
            self.served - other.served,
        )


NOTHING: Final = DayCount()
ONE_REQUEST: Final = DayCount(requests=1)
ONE_REFUSAL: Final = DayCount(refused=1)


def answer_of(usage: Usage | None) -> DayCount:
    """What one answer adds; its cost may be unknown."""
    if usage is None:
        return DayCount(served=1)
    return DayCount(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        served=1,
    )
