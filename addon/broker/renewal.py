"""Tokens kept fresh: renewed ahead of need, by nobody's request, or while those who need one wait.

An account's token is renewed once however many ask, and whoever asks may leave: the
renewal goes on. Its refresh token may be dead the moment the server has answered, so
a renewal that has begun is never broken off, not even when the proxy stops.

A token is due some time before it expires. From then on the keeper, or else the next
request, has it renewed in the background; only a token that is dead is waited for:
one that has expired, is missing, or was refused by the upstream. Where that takes
long, those who could go elsewhere do. Where renewing fails, it is left alone for a
while that grows with every failure; what is asked meanwhile is told so at once. Where
the server cannot be reached, that goes for all of them together (``token_server``).
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from addon.accounts.account import Account, ApiKeyCredential, OAuthCredential
from addon.broker.surroundings import Alarm, Surroundings
from addon.broker.token_server import TokenServer
from addon.oauth import RefreshFailed, SignInNeeded, TokenEndpoint

_log: Final = logging.getLogger(__name__)

_MOST_AT_ONCE: Final = 4
"""Renewals that the keeper has under way: more would look like an attack to the server."""

_FIRST_REST_SECONDS: Final = 5.0
_LONGEST_REST_SECONDS: Final = 300.0
"""After the first failure in a row, and at most; it doubles in between."""

_FAILURES_COUNTED: Final = 10
"""By then the rest has long been the longest."""

_SHORTEST_LIFE_SECONDS: Final = 0.5
"""A server that hands out dead tokens is not asked more often than that."""

_PATIENCE_SECONDS: Final = 3.0
"""A renewal takes no longer where all is well."""

_SPREAD: Final = 0.2
"""Up to this share of the window a renewal waits, so that processes do not begin together."""


class StillRenewing(Exception):
    """The renewal takes long, and goes on. The message names the account."""


class TokenRefresher(Protocol):
    """Gets a new token for an account; see Refresher."""

    endpoint: TokenEndpoint

    async def refresh(self, account: Account) -> Account:
        """``account`` with another token than it has, which is kept already.

        Raises SignInNeeded or RefreshFailed.
        """

    async def aclose(self) -> None:
        """Let come to its end what must."""


@dataclass(slots=True)
class _Token:
    """What is known of one account's token."""

    account: Account
    born_at: float
    """When it was new (Unix seconds); minus infinity where nobody saw it then."""
    spread: float
    """Which share of the window to let pass before it is renewed."""
    is_refused: bool = False
    """Whether the upstream does not accept it, whatever its date says."""
    failures: int = 0
    """To renew it, in a row."""
    failed_at: float = math.inf
    """The last of them; infinity where there was none."""
    rest_seconds: float = 0.0
    """How long to leave it alone after that; for ever where only a new sign-in helps."""
    reason: str = ""
    """What that failure said."""

    def dies_at(self) -> float:
        """When it has to be renewed, or was, before it is used (Unix seconds)."""
        credential = self.account.credential
        if self.is_refused or not self.account.token():
            return -math.inf
        if isinstance(credential, ApiKeyCredential) or credential.expires_at_ms is None:
            return math.inf
        return credential.expires_at_ms / 1000

    def rests(self, now: float) -> bool:
        """Whether it is too early after a failure to try again; not if the clock was set back."""
        return self.failed_at <= now < self.failed_at + self.rest_seconds

    def is_due_at(self, window_seconds: float, now: float) -> float:
        """When to renew it ahead of need (Unix seconds).

        Of a token that lives shorter than two windows, half its life is the window: else
        it would be renewed without end.
        """
        dies_at = self.dies_at()
        if self.born_at > -math.inf:
            window_seconds = min(window_seconds, max(0.0, dies_at - self.born_at) / 2)
        return max(
            dies_at - window_seconds * (1 - self.spread),
            self.born_at + _SHORTEST_LIFE_SECONDS,
            self.failed_at + self.rest_seconds if self.rests(now) else -math.inf,
        )


