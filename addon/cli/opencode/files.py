"""Which config file of OpenCode is meant: where OpenCode 1.18 looks, on every system alike.

It merges, the later the stronger:

1. ``config.json``, ``opencode.json``, ``opencode.jsonc`` in ``$XDG_CONFIG_HOME/opencode``, else
   in ``~/.config/opencode`` (on Windows too: ``%APPDATA%`` is only where its plugin for Qwen
   keeps accounts);
2. the file that ``$OPENCODE_CONFIG`` names;
3. ``opencode.json``, ``opencode.jsonc`` in each folder from the root of the git work tree down
   to the one where it was started;
4. the same two in ``.opencode`` folders.

When OpenCode itself changes a setting of the user's it takes the strongest file of (1) that
is there; so does this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NAMES: Final = ("opencode.jsonc", "opencode.json")


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a provider may be, for a person or for a project."""

    files: tuple[Path, ...]
    """The preferred one first."""
    new: Path
    """What to make where none of them is there."""
    config_folder: Path
    """OpenCode's for this person, which holds in every scope."""


def user_scope(env: Mapping[str, str], *, home: Path, cwd: Path) -> Scope:
    """For everything that this person does; ``$OPENCODE_CONFIG`` where that is set."""
    folder = _config_folder(env, home)
    if named := env.get("OPENCODE_CONFIG"):
        return Scope((cwd / named,), cwd / named, folder)
    files = tuple(folder / name for name in (*_NAMES, "config.json"))
    return Scope(files, folder / "opencode.json", folder)


def every_config(env: Mapping[str, str], *, home: Path, cwd: Path) -> tuple[Path, ...]:
    """All that OpenCode would read if it was started in ``cwd``, there or not."""
    user = user_scope(env, home=home, cwd=cwd)
    own = (user.config_folder / name for name in (*_NAMES, "config.json"))
    root = _work_tree(cwd)
    folders = [each for each in (cwd, *cwd.parents) if each.is_relative_to(root)]
    projects = (
        folder / name
        for project in folders
        for folder in (project, project / ".opencode")
        for name in _NAMES
    )
    return tuple(dict.fromkeys((*own, *user.files, *projects)))


def project_scope(env: Mapping[str, str], *, home: Path, cwd: Path) -> Scope:
    """For the project around ``cwd``: its git work tree, else that folder alone."""
    root = _work_tree(cwd)
    files = tuple(folder / name for folder in (root, root / ".opencode") for name in _NAMES)
    return Scope(files, root / "opencode.json", _config_folder(env, home))


def _work_tree(cwd: Path) -> Path:
    return next((each for each in (cwd, *cwd.parents) if (each / ".git").exists()), cwd)


def _config_folder(env: Mapping[str, str], home: Path) -> Path:
    return Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "opencode"
