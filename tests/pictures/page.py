"""The live page after an hour of work, in a real browser: light, and dark.

The hour passes in a minute (``fast_clock``), and the service behind the accounts is a scripted one
with limits and moods; everything else is as it always is.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx2

from tests.browser.tab import Scheme, Tab, chromium, tab
from tests.pictures import fast_clock
from tests.support.accounts import api_key_account
from tests.support.chat import Usage, events, text_stream
from tests.support.proxy import REVERSE, ROOT, MitmProcess, Setup
from tests.support.replies import Ending, Gate, Reply, refusal, stream_reply
from tests.support.upstream import Request, Upstream

SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")

_REQUESTS: Final = 160
_LABELS: Final = ("work", "home", "spare")
_MODELS: Final = ("qwen3-coder-plus", "qwen3-coder-plus", "qwen3-coder-plus", "qwen3-vl-plus")
_UNKNOWN_MODEL: Final = "qwen3-coder-ultra"
_QUOTA: Final = "You exceeded your current quota, please check your plan."


def page_pictures(folder: Path, pictures: dict[Scheme, Path]) -> None:
    """Plays the hour, with what it leaves in ``folder``, and takes the pictures."""
    with Upstream() as upstream, chromium() as browser:
        service = _Service(upstream)
        upstream.answers(service.answer)
        accounts = [
            api_key_account(
                f"sk-{label}-0000-the-key-of-an-account", upstream.base_url, label=label
            )
            for label in _LABELS
        ]
        setup = Setup(
            accounts=accounts,
            modes=[REVERSE],
            script=Path(fast_clock.__file__),
            env={"PYTHONPATH": str(ROOT)},
        )
        with MitmProcess(folder, setup) as proxy:
            _work(proxy)
            service.is_tired = True
            _ask(proxy, _MODELS[0])
            with ThreadPoolExecutor() as threads:
                service.is_slow = True
                asked = [threads.submit(_ask, proxy, _MODELS[0]) for _ in range(2)]
                upstream.wait_for_requests(service.count + 2)
                for scheme, path in pictures.items():
                    with tab(browser, scheme=scheme) as live:
                        live.open(f"{proxy.url('reverse')}/_qwen/")
                        _take(live, path)
                service.let_go()
                assert [each.result() for each in asked] == [200, 200]


def _work(proxy: MitmProcess) -> None:
    """An hour of it, by a few programs at once."""
    chance = random.Random(4)  # noqa: S311 - the same picture each time
    with ThreadPoolExecutor(max_workers=4) as threads:
        for number in range(_REQUESTS):
            model = _UNKNOWN_MODEL if number % 37 == 20 else chance.choice(_MODELS)
            threads.submit(_ask, proxy, model)
            busy = 1 + (number // 15) % 2
            time.sleep(chance.uniform(0.15, 0.9) / busy)  # the pace of the work itself


def _ask(proxy: MitmProcess, model: str) -> int:
    body = {"model": model, "input": "Go on.", "stream": True}
    with httpx2.Client(trust_env=False, timeout=30) as client:
        return client.post(f"{proxy.base_url}/responses", json=body).status_code


def _take(live: Tab, path: Path) -> None:
    live.wait_for("tr.request")
    live.page.locator("tr.request button").first.click()
    live.page.evaluate(
        "[...document.querySelectorAll('tr.request')].slice(9)"
        ".forEach((row) => { row.nextElementSibling?.matches('.attempts')"
        " && row.nextElementSibling.remove(); row.remove(); })"
    )
    live.page.mouse.move(0, 0)
    live.picture(path)


class _Service:
    """A model service with limits and moods."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._chance = random.Random(7)  # noqa: S311
        self._numbers = itertools.count(1)
        self._held: list[Gate] = []
        self.count = 0
        self.is_tired = False
        """Whether the next request is refused."""
        self.is_slow = False
        """Whether answers are held until ``let_go``."""

    def answer(self, request: Request) -> Reply:
        """What one request gets."""
        self.count = number = next(self._numbers)
        refused = self._refusal(request, number)
        if refused is not None:
            return refused
        gate = self._upstream.gate()
        if self.is_slow:
            self._held.append(gate)
            return self._stream(gate)
        self._open_after(self._chance.lognormvariate(-3.6, 0.8), gate)
        return self._stream(gate, Ending.CUT if number % 61 == 30 else Ending.CLEAN)

    def _refusal(self, request: Request, number: int) -> Reply | None:
        label = (request.token or "").split("-")[1]
        if request.json()["model"] == _UNKNOWN_MODEL:
            return refusal(404, "model_not_found", f"The model {_UNKNOWN_MODEL} does not exist.")
        if label == "spare" and number > 60:
            return refusal(429, "insufficient_quota", _QUOTA)
        if self.is_tired or (label == "work" and number % 17 < 2):
            self.is_tired = False
            headers = {"retry-after": str(self._chance.randint(60, 240))}
            return refusal(429, "rate_limit_exceeded", "Slow down.", headers=headers)
        if number % 43 == 9:
            return refusal(503, "overloaded", "The service is overloaded.")
        return None

    def let_go(self) -> None:
        """Answers go on."""
        for gate in self._held:
            gate.open()

    def _stream(self, first: Gate, ending: Ending = Ending.CLEAN) -> Reply:
        prompt, answer = self._chance.randint(8_000, 90_000), self._chance.randint(80, 1500)
        usage = Usage(prompt=prompt, completion=answer, cached=int(prompt * 0.8))
        begun, *rest = events(text_stream("I ", "go ", "on.", usage=usage))
        if ending is Ending.CUT:
            return stream_reply([first, begun, rest[0]], ending=ending)
        last = self._upstream.gate()
        self._open_after(answer / 60 / fast_clock.SPEED + 0.05, last)
        return stream_reply([first, begun, rest[0], last, *rest[1:]])

    def _open_after(self, seconds: float, gate: Gate) -> None:
        threading.Timer(seconds, gate.open).start()
