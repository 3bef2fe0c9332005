"""The real Codex CLI, run without a person: its own home, its own project, no way out of here.

It comes from npm (``@openai/codex``): a binary for each platform, in ``tests/e2e/node_modules``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.chat import MODEL, Json
from tests.support.program import NODE_MODULES, NOWHERE, Run, run

CLIENT_KEY: Final = "sk-key-that-codex-was-given"

# Plugins and apps would be looked for on other hosts at every start.
_MODEL: Final = """\
model = "{model}"
model_provider = "qwen"
"""

_CONFIG: Final = """\
check_for_update_on_startup = false

[analytics]
enabled = false

[features]
plugins = false
apps = false
"""

_PROVIDER: Final = """
[model_providers.qwen]
name = "Qwen"
base_url = "{base_url}"
env_key = "QWEN_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


def codex_binary() -> Path:
    """The program. Raises AssertionError where it is not installed."""
    found = sorted(NODE_MODULES.glob("@openai/codex-*/vendor/*/bin/codex*"))
    programs = [path for path in found if path.stem == "codex"]
    assert programs, "Codex is missing: scripts/test installs it (npm install in tests/e2e)"
    return programs[0]


@dataclass(slots=True)
class Codex:
    """Codex in one project folder; its sessions last from one run to the next."""

    folder: Path
    base_url: str
    model: str = MODEL
    """What it knows of this model decides which tools it offers."""
    env: dict[str, str] = field(default_factory=lambda: {"HTTPS_PROXY": NOWHERE})
    has_provider: bool = True
    """Whether its config says where the model is; else somebody else has to."""

    def __post_init__(self) -> None:
        for path in (self.home, self.project):
            path.mkdir(parents=True)
        config = _MODEL + _CONFIG + _PROVIDER if self.has_provider else _CONFIG
        config = config.format(model=self.model, base_url=self.base_url)
        (self.home / "config.toml").write_text(config, "utf-8")

    @property
    def project(self) -> Path:
        """The folder that it works on."""
        return self.folder / "project"

    @property
    def home(self) -> Path:
        """``CODEX_HOME``."""
        return self.folder / "codex"

    def run(
        self,
        prompt: str,
        *,
        goes_on: bool = False,
        pictures: Sequence[Path] = (),
        profile: str | None = None,
    ) -> Run:
        """``codex exec``; ``goes_on``: in the session of the last run (``resume --last``).

        It asks nobody before it runs a command: what the model asks for is the test's.
        """
        command = [
            str(codex_binary()),
            "exec",
            "--skip-git-repo-check",
            "--dangerously-bypass-approvals-and-sandbox",
            *([f"--profile={profile}"] if profile else []),
            *(["resume", "--last"] if goes_on else []),
            *(f"--image={path}" for path in pictures),
            prompt,
        ]
        env = {"CODEX_HOME": str(self.home), "QWEN_KEY": CLIENT_KEY, **self.env}
        return run(command, cwd=self.project, home=self.folder, env=env)

    def recorded(self, kind: str) -> list[Json]:
        """The items of this type that it has kept of its sessions, as it will send them again."""
        paths = sorted((self.home / "sessions").rglob("rollout-*.jsonl"))
        lines = [
            json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()
        ]
        items = [line["payload"] for line in lines if line["type"] == "response_item"]
        return [item for item in items if item["type"] == kind]
