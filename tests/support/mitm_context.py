"""mitmproxy's context for addons without a process, which leaves nothing behind.

mitmproxy's own leaves a log handler that asks for an event loop long closed: whatever is logged
afterwards in the same test process would fail.
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
    try:
        with taddons.context(*addons) as context:
            yield context
    finally:
        root = logging.getLogger()
        for handler in [each for each in root.handlers if isinstance(each, LegacyLogEvents)]:
            root.removeHandler(handler)
