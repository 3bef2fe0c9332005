"""The rest of an account whose credential its upstream does not accept.

As a rule only a person can mend that, with another key or sign-in. But services err, and
a key may work again once a bill is paid. So the account is left alone for a minute, then
for twice as long after each further refusal, up to a quarter of an hour; after each rest
one request goes to see. Nobody waits for that: the account counts as one that needs
another credential meanwhile. An answer ends it.

Pure: time is passed in, in seconds (Unix).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from addon.rotation.moments import NEVER

FIRST_REST_SECONDS: Final = 60.0
LONGEST_REST_SECONDS: Final = 15 * 60.0
PROBE_SECONDS: Final = 10.0
"""For so long nobody follows the one that went to see: a refusal is back by then."""

_MOST_COUNTED: Final = 10
"""By then the rest has long been the longest."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """How often the credential was refused in a row, and until when it is left alone."""

    times: int = 0
    until: float = NEVER
    is_probed: bool = False
    """Whether a request is out to see."""

    def stands(self, now: float) -> bool:
        """Whether no request is to go out with the credential."""
        return now < self.until

    @property
    def is_of_this_credential(self) -> bool:
        """Whether the one that the account has now was refused, not only those before it."""
        return self.until > NEVER

    def after_start(self, now: float) -> Rejection:
        """A request goes out: with a refused credential, it is the one that goes to see."""
        if not self.is_of_this_credential:
            return self
        return Rejection(self.times, now + PROBE_SECONDS, is_probed=True)

    def after_refusal(self, now: float) -> Rejection:
        """The credential was refused: once more, or by a request that went out before."""
        if self.stands(now) and not self.is_probed:
            return self
        rest_seconds = min(FIRST_REST_SECONDS * 2**self.times, LONGEST_REST_SECONDS)
        return Rejection(min(self.times + 1, _MOST_COUNTED), now + rest_seconds)

    def after_nothing(self, now: float) -> Rejection:
        """A request ended whose client had gone: if it was to see, let another."""
        return Rejection(self.times, now) if self.is_probed else self

    def to_be_probed(self, now: float) -> Rejection:
        """A person says that the credential works again: let a request see, at once."""
        return Rejection(self.times, min(self.until, now))

    def for_another_token(self) -> Rejection:
        """A sign-in has got another token: it may be used, and is not better for that."""
        return Rejection(self.times)

    def moved(self, seconds: float) -> Rejection:
        """The same, ``seconds`` earlier: the clock was set back."""
        return Rejection(self.times, self.until - seconds, self.is_probed)


ACCEPTED: Final = Rejection()
"""Of a credential that was never refused, or is accepted again."""
