"""Which accounts a request has been tried on, and whether it may go to another.

Limits, quotas and dead tokens are the accounts' own: the request goes on until an
account serves or none is left. Failures may be the request's: it is tried on a few
accounts only, so that it does not drag the whole pool down.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from addon.broker import Failed, Outcome, RateLimited, RequestRefused


@dataclass(slots=True)
class Attempts:
    """The attempts of one request so far."""

    count: int = 0
    failures: int = 0
    tried: frozenset[str] = frozenset()
    """Ids of the accounts that did not serve it."""
    limited: frozenset[str] = field(default_factory=frozenset)
    """Those among them that will serve it once their limit is over."""
    forgiven: frozenset[str] = field(default_factory=frozenset)
    """Those that it went back to after a pause."""

    def note(self, account_id: str, outcome: Outcome) -> None:
        """The attempt on the account ended with ``outcome``, without an answer."""
        self.tried |= {account_id}
        if isinstance(outcome, RateLimited):
            self.limited |= {account_id}
        elif isinstance(outcome, Failed):
            self.failures += 1

    def forgive(self, account_id: str) -> bool:
        """The account is to be asked once more, after a pause that it asked for; if it may be.

        Once a request: a service may ask for a short pause each time, for ever.
        """
        if account_id in self.forgiven:
            return False
        self.forgiven |= {account_id}
        self.tried -= {account_id}
        self.limited -= {account_id}
        return True

    def may_go_on_after(self, outcome: Outcome, max_failures: int) -> bool:
        """Whether another account may be asked after ``outcome``."""
        if isinstance(outcome, RequestRefused):
            return False
        return not isinstance(outcome, Failed) or self.failures < max_failures
