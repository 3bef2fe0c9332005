"""``qwen-proxy opencode`` on a terminal: what a person sees, answers, and gets."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.cli.command import Command
from tests.cli.terminal import on_terminal

USUAL: Final = '{\n  // mine\n  "autoupdate": false\n}\n'
GREEN: Final = "\x1b[32m"
RED: Final = "\x1b[31m"


@pytest.fixture
def config(qwen_proxy: Command) -> Path:
    """A config that somebody has."""
    config = qwen_proxy.home / ".config" / "opencode" / "opencode.jsonc"
    config.parent.mkdir(parents=True)
    config.write_text(USUAL)
    return config


@pytest.mark.parametrize("answer", ["y", "YES"])
def test_a_person_who_agrees_gets_what_was_shown(
    qwen_proxy: Command, config: Path, answer: str
) -> None:
    with on_terminal(qwen_proxy, "opencode", "install") as terminal:
        terminal.until(r'\+  "provider": \{')
        terminal.until(rf"Change {config}\? \[y/N\] ")
        assert config.read_text() == USUAL
        terminal.type(f"{answer}\n")
        assert terminal.end() == 0
        assert f"The provider qwen is in {config}" in terminal.seen
        assert f"kept in {config}.before-qwen" in terminal.seen
    assert '"qwen"' in config.read_text()
    with on_terminal(qwen_proxy, "opencode", "uninstall") as terminal:
        terminal.until(r"\[y/N\] ")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert config.read_text() == USUAL


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("n\n", "nothing was changed"),
        ("\n", "nothing was changed"),
        ("yeah, no\n", "nothing was changed"),
        ("\x04", "there was no answer: nothing was changed"),
    ],
    ids=repr,
)
def test_a_person_who_does_not_keeps_everything(
    qwen_proxy: Command, config: Path, typed: str, told: str
) -> None:
    with on_terminal(qwen_proxy, "opencode", "install") as terminal:
        terminal.until(r"\[y/N\] ")
        terminal.type(typed)
        assert terminal.end() == 1
        assert told in terminal.seen
    assert config.read_text() == USUAL
    assert list(config.parent.iterdir()) == [config]


def test_ctrl_c_keeps_everything(qwen_proxy: Command, config: Path) -> None:
    with on_terminal(qwen_proxy, "opencode", "install") as terminal:
        terminal.until(r"\[y/N\] ")
        terminal.type("\x03")
        assert terminal.end() != 0
        assert "Traceback" not in terminal.seen
    assert config.read_text() == USUAL


def test_what_somebody_else_changes_meanwhile_is_not_lost(
    qwen_proxy: Command, config: Path
) -> None:
    with on_terminal(qwen_proxy, "opencode", "install") as terminal:
        terminal.until(r"\[y/N\] ")
        config.write_text('{"theirs": true}')
        terminal.type("y\n")
        assert terminal.end() == 1
        assert f"{config} was changed by somebody else meanwhile: run it again" in terminal.seen
    assert config.read_text() == '{"theirs": true}'
    assert list(config.parent.iterdir()) == [config]


@pytest.mark.usefixtures("config")
def test_the_diff_is_coloured_for_those_who_like_colours(qwen_proxy: Command) -> None:
    raw = []
    for wish in ("", "1"):
        with on_terminal(qwen_proxy, "opencode", "install", NO_COLOR=wish) as terminal:
            terminal.until(r"\[y/N\] ")
            terminal.type("n\n")
            terminal.end()
            raw.append(terminal.raw)
    assert f'{GREEN}+  "provider": {{' in raw[0]
    assert f'{RED}-  "autoupdate": false' in raw[0]
    assert GREEN not in raw[1]
    assert RED not in raw[1]


@pytest.mark.usefixtures("config")
def test_long_lines_of_the_diff_are_not_broken(qwen_proxy: Command) -> None:
    with on_terminal(qwen_proxy, "opencode", "install", columns=20) as terminal:
        terminal.until(r"\[y/N\] ")
        assert (
            '+          "modalities": { "input": ["text"], "output": ["text"] }\n' in terminal.seen
        )


def test_for_programs_a_person_is_asked_beside_the_json(qwen_proxy: Command, config: Path) -> None:
    with on_terminal(qwen_proxy, "opencode", "install", "--json") as terminal:
        terminal.until(r"\[y/N\] ")
        terminal.type("y\n")
        assert terminal.end() == 0
        assert '"changed": true' in terminal.seen
    assert '"qwen"' in config.read_text()


def test_help_has_an_example(qwen_proxy: Command) -> None:
    for client in ("opencode", "codex"):
        for command in ("install", "uninstall"):
            printed = qwen_proxy.run(client, command, "--help").stdout
            assert f"Example: qwen-proxy {client} {command}" in printed
            assert "--json" in printed
