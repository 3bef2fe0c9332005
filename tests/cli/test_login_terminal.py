"""What a person sees of ``qwen-proxy login`` on a terminal, and what Ctrl-C does to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.cli.command import Command
from tests.cli.invoked import Home
from tests.cli.terminal import Terminal, on_terminal
from tests.support.oauth_server import OAuthServer

WAITING = r"Waiting for you to confirm there, (\d+:\d\d) left"


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with OAuthServer(poll_seconds=1) as server:
        yield server


@pytest.fixture
def command(qwen_proxy: Command, server: OAuthServer) -> Command:
    return replace(qwen_proxy, env={"QWEN_OAUTH_BASE_URL": server.url})


def code_on(terminal: Terminal) -> str:
    return terminal.until(r"(?m)^Code  (\S+)$").group(1)


def test_the_time_that_is_left_runs_until_the_person_has_confirmed(
    command: Command, server: OAuthServer
) -> None:
    with on_terminal(command, "login", "--label", "work") as terminal:
        code = code_on(terminal)
        terminal.until(r"[\u2580\u2584\u2588]{10}")  # no browser: a QR code
        first = terminal.until(WAITING).group(1)
        terminal.until(rf" (?!{first})\d+:\d\d left")
        server.decide(code, "alice")
        assert terminal.end() == 0
    assert f"Open  {server.url}/authorize\n" in terminal.seen
    assert "work is signed in, and kept in " in terminal.seen
    assert terminal.raw.endswith("\r\n")
    assert "\x1b[?25h" in terminal.raw  # the cursor is back
    assert not [secret for secret in server.book.secrets() if secret in terminal.raw]


def test_ctrl_c_ends_the_waiting_in_one_sentence(command: Command) -> None:
    with on_terminal(command, "login") as terminal:
        terminal.until(WAITING)
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "qwen-proxy: stopped: nobody was signed in" in terminal.seen
    assert "Traceback" not in terminal.seen
    assert "\x1b[?25h" in terminal.raw
    assert not Home(command.home).accounts_file.exists()


def test_a_person_who_says_no_is_told_so(command: Command, server: OAuthServer) -> None:
    with on_terminal(command, "login") as terminal:
        server.decide(code_on(terminal), None)
        assert terminal.end() == 1
    assert "the sign-in was denied on the page: qwen-proxy login begins anew" in terminal.seen


@pytest.mark.parametrize(
    "env",
    [
        {"TERM": "dumb"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"NO_COLOR": "1"},
    ],
    ids=["dumb", "no letters", "no colours"],
)
def test_terminals_that_can_do_little_show_what_matters(
    command: Command, server: OAuthServer, env: dict[str, str]
) -> None:
    poor = replace(command, env={**command.env, **env})
    term = env.get("TERM", "xterm-256color")
    with on_terminal(poor, "login", columns=60, TERM=term) as terminal:
        code = code_on(terminal)
        terminal.until("Waiting for you to confirm")
        server.decide(code, "alice")
        assert terminal.end() == 0
    assert r"\u" not in terminal.seen
    if term == "dumb":
        assert "\x1b" not in terminal.raw


def test_a_terminal_too_narrow_for_a_qr_code_says_so(command: Command) -> None:
    with on_terminal(command, "login", "--qr", columns=20) as terminal:
        terminal.until("cannot show a QR code")
        terminal.type("\x03")
        assert terminal.end() == 130
    # an address that is broken into lines could not be copied
    assert re.search(r"(?m)^Open  http://127\.0\.0\.1:\d+/authorize$", terminal.seen)
