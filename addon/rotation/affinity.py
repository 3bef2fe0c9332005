"""Which account served a session last: its prompt cache is still warm.

Pure: time is passed in, in seconds (Unix).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MAX_SESSIONS: Final = 10_000
"""Clients name their sessions, so there has to be an end to them."""


@dataclass(frozen=True, slots=True)
class _LastServed:
    account_id: str
    at: float


class Sessions:
    """By session, the account that served it last, the most recent sessions only."""

    def __init__(self) -> None:
        self._last_served: dict[str, _LastServed] = {}

    def remember(self, session: str | None, account_id: str, now: float) -> None:
        """``account_id`` has just served ``session`` (None: the request named none)."""
        if session is None:
            return
        self._last_served.pop(session, None)
        self._last_served[session] = _LastServed(account_id, now)
        if len(self._last_served) > _MAX_SESSIONS:
            del self._last_served[next(iter(self._last_served))]

    def account_of(self, session: str | None, now: float, window_seconds: float) -> str | None:
        """The id of the account that served ``session`` within the last ``window_seconds``."""
        last = None if session is None else self._last_served.get(session)
        return None if last is None or now - last.at > window_seconds else last.account_id

    def set_back(self, seconds: float) -> None:
        """Move all that is remembered along with a clock that was set back."""
        self._last_served = {
            session: _LastServed(last.account_id, last.at - seconds)
            for session, last in self._last_served.items()
        }
