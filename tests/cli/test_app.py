"""What holds for every command: whatever happens ends in a sentence, and programs can read it."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.command import ROOT, Command
from tests.cli.invoked import Home
from tests.cli.terminal import on_terminal
from tests.support.accounts import api_key_account

WORK = api_key_account("sk-0123456789abcdef", "https://host.example/v1", label="日本")

BREAKS_OFF = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"


def test_ctrl_c_before_anything_has_begun_ends_it_without_a_word(
    qwen_proxy: Command, tmp_path: Path
) -> None:
    (tmp_path / "typer.py").write_text(BREAKS_OFF, encoding="utf-8")
    at_once = replace(qwen_proxy, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    ended = at_once.run("status")
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("arguments", [("status",), ("accounts", "list")])
def test_a_label_that_the_terminal_has_no_letters_for_is_told_with_escapes(
    qwen_proxy: Command, arguments: tuple[str, ...]
) -> None:
    Home(qwen_proxy.home).keeps(WORK)
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = replace(qwen_proxy, env=plain)
    printed = command.run(*arguments)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert r"\u65e5\u672c" in printed.stdout
    with on_terminal(command, *arguments) as terminal:
        assert terminal.end() == 0
    assert r"\u65e5\u672c" in terminal.seen


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("status", "--watch"),
        ("accounts", "list"),
        ("accounts", "check"),
        ("login", "--label", "work"),
    ],
    ids=" ".join,
)
def test_programs_read_what_went_wrong_where_they_read_all_else(
    home: Home, arguments: tuple[str, ...]
) -> None:
    home.keeps(WORK)
    home.accounts_file.write_text("{", encoding="utf-8")
    printed = home.run(*arguments, "--json")
    assert printed.status == 1
    (line,) = printed.stdout.splitlines()
    message = json.loads(line)["error"]["message"]
    assert str(home.accounts_file) in message
    assert f"qwen-proxy: {message}" in printed.stderr


def test_the_exit_statuses_are_told(home: Home) -> None:
    told = " ".join(home.run("--help").stdout.split())
    assert "Exit status: 0 done; 1 it cannot be done, or the answer is no" in told
    assert "130 Ctrl-C" in told
