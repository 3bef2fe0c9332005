"""The token bucket of an account: each request takes one token, time brings them back.

It stands for the upstream's own limit, which is not known; so it informs the
choice and never forbids a request. Pure: time is passed in, in seconds (Unix).
"""

from __future__ import annotations

from dataclasses import dataclass

from addon.rotation.policy import BucketPolicy


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """What the bucket holds, and the moment for which that holds."""

    tokens: float
    as_of: float

    def at(self, now: float, policy: BucketPolicy) -> TokenBucket:
        """The bucket at ``now``, refilled since ``as_of`` up to its brim.

        A ``now`` before ``as_of`` brings nothing.
        """
        refilled = max(0.0, now - self.as_of) * policy.regeneration_rate_per_minute / 60
        return TokenBucket(min(policy.max_tokens, self.tokens + refilled), now)

    def after_take(self) -> TokenBucket:
        """With one token less; an empty bucket stays empty."""
        return TokenBucket(max(0.0, self.tokens - 1), self.as_of)

    def after_return(self, policy: BucketPolicy) -> TokenBucket:
        """With one token put back, for a request that is not to be charged."""
        return TokenBucket(min(policy.max_tokens, self.tokens + 1), self.as_of)
