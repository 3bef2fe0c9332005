"""The services: whether each can be reached from here, and whether our clock is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from addon.accounts.account import Account, BadBaseUrl, OAuthCredential
from addon.cli.accounts.listing import base_url_of, in_words
from addon.cli.doctor.finding import Finding, ok, wrong
from addon.cli.surroundings import Surroundings
from addon.oauth.probe import NoAnswer
from addon.oauth.reach import Reached, reach
from addon.settings import Settings

_MOST_SKEW_SECONDS: Final = 60.0
"""A token's expiry and a quota's end are told by the clock; less than this does no harm."""

_SET_CLOCK: Final = {
    "linux": "timedatectl set-ntp true",
    "darwin": "sudo sntp -sS time.apple.com",
    "win32": "w32tm /resync",
}


@dataclass(frozen=True, slots=True)
class Service:
    """A place that must be reached."""

    url: str
    what: str
    """What it is there for, in words."""


def look_at_services(
    around: Surroundings, settings: Settings, accounts: Sequence[Account]
) -> list[Finding]:
    """Each of them, side by side, and then the clock."""
    services = needed_services(settings, accounts)
    answers = asyncio.run(_reach_all(services, around))
    findings = [
        _service(service, answer) for service, answer in zip(services, answers, strict=True)
    ]
    reached = [answer for answer in answers if isinstance(answer, Reached)]
    return [*findings, *_clock(around, reached)]


def needed_services(settings: Settings, accounts: Iterable[Account]) -> tuple[Service, ...]:
    """Where requests of ``accounts`` go, and where tokens are renewed if any needs that."""
    found: dict[str, Service] = {}
    for account in accounts:
        try:
            url = base_url_of(account, settings)
        except BadBaseUrl:
            continue  # told where the accounts are looked at
        found.setdefault(url, Service(url, "chat"))
        if isinstance(account.credential, OAuthCredential):
            server = settings.oauth_base_url
            found.setdefault(server, Service(server, "renewal of tokens"))
    return tuple(found.values())


async def _reach_all(services: Iterable[Service], around: Surroundings) -> list[Reached | NoAnswer]:
    async def one(service: Service) -> Reached | NoAnswer:
        try:
            return await reach(service.url, clock=around.clock)
        except NoAnswer as why:
            return why

    return await asyncio.gather(*map(one, services))


def _service(service: Service, answer: Reached | NoAnswer) -> Finding:
    subject = f"{service.url} ({service.what})"
    if isinstance(answer, NoAnswer):
        return wrong(
            subject, str(answer), f"curl -v --noproxy '*' {service.url} shows where it ends"
        )
    return ok(subject, "it can be reached")


def _clock(around: Surroundings, reached: Iterable[Reached]) -> list[Finding]:
    """By the word of those that agree best with this machine: one may be wrong itself."""
    said = [each.ahead_seconds for each in reached if each.ahead_seconds is not None]
    if not said:
        return []
    ahead = min(said, key=abs)
    if abs(ahead) <= _MOST_SKEW_SECONDS:
        return [ok("clock", "it agrees with the services'")]
    way = "ahead of" if ahead > 0 else "behind"
    cure = _SET_CLOCK.get(around.platform, "set the clock")
    return [wrong("clock", f"it is {in_words(abs(ahead))} {way} the services'", cure)]
