"""What may be done from the live page; each is done before it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from addon.broker import Broker, NotDone
from addon.broker.sign_in import SignInFailed
from addon.errors import Code, refusal

Deed: TypeAlias = Callable[[Broker, str], Awaitable[None]]
"""Takes an account's id, or an empty text."""


async def _enable(broker: Broker, account_id: str) -> None:
    await broker.set_enabled(account_id, enabled=True)


async def _disable(broker: Broker, account_id: str) -> None:
    await broker.set_enabled(account_id, enabled=False)


async def _ask_again(broker: Broker, account_id: str) -> None:
    await broker.end_rest(account_id)


async def _renew(broker: Broker, account_id: str) -> None:
    await broker.renew(account_id)


async def _sign_in(broker: Broker, account_id: str) -> None:
    await broker.sign_ins.begin(account_id or None)


async def _give_up(broker: Broker, _: str) -> None:
    broker.sign_ins.give_up()


ON_ACCOUNTS: Final[Mapping[str, Deed]] = {
    "enable": _enable,
    "disable": _disable,
    "ask-again": _ask_again,
    "renew": _renew,
}
OTHERS: Final[Mapping[str, Deed]] = {"sign-in": _sign_in, "give-up": _give_up}


async def do(name: str, broker: Broker, account_id: str) -> bool:
    """Does the deed of that name; whether there is one. Raises ApiError."""
    deed = ON_ACCOUNTS.get(name) or OTHERS.get(name)
    if deed is None:
        return False
    is_there = any(each.id == account_id for each in broker.statuses())
    if not is_there and (account_id or name in ON_ACCOUNTS):
        raise refusal(Code.NOT_FOUND, "There is no such account.", param="account")
    try:
        await deed(broker, account_id)
    except (NotDone, SignInFailed) as why:
        raise refusal(Code.NOT_DONE, str(why)) from None
    return True
