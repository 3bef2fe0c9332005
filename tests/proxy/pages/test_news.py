"""What a page that is open hears of, and when it hears nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from addon.broker.sign_in import SignInStage, SignInStatus
from addon.proxy.pages.history import History
from addon.proxy.pages.news import News, qr_rows
from tests.proxy.pages.endings import NOW, ended
from tests.proxy.pages.test_metrics import account, status

WAITING = SignInStatus(SignInStage.WAITING, "https://qwen.example/go", "ABCD", NOW + 900)


class World:
    """A proxy that does as the test says."""

    def __init__(self) -> None:
        self.status = status()
        self.sign_in: SignInStatus | None = None
        self.history = History()
        self.closed = 0

    def news(self, since: int = 0) -> News:
        def close() -> None:
            self.closed += 1

        return News(
            lambda: self.status, lambda: self.sign_in, self.history, since=since, ended=close
        )


@pytest.fixture
def world() -> World:
    return World()


def heard(data: bytes | None) -> dict[str, Any]:
    """By event, what it said; as a browser reads it (WHATWG HTML §9.2.6)."""
    assert data is not None
    found = {}
    for block in data.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found[fields["event"]] = json.loads(fields["data"])
    return found


def test_it_begins_with_everything(world: World) -> None:
    world.history.note(ended())
    first = heard(world.news().more(NOW))
    assert set(first) == {"proxy", "requests", "history", "sign-in"}
    assert first["sign-in"] is None
    assert [each["number"] for each in first["requests"]] == [1]


def test_where_nothing_happens_nothing_is_said(world: World) -> None:
    news = world.news()
    news.more(NOW)
    assert news.more(NOW + 1) == b""


def test_time_that_passes_is_no_news_of_the_proxy(world: World) -> None:
    news = world.news()
    news.more(NOW)
    world.status = world.status.model_copy(update={"now_ms": 1})
    assert news.more(NOW + 1) == b""
    world.status = world.status.model_copy(update={"accounts": (account("new"),)})
    assert set(heard(news.more(NOW + 2))) == {"proxy"}


def test_a_request_that_ends_is_told_of_once(world: World) -> None:
    news = world.news()
    news.more(NOW)
    world.history.note(ended())
    told = heard(news.more(NOW + 1))
    assert set(told) == {"requests", "history"}
    assert told["requests"][0]["account"] == "work"
    assert news.more(NOW + 2) == b""


def test_who_comes_back_hears_what_it_has_missed_and_no_more(world: World) -> None:
    for _ in range(3):
        world.history.note(ended())
    data = world.news(since=2).more(NOW)
    assert [each["number"] for each in heard(data)["requests"]] == [3]
    assert data is not None
    assert b"id: 3\n" in data


def test_the_hour_moves_on_by_the_minute(world: World) -> None:
    news = world.news()
    news.more(NOW)
    assert set(heard(news.more(NOW + 60))) == {"history"}


def test_a_sign_in_is_told_of_with_a_code_for_phones(world: World) -> None:
    news = world.news()
    news.more(NOW)
    world.sign_in = WAITING
    told = heard(news.more(NOW + 1))["sign-in"]
    assert (told["stage"], told["user_code"], told["qr"]) == (
        "waiting",
        "ABCD",
        qr_rows(WAITING.page),
    )
    world.sign_in = replace(WAITING, stage=SignInStage.DONE, told="work is signed in.")
    assert heard(news.more(NOW + 2))["sign-in"]["qr"] == []


def test_it_gives_a_sign_of_life_now_and_then(world: World) -> None:
    news = world.news()
    news.more(NOW - NOW % 60)
    assert news.more(NOW - NOW % 60 + 16) == b":\n\n"


def test_it_ends_after_a_while_and_then_is_asked_for_again(world: World) -> None:
    news = world.news()
    first = news.more(NOW)
    assert first is not None
    assert first.startswith(b"retry: ")
    assert news.more(NOW + 300) is None
    assert world.closed == 1


def test_a_clock_that_is_set_back_does_not_keep_it_alive(world: World) -> None:
    news = world.news()
    news.more(NOW)
    assert news.more(NOW - 3600) is None


def test_it_ends_sooner_where_its_messages_are_long(world: World) -> None:
    """A client that has stopped reading must not have a gigabyte heaped up for it."""
    accounts = [account("x" * 1000, f"id-{number}") for number in range(1000)]
    news, told = world.news(), 0
    for second in range(299):
        world.status = status(*accounts).model_copy(update={"waiting": second})
        data = news.more(NOW + second)
        if data is None:
            break
        told += len(data)
    assert world.closed == 1
    assert 16_000_000 < told < 20_000_000


def test_it_ends_with_the_proxy(world: World) -> None:
    news = world.news()
    news.more(NOW)
    news.close()
    news.close()
    assert news.more(NOW + 1) is None
    assert world.closed == 1


def test_a_code_for_phones_is_square_and_has_its_three_corners() -> None:
    rows = qr_rows("https://qwen.example/go")
    assert {len(row) for row in rows} == {len(rows)}
    assert rows[0].startswith("1111111")
    assert rows[0].endswith("1111111")
    assert rows[-1].startswith("1111111")
