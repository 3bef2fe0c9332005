"""What is kept of an exchange: with its flow, without the token, for as long as there is room."""

from __future__ import annotations

import gc
import json

import pytest
from mitmproxy import http

from addon.errors import ApiError
from addon.proxy.routing import Route
from addon.proxy.views.keeping import Keeping, bodies_of
from addon.proxy.views.record import INSPECT, Record, record_in
from addon.proxy.views.shelf import Shelf
from addon.settings import Settings
from addon.translate import TokenUsage
from tests.proxy.views.exchanges import (
    CHAT_REQUEST,
    HELLO,
    REQUEST,
    TOKEN,
    UPSTREAMS_REQUEST,
    answering,
    begun,
    saved_and_read,
    sent,
)
from tests.support.chat import events, sse, text_deltas
from tests.support.replies import compressed


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(each=100_000, in_all=1_000_000)


@pytest.fixture
def keeping(shelf: Shelf) -> Keeping:
    return Keeping(shelf)


def record_of(flow: http.HTTPFlow) -> Record:
    record = record_in(flow.metadata)
    assert record is not None
    return record


def content_of(flow: http.HTTPFlow) -> bytes | None:
    assert flow.response is not None
    return flow.response.raw_content


def test_all_four_bodies_are_in_the_flow_when_it_is_over(keeping: Keeping) -> None:
    exchange = sent(begun(keeping))
    got = answering(exchange, *HELLO)
    exchange.usage = TokenUsage(input_tokens=11, output_tokens=7)
    keeping.over(exchange)

    record = record_of(exchange.flow)
    assert record.request == REQUEST
    assert exchange.flow.request.raw_content == UPSTREAMS_REQUEST
    assert record.came == b"".join(HELLO)
    assert content_of(exchange.flow) == got
    assert record.usage is not None
    assert record.usage["input_tokens"] == 11


def test_the_last_events_are_among_them(keeping: Keeping) -> None:
    exchange = sent(begun(keeping))
    got = answering(exchange, *HELLO[:2])
    assert exchange.answer is not None
    got += exchange.answer.abort("It broke off.")
    keeping.over(exchange)
    assert content_of(exchange.flow) == got
    assert b"response.failed" in got


def test_an_answer_in_a_content_coding_is_kept_without_it(keeping: Keeping) -> None:
    exchange = sent(begun(keeping))
    answering(exchange, *compressed(HELLO, "gzip"), encoding="gzip")
    keeping.over(exchange)
    assert record_of(exchange.flow).came == b"".join(HELLO)


def test_a_saved_flow_holds_the_same_when_it_is_read(keeping: Keeping) -> None:
    exchange = sent(begun(keeping))
    answering(exchange, *HELLO)
    exchange.usage, exchange.cut = TokenUsage(input_tokens=1), "reset"
    keeping.over(exchange)
    read = saved_and_read(exchange.flow)
    assert record_of(read) == record_of(exchange.flow)
    assert content_of(read) == content_of(exchange.flow)


def test_an_untouched_answer_is_the_flows_own(keeping: Keeping) -> None:
    exchange = sent(begun(keeping, Route.CHAT_COMPLETIONS, CHAT_REQUEST))
    got = answering(exchange, *HELLO)
    keeping.over(exchange)
    record = record_of(exchange.flow)
    assert content_of(exchange.flow) == got == b"".join(HELLO)
    assert (record.request, record.came, record.is_translated) == (None, None, False)


def test_a_request_that_never_goes_out_is_kept_once(keeping: Keeping, shelf: Shelf) -> None:
    exchange = begun(keeping)
    exchange.error = ApiError(401, "Nobody is signed in.", "no_accounts")
    keeping.over(exchange)
    record = record_of(exchange.flow)
    assert (record.was_sent, record.request) == (False, b"")
    assert record.refused == "no_accounts: Nobody is signed in."
    assert exchange.flow.request.raw_content == REQUEST
    assert shelf.used == 0


def test_a_flow_that_is_sent_again_tells_of_the_last_time_alone(keeping: Keeping) -> None:
    exchange = sent(begun(keeping))
    answering(exchange, *HELLO)
    keeping.over(exchange)
    keeping.begin(exchange)
    assert INSPECT not in exchange.flow.metadata


def test_what_the_last_time_held_is_not_taken_for_this_time(shelf: Shelf) -> None:
    keeping = Keeping(shelf)
    exchange = sent(begun(keeping))
    answering(exchange, *HELLO)
    keeping.over(exchange)
    held = shelf.used
    keeping.begin(exchange)
    answering(exchange, *HELLO)
    keeping.over(exchange)
    assert shelf.used < 2 * held
    for _ in range(2):  # the older of two places would go first
        shelf.resize(each=100_000, in_all=shelf.used)
    assert record_of(exchange.flow).absence is None


def test_with_the_limit_at_0_nothing_is_kept_and_that_is_said() -> None:
    keeping = Keeping(Shelf(each=0, in_all=1000))
    exchange = sent(begun(keeping))
    answering(exchange, *HELLO)
    assert exchange.kept is None
    keeping.over(exchange)
    record = record_of(exchange.flow)
    assert (record.absence, record.request, record.came) == ("off", None, None)
    assert content_of(exchange.flow) == b""


# --- the room


def test_a_body_beyond_the_limit_is_cut_and_its_size_is_known() -> None:
    keeping = Keeping(Shelf(each=1000, in_all=10_000))
    exchange = sent(begun(keeping))
    got = answering(exchange, *HELLO)
    keeping.over(exchange)
    record, content = record_of(exchange.flow), content_of(exchange.flow) or b""
    assert record.came is not None
    assert (record.came_size, record.went_size) == (len(b"".join(HELLO)), len(got))
    assert len(REQUEST) + len(record.came) + len(content) <= 1000
    assert got.startswith(content)


