"""Whether the person sits in front of a browser that can be opened, and opening it.

One that would take over the terminal is none: the sign-in goes on there. Nor is one on a
machine that the person only reaches by SSH: nobody looks at it.
"""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

_REMOTE: Final = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")
_IN_THE_TERMINAL: Final = frozenset(
    {"www-browser", "links", "elinks", "lynx", "w3m", "browsh", "carbonyl"}
)

_PATIENCE_SECONDS: Final = 5.0
"""A browser that runs for longer than that is open."""


def has_browser(env: Mapping[str, str], platform: str) -> bool:
    """Whether a page can be opened where the person sees it, as far as ``env`` tells.

    ``$BROWSER`` goes before all else: editors that work over SSH set it to what opens
    pages at the person's end.
    """
    if env.get("BROWSER"):
        return True
    if any(map(env.get, _REMOTE)):
        return False
    return platform in ("darwin", "win32") or any(map(env.get, _DISPLAYS))


def open_page(url: str) -> bool:
    """Open ``url`` in this process's browser; whether that worked, as far as is known soon."""
    outcome: list[bool] = []
    # a daemon: the program need not wait for a browser that is still open at its end
    opening = threading.Thread(target=lambda: outcome.append(_open(url)), daemon=True)
    opening.start()
    opening.join(_PATIENCE_SECONDS)
    return outcome[0] if outcome else True


def _open(url: str) -> bool:
    try:
        browser = webbrowser.get()
        if PurePath(browser.name).name in _IN_THE_TERMINAL:
            return False
        return browser.open(url)
    except (webbrowser.Error, OSError):
        return False
