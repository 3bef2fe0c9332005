"""A script that mitmproxy loads beside the addon: on SIGUSR1 it prints what the addon has open.

One line, ``books: {"exchanges": 0, "leases": 0, "waiting": 0}``, for ``MitmProcess.books`` to read.
On SIGUSR2 it takes out Python's rubbish and prints what is left after it: which objects of a
request are alive, how many tasks and open files there are, and how much memory that takes.
It looks only, and takes part in no request.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader

PREFIX: Final = "books: "
LEFT_PREFIX: Final = "left: "
TRACES: Final = "PROBE_TRACES"
"""In the environment: Python counts what it allocates from now on, which makes it slow."""

_COUNTED: Final = {
    "exchanges": "Exchange",
    "leases": "Lease",
    "flows": "HTTPFlow",
    "streams": "InstalledStream",
    "connections": "ProxyConnectionHandler",
}
"""By their names: whose they are is not asked, so that they are found after a reload too."""


def load(_loader: Loader) -> None:
    """Begins to listen for the signal."""
    if TRACES in os.environ:
        tracemalloc.start()  # no earlier: what is loaded once is not of interest, and takes long
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, _tell)
    loop.add_signal_handler(signal.SIGUSR2, _tell_what_is_left)


def _tell() -> None:
    proxy = ctx.master.addons.get("qwenproxy")
    counts = {}
    if proxy is not None and (broker := proxy._broker) is not None:
        counts = {
            "exchanges": len([*proxy._exchanges]),
            "leases": broker.open_leases,
            "waiting": broker.waiting,
        }
    _say(PREFIX, counts)


def _tell_what_is_left() -> None:
    gc.collect()
    alive = Counter(type(each).__name__ for each in gc.get_objects())
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    _say(
        LEFT_PREFIX,
        {name: alive[kind] for name, kind in _COUNTED.items()}
        | {
            "tasks": sorted(
                getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()
            ),
            "files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - names are all
            "resident": pages * os.sysconf("SC_PAGE_SIZE"),
            "traced": tracemalloc.get_traced_memory()[0],
        },
    )


def _say(prefix: str, counts: Mapping[str, object]) -> None:
    # in one piece: a thread may be writing to the log
    sys.stdout.write(f"{prefix}{json.dumps(counts)}\n")
    sys.stdout.flush()
