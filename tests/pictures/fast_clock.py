"""The addon in a time that passes sixty times as fast, and ends up at the present.

For a picture of a whole hour that need not be waited for. mitmproxy loads it as a script.
"""

from __future__ import annotations

import time
from typing import Final

SPEED: Final = 60.0
_HOUR_SECONDS: Final = 3600.0

_real_time = time.time
_began_at: Final = time.time()


def _fast_time() -> float:
    return _began_at - _HOUR_SECONDS + (_real_time() - _began_at) * SPEED


time.time = _fast_time  # before anything of the addon is loaded

from addon.proxy.addon import QwenProxy  # noqa: E402

addons = [QwenProxy()]
