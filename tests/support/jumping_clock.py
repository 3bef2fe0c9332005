"""The addon with a wall clock that a test can set: an hour on by a signal, an hour back by another.

mitmproxy loads it as a script. Nothing else of time is touched: the monotonic clock goes on.
"""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Final

from mitmproxy.addonmanager import Loader

ON: Final = signal.SIGRTMIN
BACK: Final = signal.SIGRTMIN + 1
HOUR_SECONDS: Final = 3600.0

_real_time = time.time
_offset = 0.0


def _jumping_time() -> float:
    return _real_time() + _offset


def _jump(seconds: float) -> None:
    global _offset  # noqa: PLW0603 - there is one clock
    _offset += seconds


def load(_loader: Loader) -> None:
    """Begins to listen for the signals."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(ON, _jump, HOUR_SECONDS)
    loop.add_signal_handler(BACK, _jump, -HOUR_SECONDS)


time.time = _jumping_time  # before anything of the addon is loaded

from addon.proxy.addon import QwenProxy  # noqa: E402

addons = [QwenProxy()]
