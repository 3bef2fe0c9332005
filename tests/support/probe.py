"""A script that mitmproxy loads beside the addon: on SIGUSR1 it prints what the addon has open.

One line, ``books: {"exchanges": 0, "leases": 0, "waiting": 0}``, for ``MitmProcess.books`` to read.
It looks only, and takes part in no request.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import Final

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader

PREFIX: Final = "books: "


def load(_loader: Loader) -> None:
    """Begins to listen for the signal."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _tell)


def _tell() -> None:
    proxy = ctx.master.addons.get("qwenproxy")
    counts = {}
    if proxy is not None and (broker := proxy._broker) is not None:
        counts = {
            "exchanges": len([*proxy._exchanges]),
            "leases": broker.open_leases,
            "waiting": broker.waiting,
        }
    # in one piece: a thread may be writing to the log
    sys.stdout.write(f"{PREFIX}{json.dumps(counts)}\n")
    sys.stdout.flush()
