"""A proxy that runs makes itself known, and tells how it does to whoever asks."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Final

from addon import __version__
from addon.accounts.running import Note, OwnNote, Place, this_machine
from addon.broker.broker import Broker
from addon.broker.startup import accounts_path_in
from addon.broker.status import Listener, ProxyStatus
from addon.settings import Settings

_log: Final = logging.getLogger(__name__)


class Presence:
    """This process, as others may know it. One for each start of the addon."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Nobody knows of it yet. ``env`` names the accounts file."""
        self._accounts_file = accounts_path_in(env)
        self._instance = uuid.uuid4().hex
        self._note = OwnNote(self._accounts_file, self._instance)
        self._started_at = time.time()
        self._listeners: tuple[Listener, ...] = ()

    def announce(self, listeners: Sequence[Listener]) -> None:
        """Say where it listens, from now on."""
        self._listeners = tuple(listeners)
        places = tuple(Place(each.mode, each.host, each.port) for each in listeners)
        try:
            self._note.leave(Note(self._instance, os.getpid(), this_machine(), places))
        except OSError as error:
            # Only `qwen-proxy status` misses it.
            _log.debug("This proxy could not leave a note of itself: %s", error.strerror)

    def withdraw(self) -> None:
        """It runs no more."""
        self._note.take_back()

    def status(self, broker: Broker, settings: Settings) -> ProxyStatus:
        """How this proxy does."""
        return ProxyStatus(
            instance=self._instance,
            pid=os.getpid(),
            version=__version__,
            mitmproxy=version("mitmproxy"),
            started_at_ms=int(self._started_at * 1000),
            now_ms=int(time.time() * 1000),
            accounts_file=str(self._accounts_file),
            strategy=settings.rotation_strategy,
            listeners=self._listeners,
            under_way=broker.open_leases,
            waiting=broker.waiting,
            accounts=broker.statuses(),
            troubles=broker.troubles(),
        )
