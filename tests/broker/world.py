"""A broker in a world where time passes when the test says so."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import pytest

from addon.accounts.account import Account, ApiKeyCredential, OAuthCredential
from addon.accounts.entry import with_state
from addon.accounts.file import JsonFileStore
from addon.accounts.store import AccountStore, Snapshot, State, StateChange, StoreError
from addon.broker import Broker, Lease, Needs, Outcome, Served
from addon.broker.surroundings import Surroundings
from addon.errors import ApiError
from addon.oauth import TokenEndpoint, TokenGrant
from addon.settings import Settings
from tests.support.accounts import api_key_account, write_accounts

START: Final = 1_800_000_000.0
CODER: Final = Needs(model="coder")
KEY: Final = "sk-a-key-that-must-never-show"

T = TypeVar("T")


async def idle() -> None:
    """Let every task go on until it has to wait for something."""
    for _ in range(20):
        await asyncio.sleep(0)


def begin_tasks_at_once() -> None:
    """Have tasks run from the moment they are made, as mitmproxy does from Python 3.12 on."""
    if sys.version_info < (3, 12):
        pytest.skip("tasks begin later here")
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)


@dataclass(eq=False)
class _Timer:
    ring: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Clock:
    """Unix seconds that stand still, and timers that wait for them to pass."""

    def __init__(self) -> None:
        self.now = START
        self._timers: list[tuple[float, int, _Timer]] = []
        self._numbers = itertools.count()

    def __call__(self) -> float:
        return self.now

    def call_later(self, seconds: float, ring: Callable[[], None]) -> _Timer:
        timer = _Timer(ring)
        heapq.heappush(self._timers, (self.now + seconds, next(self._numbers), timer))
        return timer

    @property
    def next_ring(self) -> float | None:
        """When the next timer rings."""
        while self._timers and self._timers[0][2].is_cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    async def advance(self, seconds: float) -> None:
        """Let time pass; whoever waits for a moment in it goes on at that moment."""
        end = self.now + seconds
        await idle()
        while (when := self.next_ring) is not None and when <= end:
            self.now = max(self.now, when)
            heapq.heappop(self._timers)[2].ring()
            await idle()
        self.now = end

    def set_ahead(self, seconds: float) -> None:
        """Let somebody set the clock; what waits does not come closer by that."""
        self.now += seconds
        self._timers = [(when + seconds, number, timer) for when, number, timer in self._timers]

    async def give_time(self, coroutine: Coroutine[object, object, T]) -> T:
        """What comes of ``coroutine``, with as much time as it takes."""
        task = asyncio.create_task(coroutine)
        await idle()
        while not task.done():
            when = self.next_ring
            assert when is not None, "it waits for something that time does not bring"
            await self.advance(when - self.now)
        return await task


class Refresher:
    """Renews tokens when the test says so."""

    def __init__(self) -> None:
        self.endpoint: TokenEndpoint = NoEndpoint()
        self.asked: list[Account] = []
        self.trouble: Exception | None = None
        """What every renewal meets."""
        self.held: asyncio.Event | None = None
        """What every renewal waits for."""
        self.memory: Memory | None = None
        """Takes what is renewed."""
        self.lifetime_seconds = 3600.0
        self.clock: Callable[[], float] = lambda: START

    async def refresh(self, account: Account) -> Account:
        self.asked.append(account)
        if self.held is not None:
            await self.held.wait()
        if self.trouble is not None:
            raise self.trouble
        assert isinstance(account.credential, OAuthCredential)
        expires_at = self.clock() + self.lifetime_seconds
        renewed = replace(
            account,
            credential=replace(
                account.credential,
                access_token=f"token-{len(self.asked)}-of-{account.id}",
                expires_at_ms=int(expires_at * 1000),
            ),
        )
        if self.memory is not None:
            self.memory.put(renewed)
        return renewed

    async def aclose(self) -> None:
        pass


class NoEndpoint:
    """An OAuth server that nobody is to ask."""

    async def refresh(self, refresh_token: str) -> TokenGrant:
        raise NotImplementedError


class Memory:
    """A store of its own, that the test fills."""

    def __init__(self, *accounts: Account) -> None:
        self._snapshot = Snapshot(accounts)
        self.saved: dict[str, State] = {}
        self.writes: list[Mapping[str, StateChange]] = []
        self.fault: str | None = None
        """Why nothing can be written."""

    def load(self) -> Snapshot:
        return self._snapshot

    def states(self) -> Mapping[str, State]:
        return self.saved

    async def save_state(self, changes: Mapping[str, StateChange]) -> Mapping[str, State]:
        if self.fault is not None:
            raise StoreError(self.fault)
        self.writes.append(changes)
        there = [each.id for each in self._snapshot.accounts if each.id in changes]
        written = {each: with_state({**self.saved.get(each, {})}, changes[each]) for each in there}
        self.saved |= written
        return written

    async def set_enabled(self, account_id: str, *, enabled: bool) -> Account | None:
        if self.fault is not None:
            raise StoreError(self.fault)
        found = [each for each in self._snapshot.accounts if each.id == account_id]
        changed = [replace(each, enabled=enabled) for each in found]
        self.put(*changed)
        return changed[0] if changed else None

    async def keep_sign_in(
        self, credential: OAuthCredential, *, meant: str | None, now_ms: int
    ) -> Account:
        if self.fault is not None:
            raise StoreError(self.fault)
        account = Account(meant or "new", credential, added_at_ms=now_ms)
        self.put(account)
        return account

    def put(self, *accounts: Account) -> None:
        """Each in the place of the one with its id, else at the end."""
        by_id = {each.id: each for each in (*self._snapshot.accounts, *accounts)}
        self._snapshot = Snapshot(tuple(by_id.values()))

    def only(self, *accounts: Account) -> None:
        self._snapshot = Snapshot(accounts)


class World:
    """A broker, its store, its clock and who renews its tokens."""

    def __init__(
        self,
        store: AccountStore,
        settings: Settings | None = None,
        *,
        path: Path = Path("accounts.json"),
    ) -> None:
        self.path = path
        self.store = store
        self.memory = store if isinstance(store, Memory) else Memory()
        self.clock = Clock()
        self.refresher = Refresher()
        self.refresher.clock = self.clock
        self.jitter = 0.0
        self.refresher.memory = self.memory
        self.broker = Broker(
            store,
            settings or Settings(),
            accounts_path=str(path),
            refresher=self.refresher,
            surroundings=Surroundings(
                clock=self.clock,
                call_later=self.clock.call_later,
                jitter=lambda: self.jitter,
                pid=0,
            ),
        )

    def write(self, *accounts: Mapping[str, object]) -> None:
        """Write the accounts file."""
        write_accounts(self.path, accounts)

    async def acquire(
        self,
        needs: Needs = CODER,
        *,
        exclude: frozenset[str] = frozenset(),
        limited: frozenset[str] = frozenset(),
        prefer: str | None = None,
    ) -> Lease:
        """A lease, however long it takes."""
        return await self.clock.give_time(
            self.broker.acquire(needs, exclude=exclude, limited=limited, prefer=prefer)
        )

    async def meet(self, outcome: Outcome, needs: Needs = CODER) -> str:
        """One request from its lease to its end; gives the name of the account."""
        lease = await self.acquire(needs)
        self.broker.settle(lease, outcome)
        return lease.account.name

    async def serve(self, needs: Needs = CODER) -> str:
        """One request that is served; gives the name of the account."""
        return await self.meet(Served(), needs)

    async def refusal(self, needs: Needs = CODER, *exclude: str) -> ApiError:
        """What a request is told that gets no lease."""
        with pytest.raises(ApiError) as caught:
            await self.acquire(needs, exclude=frozenset(exclude))
        return caught.value

    async def ask(
        self, needs: Needs = CODER, *, waited_seconds: float = 0.0
    ) -> asyncio.Task[Lease]:
        """A request that has got as far as it gets while no time passes."""
        task = asyncio.create_task(self.broker.acquire(needs, waited_seconds=waited_seconds))
        await idle()
        return task


def file_world(path: Path, settings: Settings | None = None) -> World:
    """A world around a real accounts file."""
    return World(JsonFileStore(path), settings, path=path)


def a_key(
    label: str, base_url: str = "https://keys.example/v1", **fields: object
) -> dict[str, object]:
    """An account with a plain key, as the file has it."""
    return api_key_account(f"{KEY}-{label}", base_url, id=label, label=label, **fields)


def key(name: str, *, models: frozenset[str] | None = None, enabled: bool = True) -> Account:
    """An account with a plain key."""
    return Account(name, ApiKeyCredential(f"sk-{name}"), models=models, enabled=enabled)


def signed_in(
    name: str,
    *,
    seconds: float | None = 3600.0,
    token: str | None = "token",  # noqa: S107 - made up
) -> Account:
    """An account that was signed in; its token is good for so many seconds from the start."""
    expires_at_ms = None if seconds is None else int((START + seconds) * 1000)
    return Account(name, OAuthCredential(f"refresh-{name}", token, expires_at_ms))
