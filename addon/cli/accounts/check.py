"""``qwen-proxy accounts check``: what people and programs see while credentials are checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from addon.accounts.account import Account
from addon.broker.policy import oauth_client_from
from addon.cli.accounts.checker import Checker, Health, Verdict
from addon.cli.accounts.file import AccountsFile
from addon.cli.failure import CommandFailed
from addon.cli.surroundings import Surroundings
from addon.cli.table import Table, console_on
from addon.oauth import Refresher
from addon.oauth.probe import Prober

_STYLES: Final = {
    Health.WORKS: "green",
    Health.REFUSED: "red",
    Health.UNREACHABLE: "red",
    Health.LIMITED: "yellow",
    Health.DISABLED: "dim",
    "checking": "dim",
}


def check_accounts(around: Surroundings, names: Sequence[str], *, as_json: bool) -> bool:
    """Check the accounts called ``names``, else all; whether each that was asked works.

    Raises CommandFailed.
    """
    settings, file = around.settings(), AccountsFile(around)
    numbered = {
        account.id: (number, account) for number, account in enumerate(file.some_accounts(), 1)
    }
    chosen = dict.fromkeys(file.named(name).id for name in names) or numbered
    accounts = [numbered[account_id][1] for account_id in chosen]
    # one that was named is meant, disabled or not
    verdicts = {
        account.id: Verdict(account, Health.DISABLED)
        for account in accounts
        if not (names or account.enabled)
    }
    asked = [account for account in accounts if account.id not in verdicts]
    if not asked:
        raise CommandFailed("every account is disabled: qwen-proxy accounts enable ACCOUNT")

    async def check(tell: Callable[[Verdict], None]) -> None:
        refresher = Refresher(file.store, oauth_client_from(settings), clock=around.clock)
        checker = Checker(settings, refresher, Prober(), clock=around.clock)
        await checker.check_all(asked, tell)

    def table() -> Table:
        return _table([(*numbered[account_id], verdicts.get(account_id)) for account_id in chosen])

    with _shown_on(around, table, is_silent=as_json):
        asyncio.run(check(lambda verdict: verdicts.update({verdict.account.id: verdict})))
    works = all(verdicts[account.id].health is Health.WORKS for account in asked)
    if as_json:
        told = [_json(numbered[account_id][0], verdicts[account_id]) for account_id in chosen]
        print(json.dumps({"works": works, "accounts": told}, indent=2), file=around.stdout)
    return works


@contextmanager
def _shown_on(
    around: Surroundings, table: Callable[[], Table], *, is_silent: bool
) -> Iterator[None]:
    """Shows ``table`` as it fills where that is a terminal, else once it is full."""
    if is_silent or not around.stdout.isatty():
        yield
        if not is_silent:
            table().print(around.stdout)
        return
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    console = console_on(around.stdout)
    with Live(console=console, get_renderable=lambda: table().to_rich(), refresh_per_second=8):
        yield


def _table(rows: Sequence[tuple[int, Account, Verdict | None]]) -> Table:
    return Table(
        ("#", "ACCOUNT", "RESULT", "WHAT TO KNOW"),
        [
            (
                str(number),
                account.name,
                verdict.health if verdict else "checking",
                verdict.detail if verdict else "",
            )
            for number, account, verdict in rows
        ],
        "RESULT",
        _STYLES,
        folded=("ACCOUNT", "WHAT TO KNOW"),
    )


def _json(number: int, verdict: Verdict) -> dict[str, Any]:
    account = verdict.account
    return {
        "number": number,
        "id": account.id,
        "label": account.label,
        "result": verdict.health,
        "detail": verdict.detail,
    }
