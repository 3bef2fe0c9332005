"""A sign-in from its first line to its last: who is meant, the device flow, and the outcome.

Whether an account is there already is decided in this order (``accounts/editing.py``):
what the tokens themselves say, since it is certain; else what the person says, by
``--label`` or when asked; else, where a single account needs a new sign-in, it is that
one. Where nothing is known the account is a new one: no tokens that may still be good are
written over. What came of it is on disk before it is told.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from addon.accounts.account import Account, ApiKeyCredential, OAuthCredential
from addon.accounts.document import Document
from addon.accounts.editing import Kept, with_sign_in
from addon.accounts.naming import BadName, account_named, called, checked_label
from addon.accounts.subject import subject_of
from addon.broker.policy import oauth_client_from
from addon.cli.accounts.file import AccountsFile
from addon.cli.accounts.listing import account_json
from addon.cli.failure import CommandFailed
from addon.cli.login.browser import has_browser, open_page
from addon.cli.login.screen import NOTICE, Screen
from addon.cli.surroundings import Surroundings
from addon.oauth import (
    DeviceAuthorization,
    DeviceFlow,
    OAuthError,
    OAuthUnreachable,
    SignInDenied,
    SignInExpired,
    TokenGrant,
)
from addon.settings import project_warnings

_ANOTHER = ("n", "new")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person said on the command line."""

    label: str | None = None
    """What to call the account, or how it is called."""
    qr: bool = False
    browser: bool = True
    """Whether a browser may be opened."""
    as_json: bool = False


