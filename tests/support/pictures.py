"""The smallest picture that a client takes for one."""

from __future__ import annotations

import base64
from typing import Final

PIXEL_PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
)
"""One black pixel, as PNG."""
