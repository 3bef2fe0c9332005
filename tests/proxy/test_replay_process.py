"""A person has mitmweb send one of our requests again: with a token of now, or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.chat import MODEL
from tests.support.pool import Pool
from tests.support.proxy import REGULAR, SAFETY_SECONDS, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.upstream import Upstream
from tests.support.web import WebInterface

_POLL_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Rig:
    pool: Pool
    web: WebInterface

    def last(self) -> Any:
        """The last flow in the list."""
        return self.web.get("/flows").json()[-1]

    def ask(self) -> Any:
        """A request by the HTTP proxy; gives its flow."""
        proxy = self.pool.proxy.url("regular")
        body = {"model": MODEL, "input": "Hi", "stream": True}
        with self.pool.recorder.client(proxy=proxy) as client:
            answer = client.post(f"{self.pool.upstream.base_url}/responses", json=body)
        assert answer.status_code == 200
        return self.last()

    def replay(self, flow: Any) -> Any:
        """The flow when it has been sent again."""
        self.web.replay(flow["id"])
        deadline = time.monotonic() + SAFETY_SECONDS
        while (now := self.last())["comment"] == flow["comment"]:
            assert time.monotonic() < deadline, "it was not sent again"
            time.sleep(_POLL_SECONDS)
        return now


@pytest.fixture
def rig(tmp_path: Path, confdir: Path, recorder: Recorder) -> Iterator[Rig]:
    setup = Setup(accounts=[], modes=[REGULAR], program="mitmweb")
    with (
        Upstream() as upstream,
        MitmProcess(tmp_path, setup, confdir=confdir) as proxy,
        WebInterface(proxy) as web,
    ):
        yield Rig(Pool(proxy, upstream).begin(recorder), web)


def test_it_goes_to_whoever_can_serve_it_now(rig: Rig) -> None:
    rig.pool.has("before")
    flow = rig.ask()
    rig.pool.has("after")
    assert rig.replay(flow)["comment"].startswith("account after; ")
    assert rig.pool.asked == ["before", "after"]
    first, second = rig.pool.upstream.requests
    assert first.json() == second.json()


def test_where_no_account_is_left_nothing_is_sent(rig: Rig) -> None:
    rig.pool.has("gone")
    flow = rig.ask()
    rig.pool.has()
    again = rig.replay(flow)
    assert again["response"]["status_code"] == 401
    assert "refused: no_accounts: " in again["comment"]
    assert rig.pool.asked == ["gone"]
