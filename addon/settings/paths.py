"""Where the accounts file and the config files are. Pure: nothing is looked up on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def accounts_path(env: Mapping[str, str], *, platform: str, home: Path) -> Path:
    """The accounts file: ``$QWEN_ACCOUNTS_FILE``, else in OpenCode's config folder."""
    if named := env.get("QWEN_ACCOUNTS_FILE"):
        return home / named[2:] if named.startswith("~/") else Path(named)
    return _config_folder(env, platform, home) / "qwen-auth-accounts.json"


def user_config_path(env: Mapping[str, str], *, platform: str, home: Path) -> Path:
    """The user's config file, in OpenCode's config folder."""
    return _config_folder(env, platform, home) / "qwen.json"


def project_config_path(cwd: Path) -> Path:
    """The config file of the project in whose folder ``cwd`` the proxy is started."""
    return cwd / ".opencode" / "qwen.json"


def _config_folder(env: Mapping[str, str], platform: str, home: Path) -> Path:
    """OpenCode's config folder, found the way that its plugin opencode-qwen-auth finds it."""
    if platform == "win32":
        return Path(env.get("APPDATA") or home / "AppData" / "Roaming") / "opencode"
    return Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "opencode"
