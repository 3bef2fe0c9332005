"""The OpenCode plugin opencode-qwen-auth, where it gets in the way.

It shares the accounts file and knows sign-ins only: whenever it writes, accounts with a plain
key are gone. And it answers for OpenCode's provider ``qwen`` itself. Neither can be helped from
here, only said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from addon.accounts.account import Account, ApiKeyCredential
from addon.config_file import ConfigFileFault, read_config

PLUGIN: Final = "opencode-qwen-auth"

_OPENCODE_CONFIGS: Final = ("opencode.json", "opencode.jsonc", "config.json")


def plugin_conflict(
    accounts: Iterable[Account], opencode_configs: Iterable[Mapping[str, object]]
) -> str | None:
    """What to tell the user, where the plugin is in use on a file that holds keys."""
    keys = [account for account in accounts if isinstance(account.credential, ApiKeyCredential)]
    if not keys or not any(map(lists_plugin, opencode_configs)):
        return None
    names = ", ".join(account.name for account in keys)
    return (
        f"OpenCode's plugin {PLUGIN} is in use on the same accounts file. Whenever it writes, "
        f"it drops accounts without a refresh token ({names}). Take it out of OpenCode's config, "
        "or keep the keys in a file of their own and name that in QWEN_ACCOUNTS_FILE."
    )


def opencode_configs_beside(accounts_path: Path) -> tuple[dict[str, object], ...]:
    """OpenCode's configs in the folder of the accounts file, as far as they can be read."""
    found = []
    for name in _OPENCODE_CONFIGS:
        try:
            config = read_config(accounts_path.parent / name)
        except ConfigFileFault:
            continue  # OpenCode itself says so better
        if config is not None:
            found.append(config)
    return tuple(found)


def plugin_in_between(config_path: Path) -> str:
    """What to tell the user whose OpenCode config there lists the plugin, and has our provider."""
    return (
        f"OpenCode's plugin {PLUGIN} is listed in {config_path}: where it has signed in, it "
        "answers for the provider qwen itself, and no request reaches this proxy. Take it out of "
        '"plugin" there; its accounts stay, this proxy uses the same file.'
    )


def lists_plugin(config: Mapping[str, object]) -> bool:
    """Whether an OpenCode config names it.

    Plugins are named by package, package@version or path, alone or with options in a list.
    """
    plugins = config.get("plugin")
    if not isinstance(plugins, list):
        return False
    named = (entry[0] if isinstance(entry, list) and entry else entry for entry in plugins)
    return any(isinstance(name, str) and PLUGIN in name for name in named)
