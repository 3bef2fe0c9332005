"""Shells complete commands, options and the names of accounts: the real shells, on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import Final

import pytest

from tests.cli.command import Command
from tests.cli.invoked import Home
from tests.cli.terminal import program_on_terminal
from tests.support.accounts import api_key_account

URL: Final = "https://host.example/v1"
WORK: Final = api_key_account("sk-0123456789abcdef", URL, id="id-1", label="work")
HOME: Final = api_key_account("sk-0123456789abcdeg", URL, id="id-2", label="my home")

SHELLS: Final = {"bash": ("bash", "-i"), "zsh": ("zsh", "-i"), "fish": ("fish", "-i")}


@pytest.fixture
def person(qwen_proxy: Command) -> Command:
    """Somebody who has installed the program, and holds two accounts."""
    program = qwen_proxy.folder / "bin" / "qwen-proxy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m addon "$@"\n')
    program.chmod(0o755)
    Home(qwen_proxy.home).keeps(WORK, HOME)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return Command(qwen_proxy.folder, {"PATH": path})


@pytest.mark.parametrize(
    "shell",
    [
        pytest.param(name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"no {name}"))
        for name in SHELLS
    ],
)
def test_once_it_is_installed_a_shell_completes_accounts(person: Command, shell: str) -> None:
    with program_on_terminal(person, SHELLS[shell]) as terminal:
        terminal.type("qwen-proxy --install-completion\n")
        terminal.until(f"{shell} completion installed in")
        terminal.until("restart the terminal")
        terminal.type("exit\n")
        assert terminal.end() == 0
    with program_on_terminal(person, SHELLS[shell]) as terminal:
        terminal.type("echo rea''dy\n")
        terminal.until("ready")
        if shell == "zsh":  # typer's script for it is loaded by the first tab, and answers the next
            terminal.type("qwen-proxy \t")
            terminal.until("\x07")
            terminal.type("\x15")
        # zsh takes a tab for a tab where more has been typed
        terminal.type("qwen-proxy accounts disa\t")
        terminal.until("ble ")
        terminal.type("wo\t")
        terminal.until("rk ")
        terminal.type("\n")
        terminal.until("work is disabled")
        terminal.type("exit\n")
        terminal.end()
    assert [account.get("enabled") for account in Home(person.home).kept()] == [False, None]


def test_the_installation_is_told_without_colours_to_those_who_like_none(person: Command) -> None:
    with program_on_terminal(person, SHELLS["bash"], NO_COLOR="1") as terminal:
        terminal.type("qwen-proxy --install-completion\n")
        terminal.until("restart the terminal")
        terminal.type("exit\n")
        terminal.end()
    assert "\x1b[32m" not in terminal.raw


# What is offered


def offered(home: Home, *words: str) -> Sequence[str]:
    """What is offered for the last of ``words``."""
    env = {
        "COMP_WORDS": " ".join(("qwen-proxy", *words)),
        "COMP_CWORD": str(len(words)),
        "_QWEN_PROXY_COMPLETE": "complete_bash",
    }
    printed = Home(home.folder, env).run()
    assert printed.stderr == ""
    return printed.stdout.split()


def test_accounts_are_offered_as_one_word_and_once(home: Home) -> None:
    home.keeps(WORK, HOME)
    for command in ("remove", "enable", "disable", "rename", "priority", "check"):
        assert offered(home, "accounts", command, "") == ["work", "id-2"]
    assert offered(home, "accounts", "check", "work", "") == ["id-2"]
    assert offered(home, "accounts", "disable", "w") == ["work"]
    assert offered(home, "login", "--label", "") == ["work", "id-2"]


def test_presets_and_commands_are_offered(home: Home) -> None:
    assert offered(home, "accounts", "add", "--preset", "cod") == [
        "coding-plan",
        "coding-plan-china",
    ]
    assert {"run", "exec", "login", "accounts", "service"} <= {*offered(home, "")}


@pytest.mark.parametrize("content", ["{", '{"version": 99}', "[]", '{"version": 1, "accounts": 5}'])
def test_where_there_is_nothing_to_offer_nothing_is_said(home: Home, content: str) -> None:
    assert offered(home, "accounts", "check", "") == []
    home.keeps()
    home.accounts_file.write_text(content)
    assert offered(home, "accounts", "check", "") == []


def test_what_exec_runs_is_the_shells_to_complete(home: Home) -> None:
    assert offered(home, "exec", "--", "ls", "") == []
