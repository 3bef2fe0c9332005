"""Statistics on their way to the store: at most once a second, and nobody waits for it.

What could not be written goes along with the next write. That writing fails is said
once; no request fails over it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from addon.accounts.store import State, StateChange, StoreError
from addon.broker.surroundings import Alarm, Surroundings

_log: Final = logging.getLogger(__name__)

_EVERY_SECONDS: Final = 1.0


class Source(Protocol):
    """Who knows what there is to write."""

    def changes(self) -> Mapping[str, StateChange]:
        """By account id, what is not written yet: the same again, and more, until ``saved``."""

    def saved(self, states: Mapping[str, State]) -> None:
        """The last ``changes`` were written, and this is what came of them."""


class WriteBehind:
    """Has changes gather, and writes them together."""

    def __init__(
        self,
        source: Source,
        save: Callable[[Mapping[str, StateChange]], Awaitable[Mapping[str, State]]],
        surroundings: Surroundings,
    ) -> None:
        """``save`` makes changes last and gives what came of them, or raises StoreError."""
        self._source = source
        self._save = save
        self._alarm = Alarm(surroundings, self._ring)
        self._writing: asyncio.Task[None] | None = None
        self._is_told = False
        """Whether it was said that writing fails."""

    def note(self) -> None:
        """Something may have changed: write it soon."""
        if not self._alarm.is_set:
            self._alarm.set(_EVERY_SECONDS)

    async def stop(self) -> None:
        """Write what is left, now."""
        self._alarm.clear()
        if self._writing is not None:
            await self._writing
        await self._write()

    def _ring(self) -> None:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        else:
            self.note()  # the disk is slow: one write at a time

    async def _write(self) -> None:
        # mitmproxy has tasks begin at once; this one must not end before it is noted
        await asyncio.sleep(0)
        changes = self._source.changes()
        try:
            if changes:
                self._source.saved(await self._save(changes))
        except StoreError as why:
            if not self._is_told:
                _log.warning("What is known of the accounts is not kept on disk: %s", why)
            self._is_told = True
        else:
            self._is_told = False
        finally:
            self._writing = None
