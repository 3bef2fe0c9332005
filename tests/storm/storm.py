"""The storm: a thousand streams at once in all weathers, while the accounts come and go.

Clients ask, again and again, and one in some loses patience. What each request meets is drawn by
lot: served at once or slowly, or one of the faults. Meanwhile accounts are added and removed, the
tokens of others run out after seconds, some lead nowhere; once, the addon is loaded again.
It comes in two halves with a calm after each: what grew from the one calm to the other, leaks.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from addon.accounts.lock import locked
from tests.storm.clients import Client, Ending, Judge
from tests.storm.sky import Sky
from tests.storm.weather import (
    CHUNKED,
    FAULTS,
    LAST_CHUNK,
    Fault,
    Line,
    Place,
    Play,
    answer,
    chunked,
    error,
    says,
    whole,
)
from tests.support.accounts import api_key_account, write_accounts
from tests.support.chat import MODEL, Json
from tests.support.oauth_server import OAuthServer
from tests.support.proxy import SAFETY_SECONDS, Left, MitmProcess

OPTIONS: Final = {
    "flow_detail": "0",
    "qwen_connect_timeout_seconds": "5",
    "qwen_first_byte_timeout_seconds": "10",
    "qwen_idle_timeout_seconds": "10",
    "qwen_max_rate_limit_wait_seconds": "5",
}

TOKEN_SECONDS: Final = 5
"""So long is a token of a sign-in good."""

KEYS: Final = 20
SIGN_INS: Final = 4

SHARE_OF_FAULTS: Final = 0.3
SHARE_OF_SLOW: Final = 0.5
SHARE_OF_LEAVERS: Final = 0.2
LONGEST_PATIENCE_SECONDS: Final = 4.0

_LASTING: Final = ("401", "403", "429", "slow loris")
"""Names of faults begin so after which an account would be out for the rest of the storm, or that
take it too long."""


def serves_slowly(longest_pause: float) -> Play:
    """A whole answer, with pauses."""

    async def play(line: Line) -> bool:
        await line.say(CHUNKED)
        for piece in answer(line.marker):
            await asyncio.sleep(random.uniform(0, longest_pause))  # noqa: S311
            await line.say(chunked(piece))
        await line.say(LAST_CHUNK)
        return True

    return play


BUSY: Final = Fault(
    "busy for a second",
    says(whole(429, error("rate_limit_exceeded", "Slow."), "retry-after: 1"), stays=True),
)
DRAWN: Final = (
    BUSY,
    *(each for each in FAULTS if each.play and not each.name.startswith(_LASTING)),
)
LOST_PLACES: Final = (Place.CLOSED, Place.DEAF, Place.UNTRUSTED, Place.NAMELESS)


@dataclass(slots=True)
class Half:
    """What came of one half."""

    endings: Counter[Ending] = field(default_factory=Counter)
    refused_with: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    most_at_once: int = 0
    seconds: float = 0.0
    left: Left | None = None


@dataclass
class Storm:
    """The storm over a running proxy."""

    proxy: MitmProcess
    server: OAuthServer
    script: Path
    """What the proxy has loaded; touched, it is loaded again."""
    clients: int
    seconds: float
    """Of each half."""
    longest_pause: float
    """In a slow answer, in seconds."""
    chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311
    judge: Judge = field(default_factory=Judge)
    before: Left | None = None
    halves: list[Half] = field(default_factory=list)
    _serials: Iterator[int] = field(default_factory=itertools.count)
    _under_way: int = 0
    _slow: Fault = field(init=False)

    def __post_init__(self) -> None:
        self._slow = Fault("slow", serves_slowly(self.longest_pause))

    def choose(self, _token: str) -> Fault | None:
        """What a request meets, by lot."""
        drawn = self.chance.random()
        if drawn < SHARE_OF_FAULTS:
            return self.chance.choice(DRAWN)
        return self._slow if drawn < SHARE_OF_FAULTS + SHARE_OF_SLOW else None

    async def rage(self, sky: Sky) -> None:
        """Both halves; the addon is loaded again in the middle of the first."""
        await asyncio.to_thread(self._first_accounts, sky)
        self.before = await asyncio.to_thread(self.proxy.calm)
        for reloads in (True, False):
            half = Half()
            self.halves.append(half)
            began = time.monotonic()
            async with asyncio.TaskGroup() as group:
                changing = group.create_task(self._keep_changing(sky))
                if reloads:
                    group.create_task(self._reload())
                asking = [group.create_task(self._keep_asking(half)) for _ in range(self.clients)]
                await asyncio.wait(asking)
                changing.cancel()
            half.seconds = time.monotonic() - began
            half.left = await asyncio.to_thread(self.proxy.calm, self.before)

    # The clients

    async def _keep_asking(self, half: Half) -> None:
        over_at = time.monotonic() + self.seconds
        await asyncio.sleep(self.chance.uniform(0, min(5.0, self.seconds / 4)))
        while time.monotonic() < over_at:
            client = Client(self.proxy.ports[0])
            for _ in range(self.chance.randint(1, 3)):
                if time.monotonic() < over_at:
                    await self._ask(client, half)
            client.close()

    async def _ask(self, client: Client, half: Half) -> None:
        leaves = self.chance.random() < SHARE_OF_LEAVERS
        patience = self.chance.uniform(0, LONGEST_PATIENCE_SECONDS) if leaves else None
        marker, is_stream = f"marker-{next(self._serials)}", self.chance.random() < 0.9
        self._under_way += 1
        half.most_at_once = max(half.most_at_once, self._under_way)
        came = await client.ask(marker, MODEL, is_stream=is_stream, patience=patience)
        self._under_way -= 1
        verdict = self.judge.verdict(came)
        half.endings[verdict.ending] += 1
        if verdict.ending is Ending.REFUSED:
            half.refused_with[verdict.why] += 1
        elif verdict.ending is Ending.BROKEN:
            half.broken.append(f"{came.marker}: {verdict.why}")

    # The accounts, and the addon

    def _first_accounts(self, sky: Sky) -> None:
        entries = [self._key(sky.url(Place.PLAIN)) for _ in range(KEYS)]
        for number in range(SIGN_INS):
            sign_in = self.server.sign_in(f"person-{number}")
            entries.append(sign_in.entry(baseUrl=sky.url(Place.PLAIN)))
        self._edit(lambda _: entries)

    def _key(self, base_url: str) -> Json:
        serial = next(self._serials)
        key = f"sk-{serial:08}-the-key-of-an-account-in-a-storm"
        self.proxy.secrets.add(key)
        return api_key_account(key, base_url, id=f"key-{serial}")

    def _edit(self, change: Callable[[list[Json]], list[Json]]) -> None:
        path = self.proxy.accounts_file
        with locked(path, timeout_seconds=SAFETY_SECONDS):
            write_accounts(path, change(json.loads(path.read_text("utf-8"))["accounts"]))

    async def _keep_changing(self, sky: Sky) -> None:
        """A key goes and another comes, over and over; one in some leads nowhere."""
        while True:
            await asyncio.sleep(self.chance.uniform(0.2, 1.0))
            place = self.chance.choice(LOST_PLACES) if self.chance.random() < 0.2 else Place.PLAIN
            fresh = self._key(sky.url(place))
            gone = self.chance.randrange(KEYS)

            def change(entries: list[Json], fresh: Json = fresh, gone: int = gone) -> list[Json]:
                keys = [each for each in entries if "apiKey" in each]
                others = [each for each in entries if "apiKey" not in each]
                return [*keys[:gone], *keys[gone + 1 :], fresh, *others]

            await asyncio.to_thread(self._edit, change)

    async def _reload(self) -> None:
        await asyncio.sleep(self.seconds / 2)
        self.script.touch()

    # Afterwards

    def faults_found(self, sky: Sky) -> list[str]:
        """What did not come out as it must."""
        assert self.before is not None
        found = [*sky.faults]
        for number, half in enumerate(self.halves, 1):
            assert half.left is not None
            if half.broken:
                found.append(f"half {number}: {len(half.broken)} broken, as {half.broken[0]}")
            if not half.left.is_as_little_as(self.before):
                found.append(f"half {number} left behind: {half.left}, before {self.before}")
        first, second = (half.left for half in self.halves)
        assert first is not None
        assert second is not None
        if second.traced > first.traced + _MOST_TRACED:
            found.append(f"what Python holds grew from {first.traced} to {second.traced} bytes")
        if second.resident > first.resident + _MOST_RESIDENT:
            found.append(f"memory grew from {first.resident} to {second.resident} bytes")
        return found


_MOST_TRACED: Final = 2 * 2**20
"""Bytes by which the second half may end above the first: what is told of past requests is kept."""
_MOST_RESIDENT: Final = 24 * 2**20
"""The same of the whole process, whose allocator has a mind of its own."""
