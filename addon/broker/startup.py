"""What the proxy needs of the user's own files: where the environment says that they are."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from addon.accounts.file import JsonFileStore
from addon.accounts.plugin import opencode_configs_beside, plugin_conflict
from addon.accounts.seal_key import seal_key_beside
from addon.broker.broker import Broker
from addon.broker.policy import oauth_client_from
from addon.oauth import Refresher
from addon.settings import Settings, accounts_path

_log: Final = logging.getLogger(__name__)

_reasoning_keys: Final[dict[Path, bytes]] = {}
"""By accounts file. One that is in memory only must stay the same, also when the addon's
script is loaded again."""

_opening: Final = threading.Lock()


def open_broker(settings: Settings, env: Mapping[str, str]) -> Broker:
    """A broker over the accounts file that ``env`` names.

    It is read at once, and what is wrong with it, or threatens it, is logged.
    """
    path = accounts_path_in(env)
    store = JsonFileStore(path)
    refresher = Refresher(store, oauth_client_from(settings))
    broker = Broker(store, settings, accounts_path=str(path), refresher=refresher)
    broker.reload()
    conflict = plugin_conflict(store.load().accounts, opencode_configs_beside(path))
    if conflict is not None:
        _log.warning("%s", conflict)
    return broker


def reasoning_key(env: Mapping[str, str]) -> bytes:
    """The key that seals reasoning, beside the accounts file that ``env`` names.

    It is the same for as long as the process lives, and made at the first call, should
    there be none; what is wrong with its file is logged then. The first call waits for
    the disk: make it in a thread.
    """
    path = accounts_path_in(env)
    with _opening:
        key = _reasoning_keys.get(path)
        if key is None:
            found = seal_key_beside(path)
            for warning in found.warnings:
                _log.warning("%s", warning)
            key = _reasoning_keys[path] = found.key
        return key


def accounts_path_in(env: Mapping[str, str]) -> Path:
    """The accounts file that ``env`` names, for this user on this machine."""
    return accounts_path(env, platform=sys.platform, home=Path.home())
