"""How much of anything is shown, and the words for what is left out.

A view is made inside the event loop, on each click, and a browser has to show it.
"""

from __future__ import annotations

from typing import Final

ROOM: Final = 250_000
"""Characters of a whole view, but for the last item that begins within them."""

LONGEST_TEXT: Final = 20_000
"""Characters of one text in a conversation."""

_OF_HEAD: Final = 3 / 4
"""How much of a long text is shown from its beginning; the rest is its end."""

_KILO: Final = 1000


def shortened(text: str, longest: int) -> str:
    """``text``, or its beginning and its end with how much is left out between them."""
    left_out = len(text) - longest
    if left_out <= 0:
        return text
    head = int(longest * _OF_HEAD)
    return f"{text[:head]} … {left_out:,} characters left out … {text[head + left_out :]}"


def human_size(count: int) -> str:
    """``count`` bytes, in words."""
    if count < _KILO:
        return f"{count} {'byte' if count == 1 else 'bytes'}"
    size = float(count)
    for unit in ("kB", "MB"):
        size /= _KILO
        if size < _KILO:
            return f"{size:.1f} {unit}"
    return f"{size / _KILO:.1f} GB"
