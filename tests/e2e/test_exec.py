"""``qwen-proxy exec`` in front of the real OpenCode and Codex, which nobody has set up."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.support.codex import codex_binary
from tests.support.opencode import SWITCHES, opencode_binary
from tests.support.program import NODE_MODULES, NOWHERE


@pytest.fixture
def person(tmp_path: Path) -> Command:
    """Somebody with an empty home, on a machine without a network."""
    programs = [str(path.parent) for path in (opencode_binary(), codex_binary())]
    path = os.pathsep.join([*programs, os.environ["PATH"]])
    env = {"PATH": path, "HTTPS_PROXY": NOWHERE, **dict.fromkeys(SWITCHES, "1")}
    return Command(tmp_path, env)


@pytest.mark.parametrize("choice", [[], ["-m", "qwen/qwen3-coder-plus"]], ids=["usual", "chosen"])
def test_opencode_works_with_no_config_at_all(person: Command, choice: list[str]) -> None:
    program = opencode_binary().name
    ran = person.run("exec", "--sandbox", "--", program, "run", *choice, "Hello!")
    assert ran.returncode == 0, ran.stderr
    assert "This is the Qwen sandbox" in ran.stdout
    assert not list((person.home / ".config").rglob("opencode.json*"))


def test_codex_works_with_no_config_at_all(person: Command) -> None:
    codex = ("codex", "exec", "--skip-git-repo-check")
    ran = person.run("exec", "--sandbox", "--", *codex, "Hello!")
    assert ran.returncode == 0, ran.stderr
    assert "This is the Qwen sandbox" in ran.stdout
    assert not (person.home / ".codex" / "config.toml").exists()


def test_what_opencode_is_set_up_for_already_stays(person: Command) -> None:
    ours = (
        '{"provider": {"mine": {"npm": "@ai-sdk/openai", "models": {"m": {}}}}, "model": "mine/m"}'
    )
    person = replace(person, env={**person.env, "OPENCODE_CONFIG_CONTENT": ours})
    listed = person.run("exec", "--sandbox", "--", opencode_binary().name, "models")
    assert listed.returncode == 0, listed.stderr
    assert {"mine/m", "qwen/qwen3-coder-plus", "qwen/qwen3-vl-plus"} <= {*listed.stdout.split()}


def test_a_program_on_node_needs_nothing_else(person: Command) -> None:
    package = (NODE_MODULES / "@ai-sdk" / "openai" / "dist" / "index.js").as_uri()
    ai = (NODE_MODULES / "ai" / "dist" / "index.js").as_uri()
    script = f"""
        import {{ openai }} from {package!r};
        import {{ generateText }} from {ai!r};
        const model = openai("qwen3-coder-plus");
        console.log((await generateText({{ model, prompt: "Hello!" }})).text);
    """
    node = ("node", "--input-type=module", "-e", script)
    ran = person.run("exec", "--sandbox", "--", *node)
    assert ran.returncode == 0, ran.stderr
    assert "This is the Qwen sandbox" in ran.stdout
