"""Commands without a process: what is given while a request holds its token."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from mitmproxy import http
from mitmproxy.addons.export import Export
from mitmproxy.exceptions import CommandError
from mitmproxy.test import tflow

from addon.accounts.account import Account, ApiKeyCredential
from addon.broker import Broker, Lease
from addon.broker.status import ProxyStatus
from addon.errors import Code, refusal
from addon.proxy.commands import QwenCommands
from addon.proxy.exchange import Exchange, ExchangeBook
from addon.proxy.routing import Route
from tests.support.mitm_context import mitm_context

TOKEN = "sk-a-token-that-nobody-should-see-1234"


@dataclass(frozen=True, slots=True)
class NotStarted:
    """A proxy whose start failed, with one request under way all the same."""

    book: ExchangeBook

    def the_broker(self) -> Broker:
        raise refusal(Code.INTERNAL_ERROR, "It did not start.")

    def status(self) -> ProxyStatus:
        raise refusal(Code.INTERNAL_ERROR, "It did not start.")

    def exchange_of(self, flow: http.HTTPFlow) -> Exchange | None:
        return self.book.get(flow)


async def test_a_request_that_is_under_way_with_its_token_is_given_without() -> None:
    flow, book = tflow.tflow(), ExchangeBook()
    flow.request.headers["authorization"] = f"Bearer {TOKEN}"
    book.open(flow, Route.RESPONSES).lease = Lease(
        id=1,
        account=Account("a", ApiKeyCredential(TOKEN)),
        token=TOKEN,
        base_url="https://host.example/v1",
        upstream_model=None,
        taken_at=0,
    )
    with mitm_context(Export()):
        given = QwenCommands(NotStarted(book)).export(flow)
    assert "Bearer sk-a...1234" in given
    assert TOKEN not in given
    assert flow.request.headers["authorization"] == f"Bearer {TOKEN}"


async def test_where_the_proxy_did_not_start_the_commands_say_so() -> None:
    with mitm_context() as context:
        commands = QwenCommands(NotStarted(ExchangeBook()))
        context.master.commands.collect_commands(commands)
        with pytest.raises(CommandError, match="It did not start"):
            context.master.commands.execute("qwen.status")
