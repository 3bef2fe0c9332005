"""What OpenCode and Codex need beside the environment that others go by.

OpenCode takes a config from its environment and lays it over its files; Codex takes settings
on its command line. Neither has its own files changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

from addon.accounts.account import Account
from addon.cli.failure import CommandFailed
from addon.config_file import ConfigFileFault, ConfigSyntaxFault, parse_config, read_config

OPENCODE_VARIABLE: Final = "OPENCODE_CONFIG_CONTENT"

_PROVIDER: Final = "qwen"

_MODELS: Final[Mapping[str, Any]] = {
    "qwen3-coder-plus": {
        "name": "Qwen3 Coder Plus",
        "limit": {"context": 1_000_000, "output": 65_536},
        "modalities": {"input": ["text"], "output": ["text"]},
    },
    "qwen3-vl-plus": {
        "name": "Qwen3 VL Plus",
        "attachment": True,
        "limit": {"context": 262_144, "output": 32_768},
        "modalities": {"input": ["text", "image"], "output": ["text"]},
    },
}

_CODEX_CHOICES: Final = ("model_provider", "profile")
_CODEX_FLAGS: Final = ("--profile", "-p", "--oss", "--local-provider", "--remote")


@dataclass(frozen=True, slots=True)
class Call:
    """A program to be called, and what it may call."""

    command: Sequence[str]
    base_url: str
    models: Sequence[str]
    """The first is the usual one."""


def models_of(accounts: Iterable[Account], named: Iterable[str]) -> list[str]:
    """The models that these accounts are known to serve, the first the usual one.

    ``named``: further ones, of the settings.
    """
    found = [*named]
    for account in accounts:
        found += [*sorted(account.models or ()), *sorted(account.model_map)]
        found += [] if account.models else _MODELS
    if not found:
        found += _MODELS
    return list(dict.fromkeys((*(name for name in _MODELS if name in found), *found)))


def opencode_config(call: Call, env: Mapping[str, str], cwd: Path, folder: Path) -> str:
    """What to put into OPENCODE_VARIABLE: what is there already, with the provider.

    The model is chosen too, where nobody has chosen one: neither in ``env``, nor in a config
    in ``cwd`` or above it, or in the user's own ``folder``. Raises CommandFailed.
    """
    config = _given(env)
    provider = {
        "npm": "@ai-sdk/openai",
        "name": "Qwen",
        "options": {"baseURL": call.base_url, "apiKey": "any"},
        "models": {name: _MODELS.get(name, {}) for name in call.models},
    }
    config["provider"] = {**_table(config.get("provider")), _PROVIDER: provider}
    if not any("model" in each for each in (config, *_configs(env, cwd, folder))):
        config["model"] = f"{_PROVIDER}/{call.models[0]}"
    return json.dumps(config)


def codex_command(call: Call) -> list[str]:
    """The command, with the provider if it is Codex and nobody has chosen another."""
    program, *arguments = call.command
    if PurePath(program).stem.lower() != "codex" or any(map(_chooses_for_codex, arguments)):
        return [*call.command]
    provider = f'{{name="Qwen", base_url="{call.base_url}", wire_api="responses"}}'
    settings = {
        f"model_providers.{_PROVIDER}": provider,
        "model_provider": json.dumps(_PROVIDER),
        "model": json.dumps(call.models[0]),
    }
    chosen = (part for key, value in settings.items() for part in ("-c", f"{key}={value}"))
    return [program, *chosen, *arguments]


def _chooses_for_codex(argument: str) -> bool:
    key, _, _ = argument.removeprefix("--config=").removeprefix("-c").partition("=")
    return argument.partition("=")[0] in _CODEX_FLAGS or key in _CODEX_CHOICES


def _given(env: Mapping[str, str]) -> dict[str, Any]:
    text = env.get(OPENCODE_VARIABLE, "").strip()
    try:
        config = parse_config(text) if text else {}
    except ConfigSyntaxFault as fault:
        raise CommandFailed(f"{OPENCODE_VARIABLE}:{fault}") from None
    if not isinstance(config, dict):
        raise CommandFailed(f"{OPENCODE_VARIABLE} must hold an object")
    return config


def _configs(env: Mapping[str, str], cwd: Path, folder: Path) -> Iterable[Mapping[str, object]]:
    """OpenCode's configs, as far as they can be read; it says itself what is wrong with others."""
    paths = [folder / "config.json"]
    paths += [Path(env["OPENCODE_CONFIG"])] if env.get("OPENCODE_CONFIG") else []
    folders = (folder, *(each for project in (cwd, *cwd.parents) for each in _in_project(project)))
    paths += [each / name for each in folders for name in ("opencode.json", "opencode.jsonc")]
    for path in paths:
        try:
            yield read_config(path) or {}
        except ConfigFileFault:
            continue


def _in_project(project: Path) -> tuple[Path, Path]:
    return project, project / ".opencode"


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
