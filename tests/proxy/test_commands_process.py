"""Commands that a person gives in mitmweb: they hold at once, or are refused in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.proxy.conftest import mitmweb
from tests.support.accounts import oauth_account
from tests.support.pool import Pool
from tests.support.recorder import Recorder
from tests.support.replies import refusal
from tests.support.web import CommandRefused, WebInterface

NAMES: Final = {
    "qwen.status",
    "qwen.accounts",
    "qwen.accounts.enable",
    "qwen.accounts.disable",
    "qwen.accounts.refresh",
    "qwen.cooldown.clear",
    "qwen.strategies",
    "qwen.strategy",
    "qwen.export",
}
LIMITED: Final = refusal(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "900"})


@dataclass(frozen=True, slots=True)
class Rig:
    pool: Pool
    web: WebInterface

    def told(self, command: str, *arguments: str, telling: str) -> None:
        """Give the command, and wait until the log tells that it is done."""
        self.web.command(command, *arguments)
        self.pool.proxy.wait_for_log(telling)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, confdir: Path) -> Iterator[Rig]:
    with mitmweb(
        tmp_path_factory.mktemp("mitm"), confdir, qwen_max_rate_limit_wait_seconds="0"
    ) as (pool, web):
        yield Rig(pool, web)


@pytest.fixture
def rig(shared: Rig, recorder: Recorder) -> Rig:
    shared.pool.begin(recorder)
    return shared


def test_each_command_has_a_help_text(rig: Rig) -> None:
    commands = rig.web.get("/commands").json()
    assert {name for name in commands if name.startswith("qwen.")} == NAMES
    assert all(commands[name]["help"] for name in NAMES)


def test_the_status_tells_of_each_account(rig: Rig) -> None:
    rig.pool.has("able", rig.pool.fresh("idle", enabled=False))
    rig.pool.ask()
    head, able, idle = rig.web.command("qwen.status")
    assert head.startswith("hybrid, 0 requests under way, 0 waiting")
    assert able.startswith("able: ready, health 71, bucket 49 of 50, 0 in flight, today 1 requests")
    assert idle.startswith("idle: disabled")


def test_an_account_is_disabled_and_enabled(rig: Rig) -> None:
    rig.pool.has(rig.pool.fresh("first", priority=-1), "second")
    rig.told("qwen.accounts.disable", "first", telling="Account first is disabled.")
    assert rig.pool.account_for() == "second"
    assert [entry.get("enabled", True) for entry in rig.pool.entries()] == [False, True]
    rig.told("qwen.accounts.enable", "first", "second", telling="Account second is enabled.")
    assert rig.pool.account_for() == "first"
    assert all(entry.get("enabled", True) for entry in rig.pool.entries())


def test_a_cooldown_is_cleared(rig: Rig) -> None:
    rig.pool.has("tired")
    rig.pool.refusing["tired"] = LIMITED
    assert rig.pool.ask().status_code == 429
    assert "tired: cooling for " in rig.web.command("qwen.status")[1]
    rig.pool.wait_until_resting("tired")
    rig.pool.refusing.clear()

    rig.told("qwen.cooldown.clear", "tired", telling="Account tired is asked again.")

    assert "rateLimitResetAt" not in rig.pool.entries()[0]
    assert rig.pool.account_for() == "tired"


def test_the_strategy_is_changed_and_shows_among_the_options(rig: Rig) -> None:
    rig.pool.has("a", "b")
    rig.web.command("qwen.strategy", "round-robin")
    assert rig.web.options()["qwen_rotation_strategy"]["value"] == "round-robin"
    assert [rig.pool.account_for() for _ in range(4)] == ["a", "b", "a", "b"]
    rig.web.command("qwen.strategy", "hybrid")


def test_a_key_cannot_be_refreshed(rig: Rig) -> None:
    rig.pool.has("plain")
    rig.told("qwen.accounts.refresh", "plain", telling="Account plain: It has no sign-in")


def test_a_refresh_that_fails_says_why(rig: Rig) -> None:
    rig.web.set_options(qwen_oauth_base_url="http://127.0.0.1:1")
    rig.pool.has(oauth_account("access-token-of-nobody", id="signed-in", label="signed in"))
    rig.told("qwen.accounts.refresh", "signed in", telling="Account signed in: ")


def test_a_flow_is_given_as_a_curl_command_without_the_token(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.ask("How do you do?")
    command = shlex.split(rig.web.command("qwen.export", "~bq 'How do you do'"))
    assert command[0] == "curl"
    assert f"{rig.pool.upstream.base_url}/chat/completions" in command
    assert "authorization: Bearer sk-o...ount" in command
    assert "How do you do?" in command[-1]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("qwen.accounts.enable", ["nobody"]),
        ("qwen.accounts.enable", []),
        ("qwen.strategy", ["sideways"]),
        ("qwen.export", ["@none"]),
    ],
)
def test_nonsense_is_refused(command: str, arguments: list[str], rig: Rig) -> None:
    rig.pool.has("somebody")
    with pytest.raises(CommandRefused):
        rig.web.command(command, *arguments)


def test_accounts_of_one_name_go_by_their_ids(rig: Rig) -> None:
    twins = [rig.pool.fresh("twin") for _ in range(2)]
    rig.pool.has(*twins, "other")
    assert rig.web.command("qwen.accounts") == [twins[0]["id"], twins[1]["id"], "other"]
