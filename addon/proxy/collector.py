"""Python's collector of cycles, spared what need not be looked at again and again."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Final

from mitmproxy import ctx

_FEW: Final = 8
"""Connections. Somebody may have waited for the proxy, and be there before it is all up."""


def spare_collector() -> Callable[[], None]:
    """Has Python's collector pass over what is there by now; the function it gives ends that.

    It would look through all modules of mitmproxy and ours every few thousand requests, and
    every stream would stand still meanwhile, for longer than most requests take.
    """
    server = ctx.master.addons.get("proxyserver")
    if server is not None and len(server.connections) > _FEW:
        # The script is loaded again: of all that is under way nothing would ever be let go.
        return lambda: None
    gc.collect()
    gc.freeze()
    return gc.unfreeze
