"""What a request asks of the pool, and what the pool can answer.

Values only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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

    @property
    def proves_credential(self) -> bool:
        """Whether its end says something of the credential that it went out with.

        A request that names no model is for the list of models: some services ask for no
        credential there, some refuse every one.
        """
        return self.model is not None


@dataclass(frozen=True, slots=True)
class Chosen:
    """This account is to serve."""

    account: Account
    delay_seconds: float = 0.0
    """How long to wait before the request goes out, once the account is taken: others were
    sent to it a moment ago, and together they would throttle it."""


@dataclass(frozen=True, slots=True)
class Limited:
    """No account can serve now; some are cooling down, or left alone since they kept failing."""

    free_at: float
    """When the first of them is through (Unix seconds)."""
    reason: str = field(default="", compare=False)
    """What its upstream said when it refused it, if that is known."""


@dataclass(frozen=True, slots=True)
class AllTried:
    """All that could serve are excluded, now and as far as can be foreseen."""


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


@dataclass(frozen=True, slots=True)
class Pace:
    """A refused request is to wait for the very account that refused it: it will not be long."""

    seconds: float


Decision: TypeAlias = Chosen | Limited | AllTried | NoneSignedIn | NoAccounts
