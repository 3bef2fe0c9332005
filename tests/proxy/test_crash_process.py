"""Real mitmdump processes under load are killed at any moment: no token is lost, no request fails.

They share one accounts file, and their upstream takes only tokens that the OAuth server regards as
good, for a second each. A request may fail with the process that it went to, and where no account
had a sign-in left; not otherwise. See ``tests/support/crashes.py`` for the rules, and for how to
make it a long one.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.support.chat import MODEL, completion, events, text_stream
from tests.support.crashes import Storm, brewing
from tests.support.oauth_server import OAuthServer
from tests.support.oracle import check_response, check_stream
from tests.support.outcome import outcome_of
from tests.support.proxy import REVERSE, MitmProcess, Setup, StartRefused
from tests.support.recorder import SAFETY_SECONDS
from tests.support.replies import Reply, json_reply, refusal, stream_reply
from tests.support.upstream import Request, Upstream

CLIENTS: Final = 2
"""How many send requests through each process, each of them one after the other."""

LONGEST_PAUSE_SECONDS: Final = 0.2
"""Between two requests of a client: without any, no process would find the time to start."""

TEXT: Final = "Hello"
WHOLE: Final = json_reply(completion(TEXT))
STREAM: Final = stream_reply(events(text_stream("Hel", "lo")))
DEAD_TOKEN: Final = refusal(401, None, "invalid access token or token expired")

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and what came of it."""

    process: str
    began_at: float
    """As ``ended_at``: of the monotonic clock."""
    ended_at: float
    came: httpx2.Response | httpx2.TransportError

    def fault(self) -> str | None:
        """What is wrong with the answer; None where it was served."""
        if isinstance(self.came, httpx2.TransportError):
            return repr(self.came)
        if self.came.status_code != httpx2.codes.OK:
            return f"{self.came.status_code} {self.came.text}"
        is_stream = self.came.headers["content-type"].startswith("text/event-stream")
        try:
            response = (
                check_stream(self.came.content).response
                if is_stream
                else check_response(self.came.json())
            )
        except AssertionError as broken:
            return str(broken)
        outcome = outcome_of(response)
        return None if (outcome.status, outcome.text) == ("completed", TEXT) else repr(outcome)


class Loaded:
    """A proxy, and the clients that keep it busy from its start to its end."""

    def __init__(self, name: str, proxy: MitmProcess) -> None:
        """It starts while others serve."""
        self.name = name
        self.proxy = proxy
        self.asked: list[Asked] = []
        self._is_over = threading.Event()
        self._threads = ThreadPoolExecutor(1 + CLIENTS)
        self._start = self._threads.submit(proxy.start)
        self._clients = [
            self._threads.submit(self._keep_asking, random.Random(f"{name}/{number}"))  # noqa: S311
            for number in range(CLIENTS)
        ]

    def kill(self) -> None:
        self._is_over.set()
        with suppress(StartRefused):
            self._start.result()
        self.proxy.kill()
        self._threads.shutdown()

    def end(self) -> None:
        """Once its last request is served, as its user would."""
        self._is_over.set()
        for client in self._clients:
            client.result()
        assert self.proxy.stop() == 0, self.proxy.log

    def _keep_asking(self, chance: random.Random) -> None:
        self._start.result()
        with httpx2.Client(timeout=SAFETY_SECONDS, trust_env=False) as client:
            while not self._is_over.wait(chance.uniform(0.0, LONGEST_PAUSE_SECONDS)):
                self.asked.append(self._ask(client, is_stream=chance.random() < 0.5))

    def _ask(self, client: httpx2.Client, *, is_stream: bool) -> Asked:
        body = {"model": MODEL, "input": "Hi", "stream": is_stream}
        began_at = time.monotonic()
        came: httpx2.Response | httpx2.TransportError
        try:
            came = client.post(f"{self.proxy.base_url}/responses", json=body)
        except httpx2.TransportError as error:
            came = error
        return Asked(self.name, began_at, time.monotonic(), came)


@pytest.fixture
def storm(tmp_path: Path, confdir: Path, upstream: Upstream) -> Iterator[Storm[Loaded]]:
    path = tmp_path / "opencode" / "accounts.json"

    def start(server: OAuthServer, name: str) -> Loaded:
        setup = Setup(
            is_warm=False,
            modes=[REVERSE],
            options={"qwen_oauth_base_url": server.url, "qwen_client_id": name},
            env={"QWEN_ACCOUNTS_FILE": str(path)},
        )
        return Loaded(name, MitmProcess(tmp_path / name, setup, confdir=confdir))

    with brewing(path, start, processes=3, kills=3, baseUrl=upstream.base_url) as storm:

        def answer(request: Request) -> Reply:
            if storm.server.book.account_of(request.token or "") is None:
                return DEAD_TOKEN
            return STREAM if request.json().get("stream") else WHOLE

        upstream.answers(answer)
        yield storm


def test_no_refresh_token_is_lost_and_no_request_fails(storm: Storm[Loaded]) -> None:
    storm.rage()
    survivors = list(storm.alive.values())
    for loaded in survivors:
        loaded.end()

    storm.judge()
    everyone = {loaded.name: loaded for loaded in (*storm.dead, *survivors)}
    judge_requests(storm, everyone)
    for loaded in everyone.values():
        loaded.proxy.secrets |= storm.server.book.secrets()
        loaded.proxy.check()


def judge_requests(storm: Storm[Loaded], everyone: dict[str, Loaded]) -> None:
    """None failed but with its process, or for want of any sign-in."""
    asked = [each for loaded in everyone.values() for each in loaded.asked]
    faulty = [each for each in asked if each.fault() is not None]
    own = [
        each
        for each in faulty
        if each.process not in storm.killed or each.ended_at < storm.killed[each.process]
    ]
    failed = [each for each in own if storm.could_serve(each.began_at, each.ended_at)]
    _log.info(
        "%d requests in %.0f s; %d died with their process, %d came when no account had a sign-in, "
        "%d failed",
        len(asked),
        max(each.ended_at for each in asked) - min(each.began_at for each in asked),
        len(faulty) - len(own),
        len(own) - len(failed),
        len(failed),
    )
    for each in failed[:1]:
        printed = everyone[each.process].proxy.log
        pytest.fail(f"{len(failed)} failed, {each.process} with {each.fault()}:\n{printed}")
