"""The broker over the user's accounts file: where the environment says that it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from addon.accounts.file import JsonFileStore
from addon.broker.broker import Broker
from addon.settings import Settings, accounts_path


def open_broker(settings: Settings, env: Mapping[str, str]) -> Broker:
    """A broker over the accounts file that ``env`` names; reads it, and logs what is wrong with it."""
    path = accounts_path(env, platform=sys.platform, home=Path.home())
    broker = Broker(JsonFileStore(path), settings, accounts_path=str(path))
    broker.reload()
    return broker
