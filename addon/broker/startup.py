"""The broker over the user's accounts file: where the environment says that it is."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from addon.accounts.file import JsonFileStore
from addon.accounts.plugin import opencode_configs_beside, plugin_conflict
from addon.broker.broker import Broker
from addon.broker.policy import oauth_client_from
from addon.oauth import Refresher
from addon.settings import Settings, accounts_path

_log: Final = logging.getLogger(__name__)


def open_broker(settings: Settings, env: Mapping[str, str]) -> Broker:
    """A broker over the accounts file that ``env`` names.

    It is read at once, and what is wrong with it, or threatens it, is logged.
    """
    path = accounts_path(env, platform=sys.platform, home=Path.home())
    store = JsonFileStore(path)
    refresher = Refresher(store, oauth_client_from(settings))
    broker = Broker(store, settings, accounts_path=str(path), refresher=refresher)
    broker.reload()
    conflict = plugin_conflict(store.load().accounts, opencode_configs_beside(path))
    if conflict is not None:
        _log.warning("%s", conflict)
    return broker
