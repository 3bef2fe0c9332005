"""What is told of a request that is over."""

from __future__ import annotations

import pytest
from mitmproxy.test import tflow

from addon.accounts.account import Account, ApiKeyCredential
from addon.broker import Lease
from addon.errors import ApiError, Code, refusal
from addon.proxy.attempts import RefusedAttempt
from addon.proxy.exchange import Exchange
from addon.proxy.pages.ended import EndedRequest, Ending, RefusedOnTheWay, ended_request
from addon.proxy.routing import Route
from addon.proxy.untouched import UntouchedAnswer
from addon.translate import TokenUsage
from tests.proxy.pages.endings import NOW

START = NOW - 10


@pytest.fixture
def exchange() -> Exchange:
    account = Account(id="id-1", credential=ApiKeyCredential("sk-x"), label="work")
    return Exchange(
        flow=tflow.tflow(resp=True),
        route=Route.RESPONSES,
        client_http_version="HTTP/1.1",
        started_at=START,
        path="/v1/responses",
        model="mine",
        lease=Lease(
            id=1,
            account=account,
            token="sk-x",
            base_url="https://host.example/v1",
            upstream_model="theirs",
            taken_at=START,
        ),
    )


def told(exchange: Exchange, status: int | None = 200) -> EndedRequest:
    if status is None:
        exchange.flow.response = None
    elif exchange.flow.response is not None:
        exchange.flow.response.status_code = status
    return ended_request(exchange.flow, exchange, NOW)


def attempt(status: int | None = 429, code: str | None = "insufficient_quota") -> RefusedAttempt:
    return RefusedAttempt(
        account="spent",
        host="host.example",
        model="theirs",
        started_at=START,
        seconds=0.5,
        status=status,
        code=code,
        type=None,
        reason="No more.",
        body="",
    )


def test_who_served_it_how_fast_and_what_it_cost(exchange: Exchange) -> None:
    exchange.usage = TokenUsage(input_tokens=100, cached_tokens=40, output_tokens=20)
    exchange.untouched = UntouchedAnswer("sk-x", "", is_stream=True)
    exchange.untouched.first_event_at, exchange.untouched.last_data_at = START + 1, START + 9
    exchange.attempts.count = 1
    request = told(exchange)
    assert (request.ending, request.account, request.server) == (
        Ending.SERVED,
        "work",
        "host.example",
    )
    assert (request.seconds, request.first_event_seconds, request.flow_seconds) == (10, 1, 8)
    assert (request.input_tokens, request.cached_tokens, request.output_tokens) == (100, 40, 20)
    assert request.tokens_per_second == 2.5
    assert (request.model, request.upstream_model) == ("mine", "theirs")


def test_what_nobody_counted_is_not_made_up(exchange: Exchange) -> None:
    request = told(exchange)
    assert request.input_tokens is request.first_event_seconds is request.flow_seconds is None
    assert request.tokens_per_second is None


def test_a_refusal_has_a_kind_and_a_reason(exchange: Exchange) -> None:
    exchange.lease = None
    exchange.error = refusal(Code.NO_ACCOUNTS, "There is none.")
    request = told(exchange, 401)
    assert (request.ending, request.kind, request.reason) == (
        Ending.REFUSED,
        "401 no_accounts",
        "There is none.",
    )
    assert (request.account, request.server) == (None, "")


def test_what_was_refused_on_the_way_is_told_by_status_and_code(exchange: Exchange) -> None:
    exchange.attempts.keep(attempt())
    exchange.attempts.keep(attempt(None, None))
    kinds = [each.kind for each in told(exchange).refused]
    assert kinds == ["429 insufficient_quota", "no answer"]
    assert told(exchange).refused[0] == RefusedOnTheWay(
        "spent", "429 insufficient_quota", "No more.", 0.5
    )


def test_a_cut_and_a_client_that_left_are_no_refusals(exchange: Exchange) -> None:
    exchange.cut = "it was silent"
    assert (told(exchange).ending, told(exchange).reason) == (Ending.CUT, "it was silent")
    exchange.client_left = True
    assert told(exchange, None).ending is Ending.LEFT


def test_texts_of_strangers_are_short_and_plain(exchange: Exchange) -> None:
    exchange.model = "evil\x1b[2J\n" + "x" * 10_000
    exchange.error = ApiError(500, "y\u202e" * 10_000)
    request = told(exchange, 500)
    assert request.model is not None
    assert len(request.model) == 120
    assert request.model.startswith("evil.[2J x")
    assert len(request.reason) == 300
    assert request.reason.isprintable()
