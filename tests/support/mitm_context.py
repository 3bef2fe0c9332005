"""mitmproxy's context for addons without a process, which leaves nothing behind.

mitmproxy's own leaves a log handler that asks for an event loop long closed: whatever is logged
afterwards in the same test process would fail. And of some versions the loop itself stays open.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mitmproxy.log import LegacyLogEvents
from mitmproxy.test import taddons


@contextmanager
def mitm_context(*addons: object) -> Iterator[taddons.context]:
    """A context with these addons in it."""
    context = taddons.context(*addons)
    loop = context.master.event_loop
    try:
        with context:
            yield context
    finally:
        if not loop.is_running() and not loop.is_closed():
            loop.close()
        root = logging.getLogger()
        for handler in [each for each in root.handlers if isinstance(each, LegacyLogEvents)]:
            root.removeHandler(handler)
