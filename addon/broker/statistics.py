"""What the pool knows, on its way to the store and back.

Several processes may keep statistics of the same accounts. So what goes to the store is
not how things stand, but what has changed since this process last kept them: counts as
what is to be added, moments that only rise, and of everything else no more than the keys
that are different. What the store has made of it comes back.

Nothing here waits or reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from addon.accounts.store import AtLeast, Change, Json, Plus, State, StateChange
from addon.rotation.pool import Pool
from addon.rotation.record import ADDED_UP, LATER_STAYS, AccountRecord, days_to_forget


class Statistics:
    """The pool's records, and what of them the store is known to have."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[str, State] = {}
        """By account id, the keys as this process read or wrote them last."""
        self._days_to_forget: dict[str, list[str]] = {}
        self._written: dict[str, AccountRecord] = {}
        """What was last handed out to be written."""

    def adopt(self, states: Mapping[str, State], new: Collection[str]) -> None:
        """The store has changed. Of the accounts in ``new`` the pool knows nothing yet."""
        for account_id, state in states.items():
            record = AccountRecord.from_json(state)
            if account_id in new:
                self._pool.restore(account_id, record)
                self._known[account_id] = record.to_json()
            self._hear(account_id, state, record)

    def changes(self) -> dict[str, StateChange]:
        """By account id, what is to be changed in the store: the same again until ``saved``."""
        self._written = {each: self._pool.record(each) for each in self._pool.dirty()}
        return {
            account_id: self._change(account_id, record.to_json())
            for account_id, record in self._written.items()
        }

    def saved(self, states: Mapping[str, State]) -> None:
        """The last ``changes`` were made; ``states`` is what is kept of those accounts now."""
        for account_id, state in states.items():
            record = self._written.pop(account_id)
            self._pool.keep(account_id, record)
            self._known[account_id] = record.to_json()
            self._hear(account_id, state, AccountRecord.from_json(state))

    def _hear(self, account_id: str, state: State, record: AccountRecord) -> None:
        self._pool.hear(account_id, record)
        self._days_to_forget[account_id] = days_to_forget(state)

    def _change(self, account_id: str, record: State) -> StateChange:
        known = self._known.get(account_id, {})
        change: dict[str, Change] = {}
        for key, value in record.items():
            if key in ADDED_UP:
                forgotten = self._days_to_forget.get(account_id, ())
                change[key] = {**dict.fromkeys(forgotten), **_each(value, Plus)}
            elif value != known.get(key):
                is_later = key in LATER_STAYS
                change[key] = _later(value, known.get(key)) if is_later else value
        return {key: each for key, each in change.items() if each != {}}


def _later(value: Json, known: Json) -> Change:
    """A moment, or a table of moments without those that are in ``known`` alone."""
    if isinstance(value, int):
        return AtLeast(value)
    before = known if isinstance(known, dict) else {}
    moments = _each(value, AtLeast)
    return {**dict.fromkeys(before.keys() - moments.keys()), **moments}


def _each(table: Json, change: Callable[[int], Change]) -> dict[str, Change]:
    """The table with a change in the place of each number that is not zero."""
    rows = table.items() if isinstance(table, dict) else ()
    return {
        name: change(value) if isinstance(value, int) else _each(value, change)
        for name, value in rows
        if value
    }
