"""Processes that share one accounts file are killed at any moment: the killing, and the judgement.

Their tokens live for a second or so. One loss cannot be helped: a process that is killed after
the server has let go of the old token, and before the new one is on disk, takes it along. So each
token that is missing, or was used again, must have been given to a process that died of it; the
person then signs in anew. What the processes are, and how they are started, is the test's affair.

CRASH_MINUTES and CRASH_PROCESSES in the environment say how long that goes on at least, and how
many are to run at once. What came of it is logged.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from addon.accounts.account import Account, OAuthCredential
from addon.accounts.document import Document, parse, with_account
from addon.accounts.file import JsonFileStore
from addon.accounts.lock import locked
from tests.support.accounts import write_accounts
from tests.support.oauth_grants import Exchange
from tests.support.oauth_server import SAFETY_SECONDS, OAuthServer

ACCOUNTS: Final = ("a", "b", "c", "d")

DYING_SECONDS: Final = 1.0
"""Longer ago than this before its death, a process had kept what it was given."""

_log: Final = logging.getLogger(__name__)


class Victim(Protocol):
    """A process that works on the accounts file, as an OAuth client with a name of its own."""

    def kill(self) -> None:
        """End it with SIGKILL; it is dead once this returns. Of no effect on a dead one."""


VictimT = TypeVar("VictimT", bound=Victim)


@dataclass
class Storm(Generic[VictimT]):
    """The processes, the killing, and the judgement."""

    path: Path
    server: OAuthServer
    clients: set[str]
    """Whom the server knows."""
    start: Callable[[str], VictimT]
    """Starts the process of that name, and need not wait until it is at work."""
    kills: int
    """At least."""
    processes: int
    seconds: float = 0.0
    """How long it goes on at least."""
    alive: dict[str, VictimT] = field(default_factory=dict)
    """Those that were not killed, by name."""
    dead: list[VictimT] = field(default_factory=list)
    killed: dict[str, float] = field(default_factory=dict)
    """Name of a process → when it was killed. Like all times here: of the monotonic clock."""
    left_behind: dict[str, float] = field(default_factory=dict)
    """Refresh token that was found dead → when a new sign-in stood in its place."""
    chance: random.Random = field(default_factory=lambda: random.Random(11))  # noqa: S311

    # What is done

    def rage(self) -> None:
        """Kill as many as are to be killed, each followed by another; then let it grow calm."""
        over_at = time.monotonic() + self.seconds
        while len(self.killed) < self.kills or time.monotonic() < over_at:
            while len(self.alive) < self.processes:
                self._start_one()
            self._strike()
        self._calm_down()

    def _start_one(self) -> None:
        name = f"process-{len(self.clients)}"
        self.clients.add(name)
        self.alive[name] = self.start(name)

    def _strike(self) -> None:
        """Kill one at any moment, once there has been work since the last time."""
        before = len(self.server.book.exchanges)
        self.look_until(
            lambda: (
                len(self.server.book.exchanges) > before
                and len(self._at_work()) > self.processes // 2
            )
        )
        kill_at = time.monotonic() + self.chance.uniform(0.0, 1.2)
        self.look_until(lambda: time.monotonic() >= kill_at)
        self._kill(self.chance.choice(self._at_work()))

    def _at_work(self) -> list[str]:
        """Those alive that have renewed a token: the others may still be starting."""
        clients = {exchange.client_id for exchange in self.server.book.exchanges}
        return [name for name in self.alive if name in clients]

    def _kill(self, name: str) -> None:
        # before it is dead: what it does from now on is not held against it
        self.killed[name] = time.monotonic()
        victim = self.alive.pop(name)
        victim.kill()
        self.dead.append(victim)

    def _calm_down(self) -> None:
        """Let those that are left renew every account: so they find what the dead left undone."""
        before = len(self.server.book.exchanges)
        self.look_until(
            lambda: {each.account for each in self.server.book.exchanges[before:]} == {*ACCOUNTS}
        )

    # What is seen

    def look_until(self, condition: Callable[[], bool]) -> None:
        """Look on until ``condition`` holds."""
        give_up_at = time.monotonic() + SAFETY_SECONDS
        while not condition():
            assert time.monotonic() < give_up_at
            self.look()
            time.sleep(0.001)  # the server lives in this process

    def look(self) -> None:
        """The file is whole at every instant; whose sign-in is over signs in again."""
        found = parse(self.path.read_bytes())
        assert tuple(account.id for account in found.accounts) == ACCOUNTS
        for account in found.accounts:
            if account.requires_reauth:
                JsonFileStore(self.path).update(partial(self._signed_in, account_id=account.id))
                self.left_behind[_refresh_token(account)] = time.monotonic()

    def _signed_in(self, found: Document, account_id: str) -> Document:
        """What a person's new sign-in makes of the file."""
        account = found.account(account_id)
        assert account is not None
        anew = self.server.sign_in(account_id)
        credential = OAuthCredential(anew.refresh_token, anew.access_token, anew.expires_ms)
        return with_account(found, replace(account, credential=credential, requires_reauth=False))

    # What is said of it

    def judge(self) -> None:
        """Raise AssertionError unless nothing went wrong but what cannot be helped.

        To be called once all processes have come to their end.
        """
        book = self.server.book
        by_spent = self._by_spent()
        unexplained = [again for again in book.reused if not self._died_of(by_spent[again.spent])]
        assert not unexplained, f"refresh tokens were used twice: {unexplained}"
        assert self.left_behind.keys() <= by_spent.keys(), "good refresh tokens were given up"

        kept = {_refresh_token(each) for each in parse(self.path.read_bytes()).accounts}
        missing = [each for each in book.exchanges if each.issued not in kept | by_spent.keys()]
        lost = [exchange for exchange in missing if not self._died_of(exchange)]
        assert not lost, f"refresh tokens were lost: {lost}"
        self._nothing_is_left()
        _log.info(
            "%d processes at once, %d killed; %d exchanges, %d tokens lost to a kill, "
            "%d presented again, %d lost or presented again for no reason",
            self.processes,
            len(self.killed),
            len(book.exchanges),
            len(missing),
            len(book.reused),
            len(lost) + len(unexplained),
        )

    def _died_of(self, exchange: Exchange) -> bool:
        """Whether the process that was given a token was killed before it could keep it."""
        killed_at = self.killed.get(exchange.client_id)
        return killed_at is not None and killed_at - exchange.at < DYING_SECONDS

    def _nothing_is_left(self) -> None:
        """Beside the file only the files of the kernel's locks remain, and nobody holds one.

        And the notes of proxies that were killed, till another starts.
        """
        beside = {each for each in self.path.parent.iterdir() if self.path.name in each.name}
        beside.discard(self.path.with_name(f"{self.path.name}.running"))
        renewing = self.path.with_name(f"{self.path.name}.refresh")
        locks = [Path(f"{self.path}.flock"), *renewing.iterdir()]
        assert beside == {self.path, locks[0], renewing}
        assert [lock for lock in locks if lock.suffix != ".flock"] == []
        assert len(locks) == 1 + len(ACCOUNTS)
        for lock in locks:
            with locked(lock.with_suffix(""), timeout_seconds=0):
                pass

    def could_serve(self, since: float, until: float) -> bool:
        """Whether all the while there was an account whose sign-in no kill had taken along."""
        by_spent = self._by_spent()
        without = {
            by_spent[token].account
            for token, anew_at in self.left_behind.items()
            if by_spent[token].at <= until and since <= anew_at
        }
        return without != {*ACCOUNTS}

    def _by_spent(self) -> dict[str, Exchange]:
        return {exchange.spent: exchange for exchange in self.server.book.exchanges}


def _refresh_token(account: Account) -> str:
    assert isinstance(account.credential, OAuthCredential)
    return account.credential.refresh_token


@contextmanager
def brewing(
    path: Path,
    start: Callable[[OAuthServer, str], VictimT],
    *,
    processes: int,
    kills: int,
    **fields: object,
) -> Iterator[Storm[VictimT]]:
    """A storm over signed-in accounts in the file at ``path``; no process outlives it.

    ``start`` is told of the OAuth server that all use. ``processes`` and ``kills`` are for where
    the environment does not say; ``fields`` are further ones of every account.
    """
    clients: set[str] = set()
    with OAuthServer(token_seconds=1, clients=clients) as server:
        write_accounts(path, [server.sign_in(account).entry(**fields) for account in ACCOUNTS])
        storm = Storm(
            path,
            server,
            clients,
            start=partial(start, server),
            kills=kills,
            processes=int(os.environ.get("CRASH_PROCESSES", processes)),
            seconds=float(os.environ.get("CRASH_MINUTES", "0")) * 60,
        )
        try:
            yield storm
        finally:
            for victim in storm.alive.values():
                victim.kill()
            server.book.reused.clear()  # the storm judges that
