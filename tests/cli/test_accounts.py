"""``qwen-proxy accounts``: what is listed, changed and removed, and what cannot be."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from addon.accounts.file import JsonFileStore
from addon.accounts.store import Plus
from tests.cli.command import Command
from tests.cli.invoked import Home, failed, secrets_shown
from tests.cli.terminal import on_terminal
from tests.support.accounts import api_key_account, oauth_account

KEY = "sk-0123456789abcdef"
URL = "https://host.example/v1"
ACCESS = "access-0123456789abcdef"
REFRESH = "refresh-0123456789abcdef"
SECRETS = (KEY, ACCESS, REFRESH)

WORK = api_key_account(KEY, URL, id="k", label="work", priority=1)
HOME = oauth_account(ACCESS, refresh_token=REFRESH, id="o", label="home", note="kept")


# List


def test_the_list_names_each_account_and_hides_its_credential(home: Home) -> None:
    home.keeps(WORK, HOME, {**WORK, "id": "x", "label": "old", "enabled": False})
    listed = home.run("accounts", "list")
    assert listed.stdout.splitlines() == [
        "#  ACCOUNT  KIND     CREDENTIAL   ENDPOINT                   PRIORITY  STATE",
        "1  work     key      sk-0...cdef  https://host.example/v1    1         ready",
        "2  home     sign-in  acce...cdef  https://portal.qwen.ai/v1  0         ready",
        "3  old      key      sk-0...cdef  https://host.example/v1    1         disabled",
    ]
    assert secrets_shown(listed, SECRETS) == []


def test_programs_read_the_list_as_json(home: Home) -> None:
    home.keeps(WORK, HOME)
    listed = home.run("accounts", "list", "--json")
    document = listed.json()
    assert document["path"] == str(home.accounts_file)
    work, other = document["accounts"]
    assert work["label"] == "work"
    assert work["credential"] == "sk-0...cdef"
    assert (work["number"], work["kind"], work["base_url"]) == (1, "key", URL)
    assert (other["number"], other["kind"], other["state"]) == (2, "sign-in", "ready")
    assert other["token_expires_ms"] == HOME["expires"]
    assert secrets_shown(listed, SECRETS) == []


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"requiresReauth": True}, "sign in again"),
        ({"rateLimitResetAt": 99_999_999_999_999}, "limited for"),
        ({"enabled": False, "requiresReauth": True}, "disabled"),
    ],
)
def test_the_state_of_an_account_is_told(home: Home, fields: dict[str, object], state: str) -> None:
    home.keeps({**HOME, **fields})
    assert state in home.run("accounts", "list").stdout


def test_without_accounts_the_list_says_how_to_get_one(home: Home) -> None:
    listed = home.run("accounts", "list")
    assert (listed.status, listed.stdout) == (0, "")
    assert "qwen-proxy accounts add" in listed.stderr
    assert home.run("accounts", "list", "--json").json()["accounts"] == []


def test_what_is_wrong_with_an_entry_is_told_beside_the_list(home: Home) -> None:
    home.keeps(WORK, {"label": "neither"})
    listed = home.run("accounts", "list")
    assert "work" in listed.stdout
    assert "accounts[1]: needs apiKey, or refreshToken" in listed.stderr
    told = home.run("accounts", "list", "--json").json()
    assert told["left_out"] + told["warnings"] == listed.stderr.splitlines()


def test_a_broken_file_is_named_and_left_as_it_is(home: Home) -> None:
    home.keeps()
    home.accounts_file.write_text('{"version": 1, "accounts": [')
    for command in (["list"], ["check"], ["remove", "work", "--yes"], ["enable", "work"]):
        assert f"{home.accounts_file}:1:" in failed(home.run("accounts", *command))
    assert home.accounts_file.read_text() == '{"version": 1, "accounts": ['


def test_a_label_steers_no_terminal(qwen_proxy: Command) -> None:
    home = Home(qwen_proxy.home)
    home.keeps({**WORK, "label": "[red]no[/red] markup"})
    with on_terminal(qwen_proxy, "accounts", "list") as terminal:
        assert terminal.end() == 0
        assert "[red]no[/red] markup" in terminal.seen


def test_colours_are_for_terminals_and_for_those_who_like_them(qwen_proxy: Command) -> None:
    Home(qwen_proxy.home).keeps(WORK)
    with on_terminal(qwen_proxy, "accounts", "list") as coloured:
        assert coloured.end() == 0
    with on_terminal(qwen_proxy, "accounts", "list", NO_COLOR="1") as plain:
        assert plain.end() == 0
    assert "\x1b[32m" in coloured.raw
    assert "\x1b[32m" not in plain.raw
    assert "\x1b" not in qwen_proxy.run("accounts", "list").stdout


# Changes


def test_accounts_are_disabled_and_enabled_by_any_of_their_names(home: Home) -> None:
    home.keeps(WORK, HOME)
    assert home.run("accounts", "disable", "1", "o").stdout == (
        "work is disabled\nhome is disabled\n"
    )
    assert [account["enabled"] for account in home.kept()] == [False, False]
    assert home.run("accounts", "enable", "home").stdout == "home is enabled\n"
    assert home.kept() == [{**WORK, "enabled": False}, {**HOME, "enabled": True}]


def test_an_account_is_renamed(home: Home) -> None:
    home.keeps(WORK, HOME)
    assert home.run("accounts", "rename", "2", "flat").stdout == "home is called flat now\n"
    assert home.kept() == [WORK, {**HOME, "label": "flat"}]


@pytest.mark.parametrize("number", [7, -1])
def test_an_account_gets_a_priority(home: Home, number: int) -> None:
    home.keeps(WORK, HOME)
    said = home.run("accounts", "priority", "home", str(number))
    assert said.stdout == f"home has priority {number} now\n"
    assert home.kept()[1]["priority"] == number


@pytest.mark.parametrize(
    "command",
    [
        ["enable", "work", "nobody"],
        ["disable", "nobody"],
        ["rename", "nobody", "x"],
        ["priority", "nobody", "1"],
        ["remove", "nobody", "--yes"],
        ["check", "nobody"],
    ],
    ids=lambda command: command[0],
)
def test_an_unknown_account_is_answered_with_those_there_are(
    home: Home, command: list[str]
) -> None:
    home.keeps(WORK, HOME)
    refused = failed(home.run("accounts", *command))
    assert refused == "there is no account nobody; there are 1 work, 2 home"
    assert home.kept() == [WORK, HOME]


def test_a_name_of_several_is_no_name(home: Home) -> None:
    home.keeps(WORK, {**HOME, "label": "work"})
    assert "by its id, k, o" in failed(home.run("accounts", "disable", "work"))


def test_a_priority_is_a_number(home: Home) -> None:
    home.keeps(WORK)
    refused = home.run("accounts", "priority", "work", "high")
    assert refused.status == 2
    assert "Invalid value for 'NUMBER'" in refused.stderr


# Removal


def test_an_account_is_removed_without_a_question_where_that_is_said(home: Home) -> None:
    home.keeps(WORK, HOME)
    said = home.run("accounts", "remove", "work", "--yes")
    assert said.stdout == f"work is removed from {home.accounts_file}\n"
    assert home.kept() == [HOME]


def test_where_nobody_can_be_asked_nothing_is_removed(home: Home) -> None:
    home.keeps(WORK)
    assert "--yes" in failed(home.run("accounts", "remove", "work", typed="y\n"))
    assert home.kept() == [WORK]


def test_a_person_is_asked_before_an_account_goes(qwen_proxy: Command) -> None:
    home = Home(qwen_proxy.home)
    home.keeps(WORK, HOME)
    question = rf"Remove work \(key sk-0\.\.\.cdef, {URL}\)\? \[y/N\] "
    with on_terminal(qwen_proxy, "accounts", "remove", "1") as terminal:
        terminal.until(question)
        terminal.type("\n")
        assert terminal.end() == 1
        assert "nothing was removed" in terminal.seen
    assert home.kept() == [WORK, HOME]
    with on_terminal(qwen_proxy, "accounts", "remove", "1") as terminal:
        terminal.until(question)
        terminal.type("y\n")
        assert terminal.end() == 0
    assert home.kept() == [HOME]


def test_ctrl_c_at_a_question_changes_nothing(qwen_proxy: Command) -> None:
    home = Home(qwen_proxy.home)
    home.keeps(WORK)
    with on_terminal(qwen_proxy, "accounts", "remove", "1") as terminal:
        terminal.until("y/N")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert terminal.seen.endswith("^C\n")
    assert home.kept() == [WORK]


# Beside a proxy that writes the same file


def _count_up(path: Path, has_begun: Event, is_over: Event) -> None:
    """What a proxy does all the time: statistics are written."""
    store = JsonFileStore(path)
    while not is_over.is_set():
        asyncio.run(store.save_state({"o": {"served": Plus(1)}}))
        has_begun.set()


def test_changes_and_those_of_a_proxy_do_not_lose_each_other(home: Home) -> None:
    home.keeps(WORK, HOME)
    context = multiprocessing.get_context("spawn")
    has_begun, is_over = context.Event(), context.Event()
    args = (home.accounts_file, has_begun, is_over)
    proxy = context.Process(target=_count_up, args=args, daemon=True)
    proxy.start()
    try:
        assert has_begun.wait(60)
        for number in range(1, 11):
            assert home.run("accounts", "priority", "home", str(number)).status == 0
            assert home.kept()[1]["priority"] == number
        assert home.run("accounts", "remove", "work", "--yes").status == 0
    finally:
        is_over.set()
        proxy.join()
    (left,) = home.kept()
    assert (left["priority"], left["note"]) == (10, "kept")
    assert left["served"] > 0


# Usage


@pytest.mark.parametrize(
    "command",
    ["", "list", "add", "import", "remove", "enable", "disable", "rename", "priority", "check"],
)
def test_every_command_has_help_and_an_example(home: Home, command: str) -> None:
    helped = home.run("accounts", *command.split(), "--help")
    assert helped.status == 0
    assert command == "" or f"Example: qwen-proxy accounts {command}" in helped.stdout


def test_json_is_all_that_stdout_holds(home: Home) -> None:
    home.keeps(WORK, {"label": "wrong"})
    assert json.loads(home.run("accounts", "list", "--json").stdout)
