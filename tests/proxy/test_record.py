"""What is said of a request that is over: the comment, the marker, the log line, the attempts."""

from __future__ import annotations

import io
from typing import Final

import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.test import tflow

from addon.accounts.account import Account, ApiKeyCredential
from addon.broker import Lease
from addon.errors import ApiError
from addon.proxy.attempts import RefusedAttempt
from addon.proxy.exchange import Exchange, UpstreamRefusal
from addon.proxy.record import ATTEMPTS, CUT, FAILED, RETRIED, annotate, facts_of, log_line
from addon.proxy.refused import refused_attempt
from addon.proxy.routing import Route
from addon.proxy.untouched import UntouchedAnswer
from addon.translate import TokenUsage, UpstreamError
from tests.support.replies import compressed

START: Final = 1_700_000_000.0
TOKEN: Final = "sk-a+token/that-nobody-should-see-1234"
REASON: Final = "Slow down."


def lease(account: str) -> Lease:
    return Lease(
        id=1,
        account=Account(id=account, credential=ApiKeyCredential(TOKEN)),
        token=TOKEN,
        base_url="https://host.example/v1",
        upstream_model="theirs",
        taken_at=START,
    )


def refusal(
    status: int | None = 429,
    body: bytes = b"",
    *,
    reason: str = REASON,
    code: str | None = "rate_limit_exceeded",
    encoding: str = "identity",
) -> UpstreamRefusal:
    headers = http.Headers(content_encoding=encoding)
    return UpstreamRefusal(status, UpstreamError(reason, code), headers, body=body)


def refused(account: str, what: UpstreamRefusal) -> RefusedAttempt:
    return refused_attempt(what, lease(account), START + 1)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(
        flow=tflow.tflow(resp=True),
        route=Route.RESPONSES,
        client_http_version="HTTP/1.1",
        started_at=START,
        path="/v1/responses",
        model="mine",
        lease=lease("good"),
    )


def comment(exchange: Exchange) -> str:
    annotate(exchange.flow, exchange, facts_of(exchange, START + 5))
    return exchange.flow.comment


def test_a_request_that_was_served_says_who_served_it_and_what_it_cost(exchange: Exchange) -> None:
    exchange.usage = TokenUsage(input_tokens=100, cached_tokens=40, output_tokens=20)
    exchange.untouched = UntouchedAnswer(TOKEN, "", is_stream=True)
    exchange.untouched.first_event_at, exchange.untouched.last_data_at = START + 0.5, START + 4.5
    exchange.notes = ("dropped something",)
    assert comment(exchange) == (
        "account good; model mine as theirs; 100 tokens in (40 cached); 20 out; "
        "first event after 0.50 s; 5.0 tokens/s; 5.00 s in all; dropped something"
    )
    assert exchange.flow.marked == ""
    assert ATTEMPTS not in exchange.flow.metadata


def test_an_answer_that_came_at_once_has_no_speed(exchange: Exchange) -> None:
    exchange.usage = TokenUsage(output_tokens=20)
    exchange.untouched = UntouchedAnswer(TOKEN, "", is_stream=True)
    assert "tokens/s" not in comment(exchange)


def test_each_attempt_says_why_it_was_refused(exchange: Exchange) -> None:
    exchange.attempts.count = 3
    exchange.attempts.keep(refused("a", refusal()))
    exchange.attempts.keep(refused("b", refusal(None, reason="Nobody there.", code=None)))
    told = "3 attempts; a refused with 429 rate_limit_exceeded: Slow down.; b failed: Nobody there."
    assert told in comment(exchange)
    assert told.replace(";", ",") in log_line(
        exchange.flow, exchange, facts_of(exchange, START + 5)
    )
    assert exchange.flow.marked == RETRIED


def test_the_last_refusal_is_not_told_twice(exchange: Exchange) -> None:
    exchange.attempts.keep(refused("a", refusal()))
    exchange.error = ApiError(429, REASON, "rate_limit_exceeded")
    assert comment(exchange).count(REASON) == 1


def test_many_refusals_are_counted_and_the_last_is_told(exchange: Exchange) -> None:
    for number in range(40):
        exchange.attempts.keep(refused(f"account-{number}", refusal(body=b"x" * 100_000)))
    told = comment(exchange)
    assert "account-0 refused" in told
    assert "24 more refused; account-39 refused" in told
    attempts = exchange.flow.metadata[ATTEMPTS]
    assert len(attempts) == 16
    assert max(len(each["body"]) for each in attempts) == 4096


