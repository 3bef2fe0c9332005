"""A person signs an account in while the proxy runs: the device flow, in the background.

One at a time: who begins another gives up the one before. The page and the code may be shown
to whoever may see the proxy's own pages; the tokens go from the provider to the accounts file
and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from addon.accounts.account import Account, OAuthCredential
from addon.accounts.store import StoreError
from addon.broker.surroundings import Surroundings
from addon.oauth import (
    DeviceAuthorization,
    DeviceEndpoint,
    DeviceFlow,
    OAuthError,
    SignInDenied,
    SignInExpired,
)

logger: Final = logging.getLogger(__name__)


class SignInStage(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    """For the person to confirm it on the provider's page."""
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SignInStatus:
    """A sign-in, as it is shown."""

    stage: SignInStage
    page: str
    """Where the person confirms it."""
    user_code: str
    """What is to be seen there."""
    expires_at: float
    """Until when (Unix seconds)."""
    told: str = ""
    """Who is signed in now, or why nobody is."""


class SignInFailed(Exception):
    """It could not be begun; the message says why, without a credential."""


class SignInStore(Protocol):
    """Where a sign-in is kept; see AccountStore."""

    async def keep_sign_in(
        self, credential: OAuthCredential, *, meant: str | None, now_ms: int
    ) -> Account:
        """The account that has it now. Raises StoreError."""


class SignIns:
    """The sign-in that is under way, or was the last one. For one event loop."""

    def __init__(
        self,
        store: SignInStore,
        endpoint: Callable[[], DeviceEndpoint],
        surroundings: Surroundings,
        *,
        kept: Callable[[], None],
    ) -> None:
        """``endpoint`` gives whom to ask; ``kept`` is called when an account has been kept."""
        self._store = store
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._kept = kept
        self._status: SignInStatus | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._keeping: set[asyncio.Future[Account]] = set()

    @property
    def status(self) -> SignInStatus | None:
        """How it stands; None: there was none yet, or it was given up."""
        return self._status

    async def begin(self, meant: str | None = None) -> SignInStatus:
        """Ask the provider for a code, and wait for the person in the background.

        ``meant`` is the id of the account that is to be signed in again, where the provider
        does not say who it is. Raises SignInFailed.
        """
        self.give_up()
        clock, pause = self._surroundings.clock, self._surroundings.pause
        flow = DeviceFlow(self._endpoint(), clock=clock, pause=pause)
        try:
            begun = await flow.begin()
        except OAuthError as why:
            raise SignInFailed(f"No sign-in could be begun: {why}.") from None
        self.give_up()  # another may have been begun meanwhile
        self._status = SignInStatus(
            SignInStage.WAITING, begun.page, begun.user_code, begun.expires_at
        )
        self._waiting = asyncio.ensure_future(self._wait(flow, begun, meant))
        return self._status

    def give_up(self) -> None:
        """Wait no more, and forget the last one."""
        self._status = None
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    async def stop(self) -> None:
        """Give up; tokens that have come are kept first."""
        self.give_up()
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def _wait(self, flow: DeviceFlow, begun: DeviceAuthorization, meant: str | None) -> None:
        """Sees it to its end, and notes how it ended."""
        try:
            grant = await flow.wait(begun)
            keeping = asyncio.ensure_future(self._keep(grant.sign_in(), meant))
            self._keeping.add(keeping)
            keeping.add_done_callback(self._keeping.discard)
            account = await asyncio.shield(keeping)
        except (OAuthError, StoreError) as why:
            self._end(begun, SignInStage.FAILED, _why(why))
        except Exception:
            logger.exception("A sign-in could not be brought to its end.")
            self._end(begun, SignInStage.FAILED, "The proxy failed on it; its log says more.")
        else:
            self._end(begun, SignInStage.DONE, f"{account.name} is signed in.")

    async def _keep(self, credential: OAuthCredential, meant: str | None) -> Account:
        now_ms = int(self._surroundings.clock() * 1000)
        account = await self._store.keep_sign_in(credential, meant=meant, now_ms=now_ms)
        logger.info("Account %s is signed in.", account.name)
        self._kept()
        return account

    def _end(self, begun: DeviceAuthorization, stage: SignInStage, told: str) -> None:
        self._waiting = None
        self._status = SignInStatus(stage, begun.page, begun.user_code, begun.expires_at, told)


def _why(why: OAuthError | StoreError) -> str:
    match why:
        case SignInDenied():
            return "It was denied on the provider's page."
        case SignInExpired():
            return "Nobody confirmed it in time."
        case StoreError():
            return f"The tokens could not be kept: {why}"
        case _:
            return f"It failed: {why}."