def sign_in(
    around: Surroundings,
    wishes: Wishes,
    *,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Sign a person in, keep the account, and say what was done. Raises CommandFailed.

    ``pause`` waits for so many seconds.
    """
    label = wishes.label
    settings, file = around.settings(), AccountsFile(around)
    accounts = file.accounts()
    meant = _called(accounts, label) if label is not None else None
    file.check_writable()
    screen = Screen(around.stderr if wishes.as_json else around.stdout, around.clock)
    screen.say(NOTICE)
    for warning in project_warnings(around.cwd):
        screen.say(warning)
    if label is None:
        meant = _meant(around, accounts)
    flow = DeviceFlow(oauth_client_from(settings), clock=around.clock, pause=pause)
    kept = _uninterrupted(
        _granted(around, flow, screen, wishes),
        then=lambda grant: _keep(around, file, grant, meant, label),
    )
    _tell(screen, kept, file.path)
    _check_who(kept, meant, label)
    if wishes.as_json:
        told = account_json(kept.account, settings, around.now_ms)
        document = {"path": str(file.path), "new": kept.before is None, "account": told}
        print(json.dumps(document, indent=2), file=around.stdout)


# Who is meant


def _called(accounts: Sequence[Account], label: str) -> Account | None:
    """The account called ``label``; None: it is to be a new one's. Raises CommandFailed."""
    try:
        account = called(accounts, label)
        if account is None:
            checked_label(label, ())
    except BadName as error:
        raise CommandFailed(str(error)) from None
    if account is not None and isinstance(account.credential, ApiKeyCredential):
        raise CommandFailed(f"{label} has a key and is not signed in: choose another --label")
    return account


def _meant(around: Surroundings, accounts: Sequence[Account]) -> Account | None:
    """Whom the person means who gave no label; None: a new account, or one that its tokens name."""
    signed_in = [each for each in accounts if isinstance(each.credential, OAuthCredential)]
    ended = [account for account in signed_in if account.requires_reauth]
    usual = ended[0] if len(ended) == 1 else None
    if not around.is_attended or not any(map(_is_opaque, signed_in)):
        return usual
    around.say("\nWhich account do you sign in?")
    for number, account in enumerate(signed_in, start=1):
        around.say(f"  {number}  {account.name}{'  (its sign-in has ended)' * (account in ended)}")
    around.say("  n  one that is not there yet")
    default = "n" if usual is None else str(signed_in.index(usual) + 1)
    answer = around.answer(f"Number, or n [{default}]: ") or default
    if answer.lower() in _ANOTHER:
        return None
    try:
        return account_named(signed_in, answer)
    except BadName as error:
        raise CommandFailed(str(error)) from None


def _is_opaque(account: Account) -> bool:
    """Whether its tokens do not say whose they are."""
    credential = account.credential
    return isinstance(credential, OAuthCredential) and subject_of(credential.access_token) is None


# The sign-in


async def _granted(
    around: Surroundings, flow: DeviceFlow, screen: Screen, wishes: Wishes
) -> TokenGrant:
    """What the provider gave once the person had confirmed. Raises CommandFailed."""
    try:
        begun = await flow.begin()
        screen.show(begun)
        _open(around, screen, begun, wishes)
        with screen.waiting(begun.expires_at):
            return await flow.wait(begun)
    except OAuthError as error:
        _fail(error)


def _uninterrupted(
    granted: Coroutine[None, None, TokenGrant], *, then: Callable[[TokenGrant], Kept]
) -> Kept:
    """What ``then`` makes of ``granted``; once there are tokens, Ctrl-C comes too late."""
    kept: list[Kept] = []

    async def go_on() -> None:
        # in the loop a Ctrl-C breaks off only what waits, and keeping does not
        kept.append(then(await granted))

    try:
        asyncio.run(go_on())
    except KeyboardInterrupt:
        if not kept:
            raise
    return kept[0]


def _open(around: Surroundings, screen: Screen, begun: DeviceAuthorization, wishes: Wishes) -> None:
    is_open = wishes.browser and has_browser(around.env, around.platform) and open_page(begun.page)
    if is_open:
        screen.say("Your browser opens that page: look that it shows the same code.")
    wanted = wishes.qr or (screen.is_terminal and not is_open)
    if wanted and not screen.show_qr(begun.page) and wishes.qr:
        screen.say("This terminal cannot show a QR code.")


def _fail(error: OAuthError) -> NoReturn:
    again = "qwen-proxy login begins anew"
    match error:
        case SignInDenied():
            raise CommandFailed(f"the sign-in was denied on the page: {again}") from None
        case SignInExpired():
            raise CommandFailed(
                f"nobody confirmed in time, the code has expired: {again}"
            ) from None
        case OAuthUnreachable():
            raise CommandFailed(f"{error}: is there a network?") from None
        case _:
            raise CommandFailed(
                f"{error}: if it stays so, use a key (qwen-proxy accounts add)"
            ) from None


# The outcome


def _keep(
    around: Surroundings,
    file: AccountsFile,
    grant: TokenGrant,
    meant: Account | None,
    label: str | None,
) -> Kept:
    credential = grant.sign_in()
    meant_id = meant.id if meant is not None else None

    def change(found: Document) -> tuple[Document, Kept]:
        kept = with_sign_in(found, credential, meant=meant_id, label=label, now_ms=around.now_ms)
        return kept.document, kept

    return file.change(change)


def _tell(screen: Screen, kept: Kept, path: Path) -> None:
    account = kept.account
    what = "is signed in" if kept.before is None else "is signed in again"
    screen.say(f"{account.name} {what}, and kept in {path}.")
    if not account.enabled:
        screen.say(f"It is disabled: qwen-proxy accounts enable {shlex.quote(account.name)}")


def _check_who(kept: Kept, meant: Account | None, label: str | None) -> None:
    """Raises CommandFailed where the page was signed in as somebody else than was meant."""
    account = kept.account
    other = "sign out on the page, or use a private window, and run it again"
    if meant is not None and account.id != meant.id:
        raise CommandFailed(f"that was {account.name}, and {meant.name} is as it was: {other}")
    if meant is None and label is not None and kept.before is not None:
        raise CommandFailed(f"that was {account.name}, which is no new account: {other}")