def test_a_flow_that_is_over_holds_no_more_room_than_it_fills(
    keeping: Keeping, shelf: Shelf
) -> None:
    exchange = sent(begun(keeping))
    got = answering(exchange, *HELLO)
    assert shelf.used > len(REQUEST) + len(b"".join(HELLO)) + len(got)
    keeping.over(exchange)
    assert shelf.used == len(REQUEST) + len(b"".join(HELLO)) + len(got)


def test_a_flow_that_is_forgotten_leaves_its_room(keeping: Keeping, shelf: Shelf) -> None:
    exchange = sent(begun(keeping))
    answering(exchange, *HELLO)
    keeping.over(exchange)
    del exchange
    gc.collect()
    assert shelf.used == 0


def test_the_oldest_flow_gives_its_bodies_up_and_says_so() -> None:
    keeping = Keeping(Shelf(each=10_000, in_all=14_000))
    exchanges = []
    for _ in range(2):
        exchanges.append(exchange := sent(begun(keeping)))
        answering(exchange, *events(text_deltas(*["some words "] * 8)))
        keeping.over(exchange)
    old, new = (record_of(exchange.flow) for exchange in exchanges)
    assert (old.absence, old.request, old.came) == ("given up", None, None)
    assert content_of(exchanges[0].flow) == b""
    assert old.went_size > 0
    assert new.absence is None
    assert content_of(exchanges[1].flow)


def test_a_body_that_the_user_has_edited_is_not_taken_away(keeping: Keeping) -> None:
    exchange = sent(begun(keeping))
    answering(exchange, *HELLO)
    keeping.over(exchange)
    assert exchange.flow.response is not None
    exchange.flow.response.content = b"edited"
    keeping.configure(Settings(inspect_body_limit=0))
    assert content_of(exchange.flow) == b"edited"
    assert record_of(exchange.flow).absence == "given up"


def test_the_limits_can_be_changed_while_an_answer_passes(keeping: Keeping, shelf: Shelf) -> None:
    exchange = sent(begun(keeping))
    answering(exchange, *HELLO[:2])
    keeping.configure(Settings(inspect_body_limit=0))
    assert exchange.answer is not None
    assert exchange.answer(HELLO[2])
    keeping.over(exchange)
    assert record_of(exchange.flow).absence == "given up"
    assert shelf.used == 0
    keeping.configure(Settings())
    assert begun(keeping).kept is not None


# --- the token


def echo(token: str) -> bytes:
    return b"".join(events(text_deltas(f"Your key is {token}.")))


@pytest.mark.parametrize("route", [Route.RESPONSES, Route.CHAT_COMPLETIONS])
@pytest.mark.parametrize("size", [5, 16, 10_000])
def test_a_token_that_is_repeated_is_masked_however_the_reads_cut_it(
    route: Route, size: int, keeping: Keeping
) -> None:
    exchange = sent(begun(keeping, route))
    body = echo(TOKEN)
    answering(exchange, *(body[start : start + size] for start in range(0, len(body), size)))
    for _ in ("under way", "over"):
        bodies = bodies_of(exchange)
        assert TOKEN.encode() not in bodies.came + bodies.went
        assert b"Your key is sk-0" in bodies.went
    keeping.over(exchange)
    assert TOKEN not in repr(exchange.flow.get_state())


def test_a_token_whose_end_has_not_come_is_not_shown(keeping: Keeping) -> None:
    exchange = sent(begun(keeping))
    body = echo(TOKEN)
    answering(exchange, body[: body.index(TOKEN.encode()) + 20])
    assert bodies_of(exchange).came.endswith(b"Your key is ")


def test_a_token_in_the_request_is_masked(keeping: Keeping) -> None:
    content = json.dumps({"model": "mine", "input": f"Is {TOKEN} a key?"}).encode()
    exchange = sent(begun(keeping, content=content))
    answering(exchange, *HELLO)
    keeping.over(exchange)
    assert record_of(exchange.flow).request == content.replace(TOKEN.encode(), b"sk-0...stuv")


@pytest.mark.parametrize("route", [Route.RESPONSES, Route.CHAT_COMPLETIONS])
def test_an_answer_that_repeats_it_in_pieces_is_not_kept(route: Route, keeping: Keeping) -> None:
    exchange = sent(begun(keeping, route))
    answering(exchange, *map(sse, text_deltas("Key: ", TOKEN[:9], TOKEN[9:20], TOKEN[20:])))
    keeping.over(exchange)
    record = record_of(exchange.flow)
    assert (record.absence, record.request, record.came) == ("token", None, None)
    assert content_of(exchange.flow) == b""


@pytest.mark.parametrize("stored", [echo(TOKEN), b"".join(HELLO)])
def test_what_mitmproxy_has_stored_itself_is_cleaned_too(stored: bytes) -> None:
    keeping = Keeping(Shelf(each=0, in_all=0))
    exchange = sent(begun(keeping))
    answering(exchange, *HELLO)
    assert exchange.flow.response is not None
    exchange.flow.response.data.content = stored
    keeping.over(exchange)
    assert content_of(exchange.flow) == stored.replace(TOKEN.encode(), b"sk-0...stuv")


@pytest.mark.parametrize("kept", [None, "", [], {"route": 1}, {"route": "responses", "came": 1}])
def test_a_file_may_hold_anything_there(kept: object) -> None:
    assert record_in({INSPECT: kept}) is None
