"""What ``qwen-proxy opencode install`` and ``codex install`` write is what the clients read.

The real OpenCode and the real Codex run a turn with it, and uninstall leaves what was there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.cli.command import Command
from tests.e2e.conftest import ACCOUNT_KEY, Stage
from tests.support.codex import Codex
from tests.support.opencode import OpenCode
from tests.support.pictures import PIXEL_PNG
from tests.support.program import NOWHERE
from tests.support.replies import Reply
from tests.support.thinking_model import ThinkingModel, Turn
from tests.support.upstream import Request

SAYS: Final = Turn("Hello from the model.", "A greeting.")
COMMENTED: Final = '{\n\t// mine\n\t"username": "somebody", // for now\n}\n'
PORTAL: Final = "https://portal.qwen.ai/v1"


def says(request: Request) -> Reply:
    """The model, and whoever is asked for a title."""
    if "tools" not in request.json():
        return Turn("A title").reply(streams=True)
    return ThinkingModel(SAYS)(request)


def port_of(stage: Stage) -> str:
    """What ``--port`` has to be for the reverse listener to be the base URL."""
    return str((urlsplit(stage.proxy.base_url).port or 0) - 1)


def through_the_proxy(stage: Stage, certificates: str) -> dict[str, str]:
    return {"HTTPS_PROXY": stage.proxy.url("regular"), certificates: str(stage.proxy.ca)}


# OpenCode


def opencode_in(folder: Path, env: dict[str, str]) -> tuple[OpenCode, Command]:
    """OpenCode without any provider, and the command line of the same person."""
    opencode = OpenCode(folder, "", env=env, has_provider=False)
    return opencode, Command(folder, {"XDG_CONFIG_HOME": str(opencode.config_home)})


@pytest.mark.parametrize("mode", ["reverse", "proxy"])
def test_opencode_runs_a_turn_with_what_was_installed_for_all_projects(
    stage: Stage, tmp_path: Path, mode: str
) -> None:
    stage.upstream.answers(says)
    env = through_the_proxy(stage, "NODE_EXTRA_CA_CERTS") if mode == "proxy" else {}
    opencode, qwen_proxy = opencode_in(tmp_path, env)
    config = opencode.config_home / "opencode" / "opencode.jsonc"
    config.parent.mkdir(parents=True)
    config.write_text(COMMENTED)
    way = ("--port", port_of(stage)) if mode == "reverse" else ("--mode", "proxy")

    installed = qwen_proxy.run("opencode", "install", "--yes", *way)

    assert installed.returncode == 0, installed
    run = opencode.run("Say hello.")
    assert run.status == 0, run
    assert SAYS.text in run.stdout
    assert {request.token for request in stage.upstream.requests} == {ACCOUNT_KEY}
    assert qwen_proxy.run("opencode", "uninstall", "--yes").returncode == 0
    assert '"provider"' not in config.read_text()
    assert "// mine\n" in config.read_text()


def test_opencode_sends_a_picture_to_the_model_that_sees(stage: Stage, tmp_path: Path) -> None:
    stage.upstream.answers(says)
    opencode, qwen_proxy = opencode_in(tmp_path, {})
    picture = opencode.project / "pixel.png"
    picture.write_bytes(PIXEL_PNG)
    before = (opencode.project / "opencode.json").read_bytes()
    where = ("--project", "--port", port_of(stage))
    assert qwen_proxy.run("opencode", "install", "--yes", *where).returncode == 0

    run = opencode.run("What is it?", files=[picture], model="qwen/qwen3-vl-plus")

    assert run.status == 0, run
    assert SAYS.text in run.stdout
    asked = [each.json() for each in stage.upstream.requests if "tools" in each.json()]
    assert [each["model"] for each in asked] == ["qwen3-vl-plus"]
    assert "data:image/png;base64" in str(asked)
    assert qwen_proxy.run("opencode", "uninstall", "--project", "--yes").returncode == 0
    after = json.loads((opencode.project / "opencode.json").read_bytes())
    assert after.pop("$schema")  # OpenCode puts it in
    assert after == json.loads(before)


def test_opencode_lists_the_models_with_their_limits(stage: Stage, tmp_path: Path) -> None:
    opencode, qwen_proxy = opencode_in(tmp_path, {})
    where = ("--project", "--port", port_of(stage))
    assert qwen_proxy.run("opencode", "install", "--yes", *where).returncode == 0
    coder, sees = opencode.models("qwen")
    assert coder["limit"] == {"context": 1_000_000, "output": 65_536}
    assert sees["limit"] == {"context": 262_144, "output": 32_768}
    assert [each["capabilities"]["input"]["image"] for each in (coder, sees)] == [False, True]
    assert [each["capabilities"]["attachment"] for each in (coder, sees)] == [False, True]
    assert [each["capabilities"]["toolcall"] for each in (coder, sees)] == [True, True]


# Codex


def codex_in(folder: Path, env: dict[str, str]) -> tuple[Codex, Command]:
    """Codex without any provider, and the command line of the same person."""
    codex = Codex(folder, "", env=env, has_provider=False)
    return codex, Command(folder, {"CODEX_HOME": str(codex.home)})


@pytest.mark.parametrize("mode", ["reverse", "proxy"])
@pytest.mark.parametrize("choice", ["", 'model = "gpt-5.5"\n'], ids=["no choice", "own choice"])
def test_codex_runs_a_turn_with_what_was_installed(
    stage: Stage, tmp_path: Path, mode: str, choice: str
) -> None:
    stage.upstream.answers(ThinkingModel(SAYS))
    proxied = through_the_proxy(stage, "CODEX_CA_CERTIFICATE")
    codex, qwen_proxy = codex_in(tmp_path, proxied if mode == "proxy" else {"HTTPS_PROXY": NOWHERE})
    config = codex.home / "config.toml"
    config.write_text(choice + config.read_text())
    before = config.read_bytes()
    way = ("--port", port_of(stage)) if mode == "reverse" else ("--mode", "proxy")

    installed = qwen_proxy.run("codex", "install", "--yes", *way)

    assert installed.returncode == 0, installed
    run = codex.run("Say hello.", profile="qwen" if choice else None)
    assert run.status == 0, run
    assert SAYS.text in run.stdout
    assert {request.token for request in stage.upstream.requests} == {ACCOUNT_KEY}
    assert {request.json()["model"] for request in stage.upstream.requests} == {"qwen3-coder-plus"}
    uninstalled = qwen_proxy.run("codex", "uninstall", "--yes")
    assert uninstalled.returncode == 0, uninstalled
    assert config.read_bytes() == before
    assert not (codex.home / "qwen.config.toml").exists()
