"""How every command ends: with a sentence and a status, whatever a person does to it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from addon.cli.app import app
from tests.cli.command import Command
from tests.cli.invoked import Home
from tests.cli.terminal import on_terminal
from tests.support.accounts import api_key_account

LIST: Final = "accounts list"
WORK: Final = api_key_account("sk-0123456789abcdef", "https://host.example/v1", label="Käse")


def in_shell(
    person: Command, arguments: str, more: str = "", *, before: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    """``qwen-proxy`` in a line of a shell; ``more``: redirections and the like."""
    program = f"{shlex.quote(sys.executable)} -P -m addon"
    environment = person.environment()
    del environment["PYTHONUNBUFFERED"]  # what is written late can fail late
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{before} {program} {arguments} {more}"],
        cwd=person.project,
        env={**environment, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def person(qwen_proxy: Command) -> Command:
    """Somebody with more accounts than fit into a pipe."""
    Home(qwen_proxy.home).keeps(*({**WORK, "id": str(n)} for n in range(600)))
    return qwen_proxy


@pytest.mark.parametrize("arguments", [LIST, f"{LIST} --json", "--help", "accounts add --help"])
def test_nothing_is_said_where_nobody_reads_on(person: Command, arguments: str) -> None:
    ended = in_shell(person, arguments, "| (exec <&-; exit 7)")
    assert ended.stderr == ""
    assert ended.returncode in (7, 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", [LIST, f"{LIST} --json"])
def test_a_full_disk_is_told(person: Command, arguments: str) -> None:
    ended = in_shell(person, arguments, "> /dev/full")
    assert (ended.returncode, ended.stderr) == (1, "qwen-proxy: No space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("arguments", [LIST, "--help", "exec --sandbox -- true"])
def test_what_is_closed_is_missed_by_nobody(person: Command, arguments: str, closed: str) -> None:
    ended = in_shell(person, arguments, closed)
    assert ended.returncode == 0
    assert ended.stderr == ""


def test_what_the_locale_cannot_show_is_shown_escaped(person: Command) -> None:
    ended = in_shell(person, LIST, PYTHONIOENCODING="ascii")
    assert ended.returncode == 0
    assert "1    K\\xe4se" in ended.stdout
    ended = in_shell(person, r"accounts disable $'\xff'")
    assert ended.returncode == 1
    assert ended.stderr.startswith("qwen-proxy: there is no account \\udcff")


@pytest.mark.parametrize("arguments", [LIST, "run", "exec --sandbox -- true"])
def test_a_folder_that_is_gone_is_told(person: Command, arguments: str) -> None:
    ended = in_shell(person, arguments, before="mkdir gone && cd gone && rmdir ../gone;")
    assert (ended.returncode, ended.stderr) == (
        1,
        "qwen-proxy: the folder where you are is gone: go to another\n",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(qwen_proxy: Command) -> None:
    qwen_proxy.home.chmod(0o500)
    ended = in_shell(qwen_proxy, "accounts add --base-url https://h/v1 --key sk-0123456789abcdef")
    assert ended.returncode == 1
    assert str(qwen_proxy.home) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_file_where_a_folder_should_be_is_named(qwen_proxy: Command) -> None:
    (qwen_proxy.home / ".config").write_text("no folder")
    for arguments in (
        "accounts add --base-url https://h/v1 --key sk-0123456789abcdef",
        "accounts list",
        "login --no-browser",
        "service install --yes",
    ):
        ended = in_shell(qwen_proxy, arguments)
        assert ended.returncode == 1, arguments
        assert "Traceback" not in ended.stderr
        assert ended.stderr.splitlines()[-1].startswith("qwen-proxy: "), arguments


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (("accounts", "add"), "Which service"),
        (("accounts", "remove", "1"), "y/N"),
        (("exec", "--sandbox", "--", "sh", "-c", "echo here; exec sleep 600"), "here"),
    ],
    ids=["at a list", "at a question", "in a program"],
)
def test_ctrl_c_is_told_by_the_status(
    person: Command, arguments: tuple[str, ...], seen: str
) -> None:
    with on_terminal(person, *arguments) as terminal:
        terminal.until(seen)
        terminal.type("\x03")
        assert terminal.end() == 128 + signal.SIGINT
    assert "Traceback" not in terminal.seen


@pytest.mark.parametrize("arguments", ["nonsense", "accounts", "accounts list --no", "exec"])
def test_a_command_line_that_makes_no_sense_is_told_by_the_status(
    person: Command, arguments: str
) -> None:
    assert in_shell(person, arguments).returncode == 2


# Colours


@pytest.mark.parametrize(
    ("env", "is_coloured"),
    [({"TERM": "xterm"}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours_are_for_terminals_that_have_them_and_people_who_like_them(
    qwen_proxy: Command, env: dict[str, str], is_coloured: bool
) -> None:
    Home(qwen_proxy.home).keeps(WORK)
    with on_terminal(qwen_proxy, "accounts", "list", columns=100, lines=40, **env) as terminal:
        assert terminal.end() == 0
    assert ("\x1b[32m" in terminal.raw) == is_coloured


def test_elsewhere_there_are_none_even_where_they_are_forced(person: Command) -> None:
    assert "\x1b" not in in_shell(person, LIST, FORCE_COLOR="1").stdout


# Help


def commands(
    group: TyperGroup, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*path, name))
        else:
            assert isinstance(command, TyperCommand)
            yield (*path, name), command


EVERY: Final = [*commands(get_group(app))]


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_every_command_has_a_line_of_help_and_an_example(
    home: Home, path: tuple[str, ...], command: TyperCommand
) -> None:
    helped = home.run(*path, "--help")
    assert (helped.status, helped.stderr) == (0, "")
    called = " ".join(("qwen-proxy", *path))
    assert f"Usage: {called} " in helped.stdout
    assert f"Example: {called}" in helped.stdout
    line = (command.help or "").partition("\n\n")[0]
    assert line.endswith(".")
    assert len(line) <= 72
