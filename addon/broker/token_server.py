"""The OAuth server as the accounts share it: one that cannot be reached is left alone for all.

Each account's token is renewed by itself, and each renewal would wait in vain for the same
silent server; a request that tries one account after another would wait for the sum. So
once the server could not be reached, nobody asks it for a while, which grows with every
failure; then one goes to see. Whatever it answers, it is back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from addon.oauth import OAuthError, OAuthUnreachable, TokenEndpoint, TokenGrant

_FIRST_REST_SECONDS: Final = 5.0
_LONGEST_REST_SECONDS: Final = 60.0
"""After the first failure in a row, and at most; it doubles in between."""

_FAILURES_COUNTED: Final = 10
"""By then the rest has long been the longest."""


class TokenServer:
    """A TokenEndpoint that knows when there is no use in asking."""

    def __init__(self, endpoint: TokenEndpoint, clock: Callable[[], float]) -> None:
        """``endpoint`` is asked; ``clock`` gives Unix seconds."""
        self.reason = ""
        """Why it could not be reached."""
        self._endpoint = endpoint
        self._clock = clock
        self._failures = 0
        """In a row; of several that went out together, one."""
        self._rests_since = 0.0
        self._free_at = 0.0

    def free_at(self, now: float) -> float:
        """When it may be asked again (Unix seconds); in the past if it may."""
        return self._free_at if self.rests(now) else -math.inf

    def rests(self, now: float) -> bool:
        """Whether it is left alone at ``now``; not if the clock was set back meanwhile."""
        return self._rests_since <= now < self._free_at

    async def refresh(self, refresh_token: str) -> TokenGrant:
        """See TokenEndpoint. Raises OAuthUnreachable at once while the server is left alone."""
        now = self._clock()
        if self.rests(now):
            raise OAuthUnreachable(self.reason)
        if self._failures:
            self._rest(now)  # this one goes to see, and the others need not
        failures_before = self._failures
        try:
            grant = await self._endpoint.refresh(refresh_token)
        except OAuthUnreachable as why:
            if self._failures == failures_before:
                self._failures = min(self._failures + 1, _FAILURES_COUNTED)
            self.reason = str(why)
            self._rest(self._clock())
            raise
        except OAuthError:
            self._answered()
            raise
        self._answered()
        return grant

    def _rest(self, now: float) -> None:
        seconds = min(_FIRST_REST_SECONDS * 2 ** (self._failures - 1), _LONGEST_REST_SECONDS)
        self._rests_since, self._free_at = now, now + seconds

    def _answered(self) -> None:
        self._failures, self._free_at = 0, 0.0
