"""The real OpenCode, run without a person: its own home, its own project, no way into the internet.

It comes from npm (``opencode-ai``) and lies in ``tests/e2e/node_modules``, or wherever
``OPENCODE_BIN`` says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.chat import MODEL
from tests.support.program import NODE_MODULES, Run, run

CLIENT_KEY: Final = "sk-key-that-opencode-was-given"

_INSTALLED: Final = NODE_MODULES / "opencode-ai" / "bin"

# What would look for updates, models, plugins and language servers elsewhere, and for
# instructions in the developer's own home.
SWITCHES: Final = (
    "OPENCODE_DISABLE_AUTOUPDATE",
    "OPENCODE_DISABLE_MODELS_FETCH",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS",
    "OPENCODE_DISABLE_LSP_DOWNLOAD",
    "OPENCODE_DISABLE_CLAUDE_CODE",
    "OPENCODE_DISABLE_EXTERNAL_SKILLS",
    "OPENCODE_DISABLE_SHARE",
)


def opencode_binary() -> Path:
    """The program. Raises AssertionError where it is not installed."""
    named = os.environ.get("OPENCODE_BIN")
    candidates = [Path(named)] if named else sorted(_INSTALLED.glob("opencode*"))
    assert candidates, "OpenCode is missing: scripts/test installs it (npm install in tests/e2e)"
    return candidates[0]


@dataclass(slots=True)
class OpenCode:
    """OpenCode in one project folder; its sessions last from one run to the next."""

    folder: Path
    base_url: str
    env: dict[str, str] = field(default_factory=dict)
    """``HTTPS_PROXY`` and the like."""
    has_provider: bool = True
    """Whether its project's config says where the models are; else somebody else has to."""

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        self.project.mkdir(parents=True)
        (self.project / "opencode.json").write_text(json.dumps(self._config(), indent=2), "utf-8")

    @property
    def project(self) -> Path:
        """The folder that it works on."""
        return self.folder / "project"

    @property
    def home(self) -> Path:
        """Its home folder."""
        return self.folder / "home"

    @property
    def config_home(self) -> Path:
        """``$XDG_CONFIG_HOME``."""
        return self.home / "config"

    def run(
        self,
        message: str,
        *,
        goes_on: bool = False,
        files: Sequence[Path] = (),
        model: str | None = None,
    ) -> Run:
        """``opencode run``; ``goes_on``: in the session of the last run (``--continue``)."""
        command = [
            str(opencode_binary()),
            "run",
            message,
            *(["--continue"] if goes_on else []),
            *([f"--model={model}"] if model else []),
            *(f"--file={path}" for path in files),
        ]
        return run(command, cwd=self.project, home=self.home, env=self._environment())

    def models(self, provider: str) -> list[dict[str, Any]]:
        """``opencode models --verbose``: what it knows of a provider's models, in their order."""
        command = [str(opencode_binary()), "models", provider, "--verbose"]
        listed = run(command, cwd=self.project, home=self.home, env=self._environment())
        assert listed.status == 0, listed
        decoder, rest, models = json.JSONDecoder(), listed.stdout, []
        while (start := rest.find("{")) >= 0:
            model, end = decoder.raw_decode(rest, start)
            models.append(model)
            rest = rest[end:]
        return models

    def _config(self) -> dict[str, object]:
        model = f"qwen/{MODEL}"
        config: dict[str, object] = {
            "autoupdate": False,
            "share": "disabled",
            "permission": {"*": "allow"},
            "enabled_providers": ["qwen"],
            "model": model,
            "small_model": model,
        }
        provider = {
            "npm": "@ai-sdk/openai",
            "name": "Qwen",
            "options": {"baseURL": self.base_url, "apiKey": CLIENT_KEY},
            "models": {
                MODEL: {
                    "name": "Qwen",
                    "limit": {"context": 200_000, "output": 8_000},
                    "attachment": True,
                    "modalities": {"input": ["text", "image"], "output": ["text"]},
                }
            },
        }
        return {**config, "provider": {"qwen": provider}} if self.has_provider else config

    def _environment(self) -> dict[str, str]:
        return {
            "XDG_CONFIG_HOME": str(self.config_home),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_STATE_HOME": str(self.home / "state"),
            **dict.fromkeys(SWITCHES, "1"),
            **self.env,
        }
