"""Which accounts a request has been tried on, and whether it may go to another.

Limits, quotas and dead tokens are the accounts' own: the request goes on until an
account serves or none is left. Failures may be the request's: it is tried on a few
accounts only, so that it does not drag the whole pool down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from addon.broker import Failed, Outcome, RateLimited, RequestRefused

_MOST_KEPT: Final = 16
"""How many refusals a flow tells of: it is held in memory, and saved."""


@dataclass(frozen=True, slots=True)
class RefusedAttempt:
    """One attempt that was refused, as people may see it: no token is in here."""

    account: str
    """The account's name."""
    host: str
    """Whom it was sent to."""
    model: str | None
    """As it was sent; None where the request names none."""
    started_at: float
    """Unix seconds."""
    seconds: float
    status: int | None
    """None where no answer came at all."""
    code: str | None
    type: str | None
    reason: str
    """In the upstream's words, or in ours about the connection."""
    body: str
    """What the upstream answered, or its beginning."""


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
    refusals: int = 0
    refused: list[RefusedAttempt] = field(default_factory=list)
    """The first of the refusals, and the last."""

    def keep(self, refused: RefusedAttempt) -> None:
        """The attempt is to be told of when the request is over."""
        self.refusals += 1
        del self.refused[_MOST_KEPT - 1 :]
        self.refused.append(refused)

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
