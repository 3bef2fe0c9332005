"""The proxy's live page as a browser asks for it: the page, its cookie, its news, its deeds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from tests.support.proxy import SAFETY_SECONDS, MitmProcess

OWN_HOST: Final = "http://qwen.internal"


@dataclass(slots=True)
class News:
    """What is heard, event by event."""

    head: httpx2.Response
    _lines: Iterator[str] = field(repr=False)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Name and data of each event (WHATWG HTML §9.2.6)."""
        fields: dict[str, str] = {}
        for line in self._lines:
            name, colon, value = line.partition(": ")
            if colon:
                fields[name] = value
            elif not line and "event" in fields:
                yield fields["event"], json.loads(fields["data"])
                fields = {}

    def until(self, name: str) -> Any:
        """The data of the next event of that name."""
        return next(data for event, data in self if event == name)


class Visitor:
    """A browser that has the live page open. A context manager."""

    def __init__(self, proxy: MitmProcess, *, through_it: bool = False) -> None:
        """Asks the reverse listener, or for ``qwen.internal`` through the HTTP proxy."""
        self.origin = OWN_HOST if through_it else proxy.url("reverse")
        self._client = httpx2.Client(
            base_url=self.origin,
            proxy=proxy.url("regular") if through_it else None,
            trust_env=False,
            timeout=SAFETY_SECONDS,
        )

    def __enter__(self) -> Self:
        """The page is loaded, and its cookie kept."""
        assert self.get("/_qwen/").status_code == httpx2.codes.OK
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self._client.get(path, headers=headers)

    def ask(self, method: str, path: str, **headers: str) -> httpx2.Response:
        return self._client.request(method, path, headers=headers)

    def do(
        self,
        deed: str,
        account: str = "",
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterator[bytes] | None = None,
    ) -> httpx2.Response:
        """What a button does; ``headers`` in the place of a browser's."""
        sent = {"origin": self.origin, "sec-fetch-site": "same-origin"}
        params = {"account": account} if account else {}
        path = f"/_qwen/do/{deed}"
        return self._client.post(path, params=params, headers=headers or sent, content=content)

    @contextmanager
    def news(self, **headers: str) -> Iterator[News]:
        """What the page hears, as long as the ``with`` lasts."""
        with self._client.stream("GET", "/_qwen/events", headers=headers) as answer:
            yield News(answer, answer.iter_lines())

    def forget_cookie(self) -> None:
        self._client.cookies.clear()

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self._client.cookies)

    @cookies.setter
    def cookies(self, cookies: Mapping[str, str]) -> None:
        self._client.cookies.clear()
        self._client.cookies.update(dict(cookies))
