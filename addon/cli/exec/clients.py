"""What OpenCode and Codex need beside the environment that others go by.

OpenCode takes a config from its environment and lays it over its files; Codex takes settings
on its command line. Neither has its own files changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from addon.accounts.account import Account
from addon.cli.failure import CommandFailed
from addon.cli.opencode.files import every_config
from addon.cli.opencode.provider import ID, MODELS, provider
from addon.cli.surroundings import Surroundings
from addon.config_file import ConfigFileFault, ConfigSyntaxFault, parse_config, read_config

OPENCODE_VARIABLE: Final = "OPENCODE_CONFIG_CONTENT"

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
        found += [] if account.models else MODELS
    if not found:
        found += MODELS
    return list(dict.fromkeys((*(name for name in MODELS if name in found), *found)))


def opencode_config(call: Call, around: Surroundings) -> str:
    """What to put into OPENCODE_VARIABLE: what is there already, with the provider.

    The model is chosen too, where nobody has chosen one: neither there, nor in a config of the
    project or the user. Raises CommandFailed.
    """
    config = _given(around.env)
    config["provider"] = {
        **_table(config.get("provider")),
        ID: provider(call.base_url, call.models),
    }
    if not any("model" in each for each in (config, *_configs(around))):
        config["model"] = f"{ID}/{call.models[0]}"
    return json.dumps(config)


def codex_command(call: Call) -> list[str]:
    """The command, with the provider if it is Codex and nobody has chosen another."""
    program, *arguments = call.command
    if PurePath(program).stem.lower() != "codex" or any(map(_chooses_for_codex, arguments)):
        return [*call.command]
    provider = f'{{name="Qwen", base_url="{call.base_url}", wire_api="responses"}}'
    settings = {
        f"model_providers.{ID}": provider,
        "model_provider": json.dumps(ID),
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


def _configs(around: Surroundings) -> Iterator[Mapping[str, object]]:
    """OpenCode's configs, as far as they can be read; it says itself what is wrong with others."""
    for path in every_config(around.env, home=around.home, cwd=around.cwd):
        try:
            yield read_config(path) or {}
        except ConfigFileFault:
            continue


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
