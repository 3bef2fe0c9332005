"""What a person can tell the running proxy: mitmproxy's commands, in mitmweb and in the console.

A command is called inside the event loop and must not wait. What takes time is begun here, and
how it ended is told in the log, at the level that mitmproxy shows to whoever gave the command.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Final, Protocol, TypeAlias

from mitmproxy import command, ctx, exceptions, flow, http, types
from mitmproxy.addons.export import curl_command
from mitmproxy.log import ALERT

from addon.broker import Broker, NotDone
from addon.broker.status import AccountStatus, ProxyStatus, by_unique_name
from addon.errors import ApiError
from addon.proxy.exchange import Exchange
from addon.proxy.fallback import hide_token
from addon.proxy.record import printable
from addon.settings import Settings, option_specs

logger: Final = logging.getLogger(__name__)

_STRATEGY: Final = "qwen_rotation_strategy"


Change: TypeAlias = Callable[[str], Coroutine[object, object, None]]
"""Takes an account's id. Raises NotDone."""


class RunningProxy(Protocol):
    """The addon, as commands know it."""

    def the_broker(self) -> Broker:
        """What lends the accounts. Raises ApiError."""

    def status(self) -> ProxyStatus:
        """How the proxy does. Raises ApiError."""

    def exchange_of(self, flow: http.HTTPFlow) -> Exchange | None:
        """The exchange of a request of ours that is under way."""


class QwenCommands:
    """The commands. Their docstrings are the help that mitmproxy shows."""

    def __init__(self, proxy: RunningProxy) -> None:
        self._proxy = proxy
        self._under_way: set[asyncio.Task[None]] = set()

    @command.command("qwen.status")
    def status(self) -> Sequence[str]:
        """Show how the proxy and each of its accounts do."""
        status = self._status()
        head = (
            f"{status.strategy}, {status.under_way} requests under way, {status.waiting} waiting, "
            f"accounts in {status.accounts_file}"
        )
        accounts = [_line(account, status.now_ms) for account in status.accounts]
        return [head, *map(printable, status.troubles), *accounts]

    @command.command("qwen.accounts")
    def accounts(self) -> Sequence[str]:
        """List the names of the accounts: their labels, or ids where several have the same."""
        return [*self._accounts()]

    @command.command("qwen.accounts.enable")
    @command.argument("accounts", type=types.Choice("qwen.accounts"))
    def enable(self, *accounts: str) -> None:
        """Use these accounts again, here and in every other process that shares them."""
        set_enabled = partial(self._broker().set_enabled, enabled=True)
        self._begin("is enabled", accounts, set_enabled)

    @command.command("qwen.accounts.disable")
    @command.argument("accounts", type=types.Choice("qwen.accounts"))
    def disable(self, *accounts: str) -> None:
        """Leave these accounts out, here and in every other process, until they are enabled."""
        set_enabled = partial(self._broker().set_enabled, enabled=False)
        self._begin("is disabled", accounts, set_enabled)

    @command.command("qwen.accounts.refresh")
    @command.argument("accounts", type=types.Choice("qwen.accounts"))
    def refresh(self, *accounts: str) -> None:
        """Renew the tokens of these accounts now. Those with a plain key have none."""
        self._begin("has another token", accounts, self._broker().renew)

    @command.command("qwen.cooldown.clear")
    @command.argument("accounts", type=types.Choice("qwen.accounts"))
    def clear_cooldown(self, *accounts: str) -> None:
        """Ask these accounts again at once, whatever their upstreams said before."""
        self._begin("is asked again", accounts, self._broker().end_rest)

    @command.command("qwen.strategies")
    def strategies(self) -> Sequence[str]:
        """List the strategies by which accounts are chosen."""
        (spec,) = (spec for spec in option_specs(Settings()) if spec.name == _STRATEGY)
        return [*(spec.choices or ())]

    @command.command("qwen.strategy")
    @command.argument("strategy", type=types.Choice("qwen.strategies"))
    def strategy(self, strategy: str) -> None:
        """Choose accounts by this strategy from now on: the option qwen_rotation_strategy."""
        ctx.options.update(**{_STRATEGY: strategy})

    @command.command("qwen.export")
    def export(self, flow: flow.Flow) -> str:
        """Give the request as its upstream got it, as a curl command. The token is masked."""
        exchange = self._proxy.exchange_of(flow) if isinstance(flow, http.HTTPFlow) else None
        if exchange is not None and exchange.lease is not None:
            shown = exchange.flow.copy()
            hide_token(shown, exchange.lease)
            return curl_command(shown)
        return curl_command(flow)

    def _begin(self, done: str, names: Sequence[str], change: Change) -> None:
        """Has each account changed, and ``done`` said of it."""
        if not names:
            raise exceptions.CommandError("Which account? See qwen.accounts.")
        accounts = self._accounts()
        if unknown := [name for name in names if name not in accounts]:
            raise exceptions.CommandError(f"There is no account {unknown[0]}. See qwen.accounts.")
        task = asyncio.ensure_future(
            _change_each([(name, accounts[name].id) for name in names], change, done)
        )
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _accounts(self) -> dict[str, AccountStatus]:
        """The accounts by names that mean one each, in file order."""
        return by_unique_name(self._status().accounts)

    def _status(self) -> ProxyStatus:
        try:
            return self._proxy.status()
        except ApiError as why:
            raise exceptions.CommandError(str(why)) from None

    def _broker(self) -> Broker:
        try:
            return self._proxy.the_broker()
        except ApiError as why:
            raise exceptions.CommandError(str(why)) from None


async def _change_each(accounts: Sequence[tuple[str, str]], change: Change, done: str) -> None:
    """One after the other: each may wait for the accounts file. By name and id."""
    for name, id_ in accounts:
        try:
            await change(id_)
        except NotDone as why:
            logger.warning("Account %s: %s", printable(name), printable(str(why)))
        else:
            logger.log(ALERT, "Account %s %s.", printable(name), done)


def _line(account: AccountStatus, now_ms: int) -> str:
    """One account, in words."""
    facts = [f"{account.name}: {account.standing}"]
    if account.until_ms is not None:
        facts[0] += f" for {max(0, account.until_ms - now_ms) / 1000:.0f} s"
    if account.reason:
        facts.append(account.reason)
    today = account.today
    facts += [
        f"health {account.health:.0f}",
        f"bucket {account.bucket:.0f} of {account.bucket_size:.0f}",
        f"{account.in_flight} in flight",
        f"today {today.requests} requests",
        f"{today.input_tokens} tokens in ({today.cached_tokens} cached)",
        f"{today.output_tokens} out",
    ]
    return printable(", ".join(facts))
