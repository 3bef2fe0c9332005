"""Options that are changed in mitmweb while it runs: they hold from then on, or are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.proxy.conftest import mitmweb
from tests.support.pool import Pool
from tests.support.recorder import Recorder
from tests.support.replies import Ending, broken, refusal
from tests.support.web import WebInterface

LIMITED: Final = refusal(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "200"})


@dataclass(frozen=True, slots=True)
class Rig:
    pool: Pool
    web: WebInterface

    def set(self, **options: object) -> None:
        answer = self.web.set_options(**options)
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, confdir: Path) -> Iterator[Rig]:
    with mitmweb(tmp_path_factory.mktemp("mitm"), confdir) as (pool, web):
        yield Rig(pool, web)


@pytest.fixture
def rig(shared: Rig, recorder: Recorder) -> Rig:
    """Each test begins with the options as they were at the start."""
    options = shared.web.options().items()
    shared.set(**{name: each["default"] for name, each in options if name.startswith("qwen_")})
    shared.pool.begin(recorder)
    return shared


def test_the_strategy(rig: Rig) -> None:
    rig.pool.has("a", "b")
    rig.set(qwen_rotation_strategy="round-robin")
    assert [rig.pool.account_for() for _ in range(4)] == ["a", "b", "a", "b"]
    rig.set(qwen_rotation_strategy="sequential")
    assert len({rig.pool.account_for() for _ in range(3)}) == 1


def test_how_long_a_request_may_wait(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = LIMITED
    rig.set(qwen_max_rate_limit_wait_seconds=0)
    assert rig.pool.ask().status_code == 429


def test_a_time_out(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = broken(Ending.HANG)
    rig.set(qwen_first_byte_timeout_seconds=1)
    answer = rig.pool.ask()
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "upstream_timeout"


NONSENSE: Final[dict[str, tuple[dict[str, object], str]]] = {
    "no such choice": ({"qwen_rotation_strategy": "sideways"}, "round-robin"),
    "out of range": ({"qwen_first_byte_timeout_seconds": 0}, "qwen_first_byte_timeout_seconds"),
    "a token in the clear": ({"qwen_base_url": "http://host.example/v1"}, "https"),
    "one good and one bad": (
        {"qwen_rotation_strategy": "sequential", "qwen_max_attempts": 0},
        "qwen_max_attempts",
    ),
    "a table that is none": ({"qwen_token_bucket": "{max_tokens: }"}, "qwen_token_bucket"),
}


@pytest.mark.parametrize(("options", "message"), NONSENSE.values(), ids=NONSENSE)
def test_a_bad_value_is_refused_and_the_old_one_stays(
    options: dict[str, object], message: str, rig: Rig
) -> None:
    rig.pool.has("a", "b")
    rig.set(qwen_rotation_strategy="round-robin")
    before = rig.web.options()

    refused = rig.web.set_options(**options)

    assert refused.status_code == 400
    assert message in refused.text
    assert rig.web.options() == before
    assert [rig.pool.account_for() for _ in range(4)] == ["a", "b", "a", "b"]
