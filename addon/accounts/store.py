"""What storage is to those who use it: to the broker, and to the refresh of tokens.

A store hands out snapshots: immutable, complete, and the same object as long as
nothing changed. What is precious (credentials) and what is not (statistics) are
written by different calls. Whoever holds a store need not know where it keeps
things; the JSON file (``file.py``) is the one store there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol, TypeAlias

from addon.accounts.account import Account, OAuthCredential
from addon.faults import Fault

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

State: TypeAlias = Mapping[str, Json]
"""Statistics of one account as they are kept; what they mean is the business of who keeps them."""


@dataclass(frozen=True, slots=True)
class Plus:
    """A number to be added to the one that is there; what is no number counts as zero."""

    count: int


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A number that takes the place of a smaller one, and of what is no number."""

    number: int


Change: TypeAlias = "Json | Plus | AtLeast | Mapping[str, Change]"

StateChange: TypeAlias = Mapping[str, Change]
"""What is to become of one account's statistics.

An object is merged into the one that is there, key by key, at any depth. Its leaves are
changes of one number or value each, which need nothing but that one: Plus, AtLeast,
another value to put there, or None to remove what is there. So several processes may
change the same account at once, in any order, and none takes away what another counted.
"""


class StoreError(Exception):
    """The store cannot do what it was asked; the message says why and holds no credential."""


class FaultKind(Enum):
    """Why there are no accounts, or none that are up to date."""

    MISSING = "missing"
    EMPTY = "empty"
    BROKEN = "broken"
    UNREADABLE = "unreadable"


_OUT_OF_REACH: Final = frozenset((FaultKind.BROKEN, FaultKind.UNREADABLE))
"""There may be accounts, but nobody can tell."""


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

    def troubles(self) -> tuple[str, ...]:
        """What a person should know beside the accounts; that there are none shows by itself."""
        is_out_of_reach = self.fault is not None and self.fault.kind in _OUT_OF_REACH
        gravest = (self.fault.message,) if self.fault is not None and is_out_of_reach else ()
        return (*gravest, *(f"Left out: {fault}" for fault in self.faults), *self.warnings)


class AccountStore(Protocol):
    """Where accounts are kept, as the broker sees it."""

    def load(self) -> Snapshot:
        """The accounts as they are now.

        Cheap where nothing changed: then it returns the very object of the last call.
        What ``save_state`` wrote counts as no change. Never raises and never waits for
        another process: a fault is in the snapshot.
        """

    def states(self) -> Mapping[str, State]:
        """By account id, the statistics that stood there when the accounts were last read.

        Other people's keys are among them.
        """

    async def save_state(self, changes: Mapping[str, StateChange]) -> Mapping[str, State]:
        """Change statistics, by account id, all or none of them; gives what is there then.

        An account that is not there is passed over, and not among what is given. Raises
        StoreError, and ValueError for a key that is no statistic but the user's own.
        """

    async def set_enabled(self, account_id: str, *, enabled: bool) -> Account | None:
        """Have the account used, or not. Gives it as it then is, None if it is gone.

        Raises StoreError.
        """

    async def keep_sign_in(
        self, credential: OAuthCredential, *, meant: str | None, now_ms: int
    ) -> Account:
        """Keep a sign-in that has just been made; it outlasts a crash once this returns.

        It goes to the account that it is known to be of, else to the one whose id is ``meant``,
        else to a new one. Gives that account. Raises StoreError.
        """


class CredentialStore(Protocol):
    """Where credentials are kept, as the refresh of tokens sees it."""

    def refreshing(self, account_id: str) -> AbstractAsyncContextManager[None]:
        """Held by one at a time, of all processes and machines that share the store.

        Entering waits for the one who holds it. Raises StoreError where that takes too
        long, or where nothing could be written afterwards.
        """

    async def current(self, account_id: str) -> Account | None:
        """The account as it is this moment, None if there is none. Raises StoreError.

        To be called while ``refreshing``, as are the next two. What ``renewed`` could not
        put in its place before, it puts there first.
        """

    async def renewed(
        self, account_id: str, spent: OAuthCredential, fresh: OAuthCredential
    ) -> Account | None:
        """Put ``fresh`` in the place of ``spent``; it outlasts a crash once this returns.

        Where another credential has taken that place meanwhile, it stays. Gives the account
        as it then is, None if it is gone. Raises StoreError; then ``fresh`` is not lost, and
        the next call of ``current`` goes on from here.
        """

    async def mark_requires_reauth(
        self, account_id: str, credential: OAuthCredential
    ) -> Account | None:
        """Note that the account needs a new sign-in, if it still has ``credential``.

        Gives the account as it then is, None if it is gone. Raises StoreError.
        """