def test_failures_and_cuts_are_marked(exchange: Exchange) -> None:
    exchange.flow.response = http.Response.make(429)
    annotate(exchange.flow, exchange, facts_of(exchange, START))
    assert exchange.flow.marked == FAILED
    exchange.cut = "it was silent for too long"
    annotate(exchange.flow, exchange, facts_of(exchange, START))
    assert exchange.flow.marked == CUT


def test_a_flow_that_is_sent_again_tells_of_the_last_time_alone(exchange: Exchange) -> None:
    exchange.flow.marked, exchange.flow.metadata[ATTEMPTS] = FAILED, [{}]
    annotate(exchange.flow, exchange, facts_of(exchange, START))
    assert (exchange.flow.marked, ATTEMPTS in exchange.flow.metadata) == ("", False)


def test_a_marker_of_the_users_stays(exchange: Exchange) -> None:
    exchange.flow.marked, exchange.cut = ":red_circle:", "reset"
    annotate(exchange.flow, exchange, facts_of(exchange, START))
    assert exchange.flow.marked == ":red_circle:"


@pytest.mark.parametrize("sign", ["\n", "\r", "\x1b[2J", "\x9b", "\x85", "\u2028", "\u202e"])
def test_an_upstream_cannot_write_lines_of_its_own(sign: str, exchange: Exchange) -> None:
    words = refusal(reason=f"No{sign}forged", code=f"no{sign}forged")
    exchange.attempts.keep(refused("a", words))
    assert log_line(exchange.flow, exchange, facts_of(exchange, START)).isprintable()
    assert comment(exchange).isprintable()


def test_the_attempts_are_saved_with_the_flow(exchange: Exchange) -> None:
    exchange.attempts.keep(refused("a", refusal(body="Slów\x00 down".encode())))
    annotate(exchange.flow, exchange, facts_of(exchange, START + 5))
    file = io.BytesIO()
    FlowWriter(file).add(exchange.flow)
    file.seek(0)
    (saved,) = FlowReader(file).stream()
    assert saved.metadata[ATTEMPTS] == [
        {
            "account": "a",
            "host": "host.example",
            "model": "theirs",
            "started_at": START,
            "seconds": 1.0,
            "status": 429,
            "code": "rate_limit_exceeded",
            "type": None,
            "reason": REASON,
            "body": "Slów\x00 down",
        }
    ]


SPELLINGS: Final = {
    "as it is": TOKEN,
    "in JSON": TOKEN.replace("/", r"\/"),
    "in JSON, by number": TOKEN.replace("+", r"\u002B").replace("/", r"\u002f"),
    "in JSON in JSON": TOKEN.replace("+", r"\\u002b").replace("/", r"\\\/"),
    "in a URL": TOKEN.replace("+", "%2B").replace("/", "%2f"),
    "in HTML": TOKEN.replace("+", "&#43;").replace("/", "&#x2F;"),
}


@pytest.mark.parametrize("spelt", SPELLINGS.values(), ids=SPELLINGS)
def test_a_body_holds_no_token_wherever_it_is_cut(spelt: str) -> None:
    text = f'{{"message": "bad key {spelt}."}}'
    assert refused("a", refusal(body=text.encode())).body == '{"message": "bad key sk-a...1234."}'
    for length in range(text.index(spelt) + 5, len(text)):
        shown = refused("a", refusal(body=text[:length].encode())).body
        assert "sk-a+" not in shown
        assert "tok" not in shown


def test_words_that_look_like_a_code_stay() -> None:
    text = r"100%20 \u00e9 &#65; AT&T"
    assert refused("a", refusal(body=text.encode())).body == text


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_compressed_body_is_unpacked_first(encoding: str) -> None:
    (body,) = compressed([TOKEN.encode()], encoding)
    assert refused("a", refusal(body=body, encoding=encoding)).body == "sk-a...1234"


@pytest.mark.parametrize("encoding", ["gzip", "unheard-of"])
def test_a_body_that_cannot_be_unpacked_is_left_out(encoding: str) -> None:
    assert refused("a", refusal(body=b"no such thing", encoding=encoding)).body == ""
