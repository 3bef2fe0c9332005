"""What is known of the reasoning of earlier turns, for as long as the process lives.

When the addon's script changes, mitmproxy loads that anew and this module stays as it is:
what is remembered here outlasts a reload.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from addon.broker.startup import reasoning_key
from addon.translate.reasoning import ReasoningMemory, Recollection
from addon.translate.sealing import Seal

_ASKS_FOR_SEALS: Final = b"encrypted_content"


class Recollections:
    """One memory and one key for all requests."""

    def __init__(self) -> None:
        self._memory = ReasoningMemory()
        self._seal: Seal | None = None

    async def for_request(self, body: bytes) -> Recollection:
        """What a request may look up, and its answer add to.

        The key is looked for, and made, only once a client speaks of sealed reasoning.
        """
        if self._seal is None and _ASKS_FOR_SEALS in body:
            self._seal = Seal(await asyncio.to_thread(reasoning_key, os.environ))
        return Recollection(self._seal, self._memory)


RECOLLECTIONS: Final = Recollections()
