"""Statistics on their way to the store: at most once a second, and nobody waits for it.

What could not be written goes along with the next write. That writing fails is said
once; no request fails over it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from addon.accounts.store import State, StoreError
from addon.broker.surroundings import Alarm, Surroundings

_log: Final = logging.getLogger(__name__)

_EVERY_SECONDS: Final = 1.0


class WriteBehind:
    """Gathers changes, and writes them together."""

    def __init__(
        self,
        changes: Callable[[], Mapping[str, State]],
        save: Callable[[Mapping[str, State]], Awaitable[None]],
        surroundings: Surroundings,
    ) -> None:
        """``changes`` gives, by account id, what has changed since it was last asked.

        ``save`` keeps it, or raises StoreError.
        """
        self._changes = changes
        self._save = save
        self._alarm = Alarm(surroundings, self._ring)
        self._unsaved: dict[str, State] = {}
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
        self._unsaved.update(self._changes())
        try:
            if self._unsaved:
                await self._save(self._unsaved)
        except StoreError as why:
            if not self._is_told:
                _log.warning("What is known of the accounts is not kept on disk: %s", why)
            self._is_told = True
        else:
            self._is_told = False
            self._unsaved = {}
        finally:
            self._writing = None
