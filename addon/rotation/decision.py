"""What a request asks of the pool, and what the pool can answer.

Values only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from addon.accounts.account import Account


@dataclass(frozen=True, slots=True)
class Needs:
    """What a request asks of its account."""

    model: str | None = None
    """As the client names it; None where the request names none."""
    session: str | None = None
    """The client's session: its prompt cache is warm where it was served last."""
    pid: int | None = None
    """The client's process id, where it can be known."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """This account is to serve."""

    account: Account


@dataclass(frozen=True, slots=True)
class Limited:
    """No account can serve now; some are cooling down."""

    free_at: float
    """When the first of them is through (Unix seconds)."""


@dataclass(frozen=True, slots=True)
class AllTried:
    """All that could serve were excluded, and none of them is cooling down."""


@dataclass(frozen=True, slots=True)
class NoneSignedIn:
    """All that may serve need a new sign-in, or a new key."""

    accounts: tuple[Account, ...]


class Lack(Enum):
    """Why no account could ever serve, whatever time may bring."""

    EMPTY = auto()
    """There is no account."""
    DISABLED = auto()
    """There are accounts; all are disabled."""
    MODEL = auto()
    """No enabled account may serve the model."""


@dataclass(frozen=True, slots=True)
class NoAccounts:
    """No account could ever serve."""

    lack: Lack
    models: tuple[str, ...] = ()
    """Where the model is what is lacking: those that the accounts do serve, sorted."""


Decision: TypeAlias = Chosen | Limited | AllTried | NoneSignedIn | NoAccounts
