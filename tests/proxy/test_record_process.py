"""What a person sees of each request in mitmweb: who served, why others did not, how it ended."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowReader

from tests.proxy.conftest import mitmweb
from tests.support.chat import MODEL, Json, sse, text_deltas
from tests.support.pool import Pool
from tests.support.recorder import Recorder
from tests.support.replies import Ending, Reply, broken, refusal, stream_reply
from tests.support.web import WebInterface

SPENT: Final = refusal(403, "insufficient_quota", "Free allocated quota exceeded.")
DISGUISED: Final[Json] = {"error": {"code": "rate_limit_exceeded", "message": "Slow down."}}
IN_DISGUISE: Final = stream_reply([sse(DISGUISED)], encoding="gzip")
WRONG: Final = refusal(400, "invalid_parameter", "No such thing.")
NO_STREAM: Final = Reply(200, (("content-type", "application/json"),), (b'{"choices": 1}',))


@dataclass(frozen=True, slots=True)
class Rig:
    pool: Pool
    web: WebInterface

    def ask(self) -> None:
        self.pool.ask(stream=True)

    @property
    def shown(self) -> dict[str, Any]:
        """The last flow as the list shows it."""
        flows: list[dict[str, Any]] = self.web.get("/flows").json()
        return flows[-1]

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """The refused attempts of the last flow, as it is saved."""
        *_, last = FlowReader(io.BytesIO(self.web.get("/flows/dump").content)).stream()
        assert isinstance(last, HTTPFlow)
        attempts: list[dict[str, Any]] = last.metadata.get("qwen_attempts", [])
        return attempts


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, confdir: Path) -> Iterator[Rig]:
    with mitmweb(tmp_path_factory.mktemp("mitm"), confdir) as (pool, web):
        yield Rig(pool, web)


@pytest.fixture
def rig(shared: Rig, recorder: Recorder) -> Rig:
    shared.pool.begin(recorder)
    return shared


def test_a_request_that_is_served_at_once(rig: Rig) -> None:
    rig.pool.has(rig.pool.fresh("only", modelMap={MODEL: "theirs"}))
    rig.ask()
    facts = rig.shown["comment"].split("; ")
    assert facts[:4] == [
        "account only",
        f"model {MODEL} as theirs",
        "100 tokens in (40 cached)",
        "20 out",
    ]
    assert facts[4].startswith("first event after ")
    assert rig.shown["marked"] == ""
    assert rig.attempts == []


def test_a_request_that_other_accounts_refused(rig: Rig) -> None:
    refusing = {"spent": SPENT, "disguised": IN_DISGUISE, "gone": broken(Ending.RESET)}
    ranks = {label: rank for rank, label in enumerate([*refusing, "good"])}
    rig.pool.has(*(rig.pool.fresh(label, priority=rank) for label, rank in ranks.items()))
    rig.pool.refusing.update(refusing)
    rig.ask()
    for told in (
        "account good",
        "4 attempts",
        "spent refused with 403 insufficient_quota: Free allocated quota exceeded.",
        "disguised refused with 200 rate_limit_exceeded: Slow down.",
        "gone failed: The upstream could not be reached: ",
    ):
        assert told in rig.shown["comment"]
    assert rig.shown["marked"] == "🔁"
    spent, disguised, gone = rig.attempts
    assert (spent["account"], spent["status"], spent["host"]) == ("spent", 403, "127.0.0.1")
    assert spent["body"].encode() in SPENT.pieces
    assert disguised["body"] == sse(DISGUISED).decode()
    assert (gone["status"], gone["body"]) == (None, "")
    rig.pool.proxy.wait_for_log("4 attempts, spent refused with 403 insufficient_quota")


def test_a_request_that_is_refused(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = WRONG
    rig.ask()
    assert rig.shown["comment"].endswith("only refused with 400 invalid_parameter: No such thing.")
    assert rig.shown["marked"] == "❌"


def test_an_answer_that_is_none_is_there_to_be_read(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = NO_STREAM
    rig.ask()
    assert rig.attempts[0]["body"] == '{"choices": 1}'


def test_a_stream_that_is_cut(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = stream_reply([*map(sse, text_deltas("Hel"))], ending=Ending.CUT)
    rig.ask()
    assert "cut: " in rig.shown["comment"]
    assert rig.shown["marked"] == "⚠"
