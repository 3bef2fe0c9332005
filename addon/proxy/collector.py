"""Python's collector of cycles, spared what need not be looked at again and again."""

from __future__ import annotations

import gc
from collections.abc import Callable

from mitmproxy import ctx


def spare_collector() -> Callable[[], None]:
    """Has Python's collector pass over what is there by now; the function it gives ends that.

    It would look through all modules of mitmproxy and ours every few thousand requests, and
    every stream would stand still meanwhile, for longer than most requests take.
    """
    server = ctx.master.addons.get("proxyserver")
    if server is not None and server.connections:
        # The script is loaded again: of what is under way nothing would ever be let go.
        return lambda: None
    gc.collect()
    gc.freeze()
    return gc.unfreeze