class Renewals:
    """The tokens of all accounts, and the renewals that are under way."""

    def __init__(
        self,
        refresher: TokenRefresher,
        surroundings: Surroundings,
        look: Callable[[], None],
    ) -> None:
        """``look`` picks up what changed in the store; it may call ``adopt``."""
        self._refresher = refresher
        self._clock = surroundings.clock
        self._pause = surroundings.pause
        self.ask(refresher.endpoint)
        self._jitter = surroundings.jitter
        self._alarm = Alarm(surroundings, self._ring)
        self._look = look
        self._window_seconds: float | None = None
        self._is_keeping = False
        self._tokens: dict[str, _Token] = {}
        self._running: dict[str, asyncio.Task[Account]] = {}
        self._began_at: dict[str, float] = {}
        """When each of them began (Unix seconds)."""
        self._told_of_server = False
        """Whether it was said that the server cannot be reached."""

    def ask(self, endpoint: TokenEndpoint) -> None:
        """Renew at ``endpoint`` from now on."""
        self._server = TokenServer(endpoint, self._clock)
        self._refresher.endpoint = self._server

    # What is to be kept fresh

    def adopt(self, accounts: Iterable[Account], window_seconds: float | None) -> None:
        """Go on with ``accounts``, each renewed ``window_seconds`` before its token expires.

        None: only a token that is dead is renewed. Accounts that cannot be renewed may be
        among them.
        """
        self._window_seconds = window_seconds
        before, self._tokens = self._tokens, {}
        for account in accounts:
            if _can_be_renewed(account):
                self._tokens[account.id] = self._token(account, before.get(account.id))
        self._plan()

    def start(self) -> None:
        """Renew ahead of need from now on, while there is no request too."""
        self._is_keeping = True
        self._plan()

    async def stop(self) -> None:
        """Begin nothing more by itself, and let come to its end what must."""
        self._is_keeping = False
        self._alarm.clear()
        await self._refresher.aclose()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    # What requests ask

    def renew_soon(self, account: Account) -> None:
        """Have the account's token renewed if it is due. Nobody waits for it."""
        token = self._tokens.get(account.id)
        if token is not None and self._is_due_at(token, self._clock()) <= self._clock():
            self._begin(token.account)

    def refused(self, account: Account) -> None:
        """The upstream did not accept the token that ``account`` holds: it is dead."""
        token = self._tokens.get(account.id)
        if token is not None and token.account.credential == account.credential:
            token.is_refused = True

    def dead(self) -> frozenset[str]:
        """The ids of the accounts whose token has to be waited for."""
        now = self._clock()
        return frozenset(each for each, token in self._tokens.items() if token.dies_at() <= now)

    def is_dead(self, account: Account) -> bool:
        """Whether the account's token has to be waited for."""
        token = self._tokens.get(account.id)
        return token is not None and token.dies_at() <= self._clock()

    async def alive_soon(self, account: Account) -> Account:
        """As ``alive``, for those who have somewhere else to go.

        Raises StillRenewing where that takes long, or another renewal does already: the server
        is the same.
        """
        alive = asyncio.ensure_future(self.alive(account))
        now = self._clock()
        patience_ends = min(self._began_at.values(), default=now) + _PATIENCE_SECONDS
        patience = asyncio.ensure_future(self._pause(max(0.0, patience_ends - now)))
        try:
            await asyncio.wait({alive, patience}, return_when=asyncio.FIRST_COMPLETED)
            if not alive.done():
                raise StillRenewing(f"The token of {account.name} is being renewed.")
            return alive.result()
        finally:
            alive.cancel()
            patience.cancel()

    async def alive(self, account: Account) -> Account:
        """The account with a token that is not dead, renewed if need be and if that can be done.

        Raises SignInNeeded or RefreshFailed. May be cancelled: the renewal goes on.
        """
        token, now = self._tokens.get(account.id), self._clock()
        if token is None:
            return account
        if token.dies_at() > now:
            return token.account
        if account.id not in self._running:
            if token.rests(now):
                over_for_good = token.rest_seconds == math.inf
                raise (SignInNeeded if over_for_good else RefreshFailed)(token.reason)
            if self._server.rests(now):
                why = self._server.reason
                raise RefreshFailed(f"The token of {account.name} was not renewed: {why}.")
        return await asyncio.shield(self._begin(token.account))

    async def renew(self, account_id: str) -> Account:
        """The account with another token, whatever the one is like that it has.

        Raises SignInNeeded or RefreshFailed. May be cancelled: the renewal goes on.
        """
        token = self._tokens.get(account_id)
        if token is None:
            raise RefreshFailed("It has no sign-in that is in use, so there is nothing to renew.")
        return await asyncio.shield(self._begin(token.account))

    # One renewal

    def _begin(self, account: Account) -> asyncio.Task[Account]:
        task = self._running.get(account.id)
        if task is None:
            task = asyncio.create_task(self._renew(account))
            task.add_done_callback(_hear_out)
            self._running[account.id] = task
            self._began_at[account.id] = self._clock()
        return task

    async def _renew(self, account: Account) -> Account:
        # mitmproxy has tasks begin at once; this one must not end before it is noted
        await asyncio.sleep(0)
        try:
            renewed = await self._refresher.refresh(account)
        except SignInNeeded as why:
            self._note_failure(account, str(why), rest_seconds=math.inf)
            _log.warning("%s", why)
            raise
        except RefreshFailed as why:
            if self._server.rests(self._clock()):
                self._tell_of_server()
            else:
                self._note_failure(account, str(why))
            raise
        except Exception as bug:
            # left alone for a while too, or the keeper would try without end;
            # and what it says is not told, since it may be anything
            reason = f"The token of {account.name} was not renewed: {type(bug).__name__}."
            self._note_failure(account, reason)
            raise RefreshFailed(reason) from bug
        else:
            self._told_of_server = False
            if account.id in self._tokens:
                self._tokens[account.id] = self._token(renewed, self._tokens[account.id])
            return renewed
        finally:
            del self._running[account.id], self._began_at[account.id]
            self._look()
            self._plan()

    def _note_failure(
        self, account: Account, reason: str, *, rest_seconds: float | None = None
    ) -> None:
        """Leave the account's token alone for a while, if it still has that token."""
        token = self._tokens.get(account.id)
        if token is None or token.account.credential != account.credential:
            return
        if rest_seconds is None:
            rest_seconds = min(_FIRST_REST_SECONDS * 2**token.failures, _LONGEST_REST_SECONDS)
            if token.failures == 0:
                _log.warning("%s", reason)
        token.failures = min(token.failures + 1, _FAILURES_COUNTED)
        token.failed_at, token.rest_seconds, token.reason = self._clock(), rest_seconds, reason

    def _tell_of_server(self) -> None:
        if not self._told_of_server:
            _log.warning("No token is renewed for now: %s.", self._server.reason)
        self._told_of_server = True

    # The keeper

    def _ring(self) -> None:
        self._look()
        self._plan()

    def _plan(self) -> None:
        """Begin what is due, and have the alarm ring for what is due next.

        While as many as may be are under way, the end of one of them is what to wait for.
        """
        self._alarm.clear()
        if not self._is_keeping:
            return
        now = self._clock()
        due = sorted(
            (self._is_due_at(token, now), account_id)
            for account_id, token in self._tokens.items()
            if account_id not in self._running
        )
        for due_at, account_id in due:
            if due_at > now:
                if due_at < math.inf:
                    self._alarm.set(due_at - now)
                return
            if len(self._running) >= _MOST_AT_ONCE:
                return
            self._begin(self._tokens[account_id].account)

    def _is_due_at(self, token: _Token, now: float) -> float:
        """When ``token`` is to be renewed ahead of need; infinity where none is to be."""
        if self._window_seconds is None:
            return math.inf
        return max(token.is_due_at(self._window_seconds, now), self._server.free_at(now))

    def _token(self, account: Account, before: _Token | None) -> _Token:
        """What is known of the account's token, which may be the one from before."""
        if before is not None and before.account.credential == account.credential:
            before.account = account
            return before
        born_at = -math.inf if before is None else self._clock()
        return _Token(account, born_at, _SPREAD * self._jitter())


def _can_be_renewed(account: Account) -> bool:
    return (
        isinstance(account.credential, OAuthCredential)
        and account.enabled
        and not account.requires_reauth
    )


def _hear_out(task: asyncio.Task[Account]) -> None:
    """A renewal that nobody waits for may fail; it was noted."""
    if not task.cancelled():
        task.exception()
