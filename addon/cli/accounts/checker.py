"""Does each credential work? One cheap request each, all at once.

A token that has expired is renewed first, and one that is refused is renewed once, by the
Refresher and under its lock, as the proxy does it. Nothing else is changed.
"""

from __future__ import annotations

import asyncio
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from addon.accounts.account import Account, BadBaseUrl, OAuthCredential
from addon.cli.accounts.cures import new_credential
from addon.cli.accounts.listing import base_url_of, in_words
from addon.cli.table import shown
from addon.oauth import Refresher, RefreshFailed, SignInNeeded
from addon.oauth.probe import NoAnswer, Probe, ProbeAnswer, Prober
from addon.rotation.outcome import Failed, RateLimited, Unauthorized
from addon.rotation.refusals import Refused, outcome_of
from addon.settings import Settings
from addon.translate import (
    UpstreamError,
    error_in,
    profile_for,
    read_error_body,
    retry_after_seconds,
)
from addon.translate.json_edge import parse_json

_MODEL: Final = "qwen3-coder-plus"
"""Asked for where an account does not say what it may be asked for."""

_MOST_AT_ONCE: Final = 16

_LONGEST_QUOTE: Final = 160
"""Characters of a service's words that are repeated."""


class Health(StrEnum):
    """Whether a credential works."""

    WORKS = "works"
    REFUSED = "refused"
    LIMITED = "limited"
    UNREACHABLE = "unreachable"
    DISABLED = "disabled"
    """Not asked."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one account's check."""

    account: Account
    health: Health
    detail: str = ""
    """What is wrong, and what to do."""


class Checker:
    """Checks accounts; see the module. For one event loop."""

    def __init__(
        self,
        settings: Settings,
        refresher: Refresher,
        prober: Prober,
        *,
        clock: Callable[[], float],
    ) -> None:
        """``clock`` gives Unix seconds."""
        self._settings = settings
        self._refresher = refresher
        self._prober = prober
        self._clock = clock
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)

    async def check_all(
        self, accounts: Sequence[Account], tell: Callable[[Verdict], None]
    ) -> list[Verdict]:
        """Check them side by side; ``tell`` hears of each as soon as it is known."""

        async def checked(account: Account) -> Verdict:
            async with self._turns:
                verdict = await self.check(account)
            tell(verdict)
            return verdict

        try:
            return await asyncio.gather(*map(checked, accounts))
        finally:
            await self._refresher.aclose()

    async def check(self, account: Account) -> Verdict:
        """Whether the credential of ``account`` works."""
        try:
            if account.needs_sign_in(int(self._clock() * 1000)):
                account = await self._renewed(account)
            answer = await self._ask(account)
            if answer.status == 401 and isinstance(account.credential, OAuthCredential):
                account = await self._renewed(account)
                answer = await self._ask(account)
        except BadBaseUrl as why:
            return Verdict(account, Health.UNREACHABLE, f"its base URL {why}")
        except NoAnswer as why:
            return Verdict(account, Health.UNREACHABLE, str(why))
        except SignInNeeded:
            return Verdict(account, Health.REFUSED, f"its sign-in has ended: {_cure(account)}")
        except RefreshFailed as why:
            return Verdict(account, Health.UNREACHABLE, str(why))
        return judged(account, answer, self._clock())

    async def _renewed(self, account: Account) -> Account:
        """``account`` with another token; a key has none, and is tried as it is."""
        if isinstance(account.credential, OAuthCredential):
            return await self._refresher.refresh(account)
        return account

    async def _ask(self, account: Account) -> ProbeAnswer:
        """Raises BadBaseUrl, NoAnswer."""
        base_url = base_url_of(account, self._settings)
        profile = profile_for(
            base_url,
            is_oauth=isinstance(account.credential, OAuthCredential),
            platform=sys.platform,
            machine=platform.machine(),
        )
        model = min(account.models, default=_MODEL) if account.models else _MODEL
        token = account.token()
        assert token is not None  # one that is missing was got by renewing
        return await self._prober.ask(
            Probe(base_url, token, account.upstream_model(model), profile.headers)
        )


# What an answer means


def judged(account: Account, answer: ProbeAnswer, now: float) -> Verdict:
    """What ``answer``, which came at ``now`` (Unix seconds), says of the credential."""
    status = answer.status
    if 300 <= status < 400:
        detail = f"it answers with a redirect ({status}): is its base URL right?"
        return Verdict(account, Health.UNREACHABLE, detail)
    if status < 300 and answer.body.lstrip()[:1] not in (b"{", b"["):
        detail = "it answers, but not as a model service: is its base URL right?"
        return Verdict(account, Health.UNREACHABLE, detail)
    error = read_error_body(answer.body, status) if status >= 400 else _error_inside(answer.body)
    if error is None:
        return Verdict(account, Health.WORKS)
    error = error.without(account.token() or "")
    refused = Refused(
        status if status >= 400 else error.implied_status(),
        error.code,
        error.type,
        error.message,
        retry_after_seconds(answer.headers, now),
    )
    return _verdict(account, refused, now)


def _verdict(account: Account, refused: Refused, now: float) -> Verdict:
    words = shown(refused.message)
    if len(words) > _LONGEST_QUOTE:
        words = f"{words[:_LONGEST_QUOTE]}..."
    said = f"{refused.status}: {words}"
    match outcome_of(refused, now):
        case Unauthorized():
            return Verdict(account, Health.REFUSED, f"{said}; {_cure(account, refused.status)}")
        case RateLimited(retry_after_seconds=seconds):
            again = f"; again in {in_words(seconds)}" if seconds else ""
            return Verdict(account, Health.LIMITED, f"{said}{again}")
        case Failed():
            return Verdict(account, Health.UNREACHABLE, f"the service fails, {said}")
        case _ if refused.status == 404 and not _is_about_a_model(refused):
            detail = f"nothing is there, {said}; is its base URL right?"
            return Verdict(account, Health.UNREACHABLE, detail)
        case _ if refused.status in (402, 403):
            return Verdict(account, Health.REFUSED, said)
        case _:  # it found fault with the question, and so knows who asks
            return Verdict(account, Health.WORKS)


def _error_inside(body: bytes) -> UpstreamError | None:
    """A refusal in disguise: an error in an answer with a status of success."""
    try:
        return error_in(parse_json(body))
    except ValueError:  # of a long list, only the beginning was read
        return None


def _is_about_a_model(refused: Refused) -> bool:
    return "model" in f"{refused.code} {refused.message}".lower()


def _cure(account: Account, status: int = 401) -> str:
    """What the person is to do where a credential is refused."""
    is_sign_in = isinstance(account.credential, OAuthCredential)
    cure = new_credential(account.name, is_sign_in=is_sign_in)
    if is_sign_in:
        return f"sign in again: {cure}"
    if status == 403:
        return f"key and endpoint do not belong together: {cure}"
    return f"give it a key that works: {cure}"
