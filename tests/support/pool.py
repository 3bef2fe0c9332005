"""A proxy that stays while its accounts come and go: one process for many tests of rotation.

A test names the accounts that it wants; they are put into the accounts file as another program
would do it, under ids that no test has used before, so that nothing is known of them. All lead to
one upstream, which serves any of them, or refuses those that the test says.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import httpx2

from addon.accounts.lock import locked
from tests.support.accounts import api_key_account, write_accounts
from tests.support.chat import MODEL, Json, Usage, completion, events, text_stream
from tests.support.proxy import SAFETY_SECONDS, MitmProcess
from tests.support.recorder import Recorder
from tests.support.replies import Reply, json_reply, stream_reply
from tests.support.upstream import Request, Upstream

COST: Final = Usage(prompt=100, completion=20, cached=40)
"""Of every answer."""


@dataclass(slots=True)
class Pool:
    """A running proxy, its accounts by their labels, and the upstream behind them all."""

    proxy: MitmProcess
    upstream: Upstream
    recorder: Recorder = field(default_factory=Recorder)
    refusing: dict[str, Reply] = field(default_factory=dict)
    """What the upstream answers, by label; all others are served."""
    _serials: Iterator[int] = field(default_factory=itertools.count)
    _labels: dict[str | None, str] = field(default_factory=dict)
    """By key."""

    def begin(self, recorder: Recorder) -> Self:
        """A new test: nobody is refused, and nothing was asked."""
        self.recorder = recorder
        self.refusing.clear()
        self.upstream.reset()
        self.upstream.answers(self._answer)
        return self

    # The accounts

    def fresh(self, label: str, **fields: object) -> Json:
        """An account that never was; ``fields`` as the file names them."""
        serial = next(self._serials)
        key = f"sk-{label}-{serial:08}-the-key-of-a-test-account"
        self._labels[key] = label
        self.proxy.secrets.add(key)
        base_url, id_ = self.upstream.base_url, f"{label}-{serial}"
        return api_key_account(key, base_url, id=id_, label=label, **fields)

    def has(self, *accounts: str | Json) -> None:
        """From now on there are these accounts; a bare label stands for a fresh one."""
        entries = [self.fresh(each) if isinstance(each, str) else each for each in accounts]
        self.edit(lambda _: entries)

    def edit(self, change: Callable[[list[Json]], Sequence[Json]]) -> None:
        """Another program changes the accounts file: one that keeps to its lock."""
        path = self.proxy.accounts_file
        with locked(path, timeout_seconds=SAFETY_SECONDS):
            write_accounts(path, change(self.entries()))

    def entries(self) -> list[Json]:
        """The accounts as the file has them."""
        entries: list[Json] = json.loads(self.proxy.accounts_file.read_text("utf-8"))["accounts"]
        return entries

    def wait_until_resting(self, *labels: str) -> None:
        """Wait until by the word of the file these accounts rest, which is written behind."""
        deadline = time.monotonic() + SAFETY_SECONDS
        while not {*labels} <= {e["label"] for e in self.entries() if "rateLimitResetAt" in e}:
            assert time.monotonic() < deadline, f"not all of {labels} rest in {self.entries()}"
            time.sleep(0.01)

    # Requests

    def ask(
        self, text: str = "Hi", /, *, headers: Mapping[str, str] | None = None, **fields: object
    ) -> httpx2.Response:
        """The answer to a client that leaves with it; ``fields`` of the request's body."""
        with self.recorder.client() as client:
            body = {"model": MODEL, "input": text, **fields}
            return client.post(f"{self.proxy.base_url}/responses", json=body, headers=headers)

    def account_for(self, *, headers: Mapping[str, str] | None = None, **fields: object) -> str:
        """The label of the account by which such a request is served."""
        answer = self.ask(headers=headers, **fields)
        assert answer.status_code == httpx2.codes.OK, answer.text
        label = str(answer.headers["x-qwen-account"])
        assert self.asked[-1] == label
        return label

    @property
    def asked(self) -> list[str]:
        """The labels of the accounts whose keys came to the upstream, in that order."""
        return [self._label(request) for request in self.upstream.requests]

    def _label(self, request: Request) -> str:
        return self._labels[request.token]

    def _answer(self, request: Request) -> Reply:
        return self.refusing.get(self._label(request)) or served(request)


def served(request: Request) -> Reply:
    """``Hello``, at the usual cost."""
    if request.json().get("stream"):
        return stream_reply(events(text_stream("Hel", "lo", usage=COST)))
    return json_reply(completion("Hello", usage=COST))
