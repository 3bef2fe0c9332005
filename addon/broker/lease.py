"""What a request holds while it is on its way. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field

from addon.accounts.account import Account


class LeaseNotOpen(RuntimeError):
    """A lease was settled that is settled already, or that this broker never gave: a bug."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One account, lent to one attempt of one request; settled exactly once."""

    id: int
    """Counts up from 1 while the broker lives."""
    account: Account
    """As it was when it was leased."""
    token: str = field(repr=False)
    """The bearer token: for the wire and nothing else."""
    base_url: str
    """Where the account's requests go, without a trailing slash."""
    upstream_model: str | None
    """What the upstream calls the model; None where the request names none."""
    taken_at: float
    """Unix seconds."""
    waited_seconds: float = 0.0
    """How long its request has waited in all for accounts that were limited."""
    is_renewed: bool = False
    """Whether its token is the answer to a 401: one more ends the account's part."""
