"""What the pool and its storage know of each other.

A store hands out snapshots: immutable, complete, and the same object as long as
nothing changed. Whoever holds one need not know where it came from; the JSON file
(``file.py``) is the one store there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from addon.accounts.account import Account
from addon.faults import Fault


class FaultKind(Enum):
    """Why there are no accounts, or none that are up to date."""

    MISSING = "missing"
    EMPTY = "empty"
    BROKEN = "broken"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class StoreFault:
    """Why the store as a whole does not give what it should; holds no credential."""

    kind: FaultKind
    message: str
    """A whole sentence or two, fit for a log line and for a client."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The accounts as the store last saw them, and what there is to say about them."""

    accounts: tuple[Account, ...] = ()
    """In file order. Beside a fault: those from before it, which may go on serving."""
    faults: tuple[Fault, ...] = ()
    """What is wrong with single entries, such as ``accounts[2].priority: must be an integer``."""
    warnings: tuple[str, ...] = ()
    """What the user should know, though the accounts can be used."""
    fault: StoreFault | None = None

    def news(self, before: Snapshot | None) -> tuple[str, ...]:
        """Lines to log that ``before`` did not hold already."""
        told = set(before.lines()) if before else set()
        return tuple(line for line in self.lines() if line not in told)

    def lines(self) -> tuple[str, ...]:
        """Everything there is to say, the gravest first."""
        gravest = (self.fault.message,) if self.fault else ()
        return (*gravest, *map(str, self.faults), *self.warnings)


class AccountStore(Protocol):
    """Where accounts are kept."""

    def load(self) -> Snapshot:
        """The accounts as they are now.

        Cheap where nothing changed: then it returns the very object of the last call.
        Never raises and never waits for another process: a fault is in the snapshot.
        """
