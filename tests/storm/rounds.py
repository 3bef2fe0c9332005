"""Every fault, many times over, with one healthy account among three.

In each round every fault has three accounts that never were: two that it befalls, tried first, and
one that serves. A handful of requests come at once, for a model that only these three know; so all
faults go on side by side in one process, whose pool lives on.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx2

from addon.accounts.lock import locked
from tests.storm.clients import Came, Client, Ending, Judge, Verdict, ask_over_http2
from tests.storm.http2 import FAULTS2
from tests.storm.sky import Sky
from tests.storm.weather import FAULTS, Credential, Expected, Fault, Place
from tests.support.accounts import write_accounts
from tests.support.chat import Json
from tests.support.oauth_server import OAuthServer
from tests.support.proxy import SAFETY_SECONDS, MitmProcess

EVERY_FAULT: Final = (*FAULTS, *FAULTS2)

OPTIONS: Final = {
    "flow_detail": "0",
    "qwen_connect_timeout_seconds": "3",
    "qwen_first_byte_timeout_seconds": "3",
    "qwen_idle_timeout_seconds": "3",
    "qwen_max_rate_limit_wait_seconds": "5",
}
"""Silence is found out soon; and still much later than a busy machine is silent."""

MOST_AT_ONCE: Final = 10
"""Requests for each fault in each round."""

FAULTS_AT_ONCE: Final = 8
"""Beside those that are silent, which cost nothing but their time."""

_ENDINGS: Final = {
    Expected.SERVED: {Ending.COMPLETED},
    Expected.FAILED: {Ending.COMPLETED, Ending.FAILED},
    Expected.REFUSED: {Ending.REFUSED},
}


@dataclass(slots=True)
class Tally:
    """What came of one fault."""

    requests: int = 0
    retried: int = 0
    """Those that it took more than one attempt to answer."""
    endings: Counter[Ending] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass
class Rounds:
    """The rounds on a running proxy."""

    proxy: MitmProcess
    server: OAuthServer
    judge: Judge = field(default_factory=Judge)
    faults: Sequence[Fault] = EVERY_FAULT
    tallies: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    _befalls: dict[str, Fault | None] = field(default_factory=dict)
    """By token."""
    _serials: Iterator[int] = field(default_factory=itertools.count)

    def choose(self, token: str) -> Fault | None:
        """What the request with ``token`` meets; one that was renewed is good."""
        if self.server.book.account_of(token) is not None:
            return None
        return self._befalls[token]

    async def play(self, sky: Sky, times: int) -> None:
        """Go on until each fault was met so many times."""
        while due := [each for each in self.faults if self.times(each, sky) < times]:
            await asyncio.to_thread(self._new_accounts, due, sky)
            places = asyncio.Semaphore(FAULTS_AT_ONCE)
            at_once = min(times, MOST_AT_ONCE)
            await asyncio.gather(*(self._one_round(fault, at_once, places) for fault in due))

    def times(self, fault: Fault, sky: Sky) -> int:
        """How often it was met; where no request arrives, the answers tell."""
        if fault.arrives:
            return sky.played[fault.name]
        tally = self.tallies[fault.name]
        return tally.requests if fault.has_expired else tally.retried

    def _new_accounts(self, faults: Sequence[Fault], sky: Sky) -> None:
        entries = [entry for fault in faults for entry in self._three(fault, sky)]
        path = self.proxy.accounts_file
        with locked(path, timeout_seconds=SAFETY_SECONDS):
            write_accounts(path, entries)

    def _three(self, fault: Fault, sky: Sky) -> Iterator[Json]:
        serial = next(self._serials)
        healthy = Place.HTTP2 if fault.place is Place.HTTP2 else Place.PLAIN
        for name, befalls in (("bad", fault), ("worse", fault), ("good", None)):
            yield {
                **self._credential(f"{name}-{serial:08}", befalls),
                "baseUrl": sky.url(healthy if befalls is None else fault.place),
                "label": name,
                "priority": 0 if befalls is None else -1,
                "models": [fault.model],
            }

    def _credential(self, name: str, befalls: Fault | None) -> Json:
        if befalls is None or befalls.credential is Credential.KEY:
            key = f"sk-{name}-the-key-of-an-account-in-a-storm"
            self._befalls[key] = befalls
            self.proxy.secrets.add(key)
            return {"id": name, "apiKey": key}
        sign_in = self.server.sign_in(name)
        if befalls.credential is Credential.ENDED:
            self.server.book.end_sign_in(name)
        token = f"dead-{name}-the-token-of-an-account-in-a-storm"
        self._befalls[token] = befalls
        self.proxy.secrets |= {token, sign_in.refresh_token}
        dead = {"accessToken": token}
        return sign_in.entry(**dead | ({"expires": 1_000} if befalls.has_expired else {}))

    async def _one_round(self, fault: Fault, at_once: int, places: asyncio.Semaphore) -> None:
        async with contextlib.nullcontext() if fault.is_silent else places:
            markers = [f"marker-{next(self._serials)}" for _ in range(at_once)]
            if fault.place is Place.HTTP2:
                # its upstream is spoken to in HTTP/2 only where the client is
                async with self._http2() as client:
                    asked = (ask_over_http2(client, marker, fault.model) for marker in markers)
                    all_came = await asyncio.gather(*asked)
            else:
                all_came = await asyncio.gather(*(self._ask(each, fault.model) for each in markers))
            for came in all_came:
                self._note(fault, came, self.judge.verdict(came))

    async def _ask(self, marker: str, model: str) -> Came:
        client = Client(self.proxy.ports[0])
        try:
            return await client.ask(marker, model)
        finally:
            client.close()

    def _http2(self) -> httpx2.AsyncClient:
        trusting = ssl.create_default_context(cafile=str(self.proxy.ca))
        proxy = f"http://127.0.0.1:{self.proxy.ports[1]}"
        transport = httpx2.AsyncHTTPTransport(verify=trusting, proxy=proxy, http1=False, http2=True)
        return httpx2.AsyncClient(transport=transport, timeout=SAFETY_SECONDS)

    def _note(self, fault: Fault, came: Came, verdict: Verdict) -> None:
        tally = self.tallies[fault.name]
        tally.requests += 1
        tally.retried += int(came.headers.get("x-qwen-attempts", 0)) > 1
        tally.endings[verdict.ending] += 1
        if verdict.ending not in _ENDINGS[fault.expected]:
            tally.wrong.append(f"{came.marker}: {verdict.ending} {verdict.why}")

    def faults_found(self, sky: Sky) -> list[str]:
        """What did not come out as it must."""
        found = [
            f"{name}: {len(tally.wrong)} of {tally.requests}, as {tally.wrong[0]}"
            for name, tally in self.tallies.items()
            if tally.wrong
        ]
        for fault in self.faults:
            failed, played = self.tallies[fault.name].endings[Ending.FAILED], sky.played[fault.name]
            # what was under way to the proxy may be lost with a connection that is reset
            is_right = 0 < failed <= played if "reset" in fault.name else failed == played
            if fault.expected is Expected.FAILED and not is_right:
                found.append(f"{fault.name}: played {played} times, {failed} clients saw it")
        return [*found, *sky.faults]
