"""The parts alone, without a proxy: translator, request, choice of an account.

What each is held against is measured in the same moment: a pass of the one, a pass of the
other, and the fastest of several passes counts, since nothing but the machine makes a pass
slower.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

from pydantic_core import from_json, to_json

from addon.accounts.account import Account, ApiKeyCredential
from addon.rotation.decision import Chosen, Needs
from addon.rotation.outcome import Served
from addon.rotation.policy import Policy
from addon.rotation.pool import Pool
from addon.translate import ResponseRenderer, StreamTranslator, parse_request
from tests.bench.answers import Script
from tests.bench.asking import Api, body
from tests.bench.contenders import POOLS
from tests.bench.figures import Figure, Figures
from tests.support.chat import ToolCall, call_deltas, events, reasoning_deltas, text_stream

_PASSES: Final = 15
_PIECES: Final = 1000
_REQUEST_BYTES: Final = 200_000
_PER_BYTES: Final = 100_000
_CHOICES: Final = 500
_NOW: Final = 1_760_000_000.0

STREAMS: Final = {"text": "text", "arguments": "tool arguments", "reasoning": "reasoning"}
"""The kinds of streams, and what they are called."""


def measure(figures: Figures) -> None:
    """Notes all of it once."""
    for kind in STREAMS:
        _measure_stream(figures, kind)
    _measure_request(figures)
    _measure_choice(figures)


def _measure_stream(figures: Figures, kind: str) -> None:
    """One event a feed: the translator beside the bare parsing of the same chunks."""
    sent = _stream(kind)
    payloads = [event.removeprefix(b"data: ").rstrip() for event in sent]
    shape = parse_request(body(Api.RESPONSES, Script(1)).encode()).shape
    numbers = count()

    def translate() -> float:
        renderer = ResponseRenderer(shape, "resp_1", int(_NOW))
        feed = StreamTranslator(renderer, f"{next(numbers):032x}").feed
        opening, rest = sent[:3], sent[3:]
        for event in opening:
            feed(event, _NOW)
        return _seconds(lambda: [feed(event, _NOW) for event in rest])

    def parse() -> float:
        return _seconds(lambda: [from_json(payload) for payload in payloads[3:]])

    translation, parsing = _fastest(translate, parse)
    scale = 1e6 / (len(sent) - 3)
    figures.note("micro", kind, Figure.TRANSLATION, translation * scale)
    figures.note("micro", kind, Figure.PARSING, parsing * scale)


def _stream(kind: str) -> list[bytes]:
    """The first events open what the others go on with; nothing ends yet."""
    texts = Script(_PIECES).texts()
    if kind == "text":
        return events(text_stream(*texts)[:-2], done=False)
    if kind == "reasoning":
        return events(reasoning_deltas(*texts), done=False)
    arguments = json.dumps({"path": "src/a.py", "text": "".join(texts)})
    deltas = call_deltas(ToolCall("call_1", "write", arguments), pieces=_PIECES)
    return events(deltas, done=False)


def _measure_request(figures: Figures) -> None:
    """A large request, there and back into bytes, for 100 KB of it."""
    said = body(Api.RESPONSES, Script(1), size=_REQUEST_BYTES).encode()

    def translate() -> float:
        def do() -> None:
            request = parse_request(said)
            request.render(request.model)

        return _seconds(do)

    def parse() -> float:
        return _seconds(lambda: to_json(from_json(said)))

    translation, parsing = _fastest(translate, parse)
    scale = 1e6 * _PER_BYTES / len(said)
    figures.note("micro", "request", Figure.TRANSLATION, translation * scale)
    figures.note("micro", "request", Figure.PARSING, parsing * scale)


def _measure_choice(figures: Figures) -> None:
    """Choosing, taking and giving back, among more and more accounts."""
    pools = [_pool(accounts) for accounts in POOLS]
    clock = count(1)

    def choose(pool: Pool) -> Callable[[], float]:
        def do() -> None:
            for _ in range(_CHOICES):
                now = _NOW + next(clock) / 100
                needs = Needs(model="qwen3-coder-plus")
                decision = pool.choose(needs, now)
                assert isinstance(decision, Chosen)
                pool.take(decision.account.id, needs, now)
                pool.settle(decision.account, needs, Served(), now)

        return lambda: _seconds(do)

    fastest = _fastest(*(choose(pool) for pool in pools))
    for accounts, seconds in zip(POOLS, fastest, strict=True):
        figures.note("micro", f"choice-{accounts}", Figure.CHOICE, seconds * 1e6 / _CHOICES)


def _pool(accounts: int) -> Pool:
    pool = Pool(Policy())
    pool.update_accounts(
        [
            Account(
                id=f"a{number}",
                credential=ApiKeyCredential(f"sk-{number}"),
                base_url="https://models.example/v1",
            )
            for number in range(accounts)
        ],
        _NOW,
    )
    return pool


def _fastest(*passes: Callable[[], float]) -> Sequence[float]:
    """The seconds of each one's fastest pass; they take turns."""
    rounds = [[each() for each in passes] for _ in range(_PASSES)]
    return [min(column) for column in zip(*rounds, strict=True)]


def _seconds(do: Callable[[], object]) -> float:
    """The CPU that it takes."""
    before = time.thread_time()
    do()
    return time.thread_time() - before
