"""What a live page that is open hears of: server-sent events (WHATWG HTML §9.2).

``proxy``     the status, whenever anything in it changes
``history``   the picture of the last hour, when a request has ended or a minute has passed
``requests``  the requests that have ended since, by number: who comes back after a break says
              which was the last
``sign-in``   how far a sign-in is, or null
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Final

from pydantic_core import to_json

from addon.broker.sign_in import SignInStage, SignInStatus
from addon.broker.status import ProxyStatus
from addon.proxy.pages.history import History

_LIFE_SECONDS: Final = 300.0
"""Then the page asks anew, which costs it nothing: so a client that has stopped reading, without
a word, does not have what it misses heaped up for ever."""
_LIFE_BYTES: Final = 16 * 1024 * 1024
"""The same for a proxy with so many accounts that every message is long."""
_SIGN_OF_LIFE_SECONDS: Final = 15.0


class News:
    """What one page hears of."""

    interval_seconds: float = 1.0

    def __init__(
        self,
        status: Callable[[], ProxyStatus],
        sign_in: Callable[[], SignInStatus | None],
        history: History,
        *,
        since: int,
        ended: Callable[[], object] = lambda: None,
    ) -> None:
        """``since`` is the number of the last request that the page knows of.

        ``ended`` is called once when it is over.
        """
        self._status = status
        self._sign_in = sign_in
        self._history = history
        self._known = since
        self._ended = ended
        self._told: dict[str, bytes] = {}
        """By event, what the page was told last."""
        self._pictured: tuple[int, int] | None = None
        self._began_at: float | None = None
        self._sent = 0
        """Bytes."""
        self._spoke_at = 0.0
        self._is_open = True

    def more(self, now: float) -> bytes | None:
        """See Feed."""
        begin = b"retry: 1000\n\n" if self._began_at is None else b""
        began_at = self._began_at = now if self._began_at is None else self._began_at
        # a clock that is set back is no reason to live longer
        is_old = abs(now - began_at) >= _LIFE_SECONDS or self._sent >= _LIFE_BYTES
        if is_old or not self._is_open:
            self.close()
            return None
        data = begin + self._proxy() + self._requests() + self._picture(now) + self._signing_in()
        if not data and abs(now - self._spoke_at) >= _SIGN_OF_LIFE_SECONDS:
            data = b":\n\n"
        if data:
            self._spoke_at = now
            self._sent += len(data)
        return data

    def close(self) -> None:
        """See Feed."""
        if self._is_open:
            self._is_open = False
            self._ended()

    def _proxy(self) -> bytes:
        status = self._status()
        told = status.model_dump_json(exclude={"now_ms"}).encode()
        return self._if_new("proxy", told, status.model_dump_json().encode())

    def _requests(self) -> bytes:
        new = self._history.since(self._known)
        if not new:
            return b""
        self._known = new[-1][0]
        told = [{"number": number, **asdict(ended)} for number, ended in new]
        return b"id: %d\n%b" % (self._known, _event("requests", to_json(told)))

    def _picture(self, now: float) -> bytes:
        as_of = (self._history.count, int(now // 60))
        if as_of == self._pictured:
            return b""
        self._pictured = as_of
        return _event("history", to_json(self._history.picture(now)))

    def _signing_in(self) -> bytes:
        status = self._sign_in()
        is_shown = status is not None and status.stage is SignInStage.WAITING
        code = qr_rows(status.page) if is_shown and status is not None else []
        told = to_json(asdict(status) | {"qr": code} if status is not None else None)
        return self._if_new("sign-in", told, told)

    def _if_new(self, name: str, told: bytes, data: bytes) -> bytes:
        if self._told.get(name) == told:
            return b""
        self._told[name] = told
        return _event(name, data)


def _event(name: str, data: bytes) -> bytes:
    """``data`` is JSON, which has no line breaks."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


def qr_rows(url: str) -> list[str]:
    """``url`` as a QR code (ISO/IEC 18004): rows of 1, dark, and 0."""
    import segno  # noqa: PLC0415 - few sign-ins need it

    return ["".join(map(str, row)) for row in segno.make_qr(url, error="l").matrix]
