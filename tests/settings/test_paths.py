"""Where the accounts file and the config files are."""

from __future__ import annotations

from pathlib import Path

import pytest

from addon.settings import accounts_path, project_config_path, user_config_path
from tests.settings.sources import LINUX

HOME = Path("/home/x")


@pytest.mark.parametrize(
    ("env", "platform", "path"),
    [
        ({}, LINUX, "/home/x/.config/opencode/qwen-auth-accounts.json"),
        ({}, "darwin", "/home/x/.config/opencode/qwen-auth-accounts.json"),
        ({"XDG_CONFIG_HOME": "/xdg"}, LINUX, "/xdg/opencode/qwen-auth-accounts.json"),
        ({"XDG_CONFIG_HOME": ""}, LINUX, "/home/x/.config/opencode/qwen-auth-accounts.json"),
        ({"APPDATA": "/roaming"}, "win32", "/roaming/opencode/qwen-auth-accounts.json"),
        ({}, "win32", "/home/x/AppData/Roaming/opencode/qwen-auth-accounts.json"),
        ({"QWEN_ACCOUNTS_FILE": "/a.json", "XDG_CONFIG_HOME": "/xdg"}, LINUX, "/a.json"),
        ({"QWEN_ACCOUNTS_FILE": "~/a.json"}, LINUX, "/home/x/a.json"),
    ],
)
def test_the_accounts_file_is_where_the_plugin_has_it(
    env: dict[str, str], platform: str, path: str
) -> None:
    assert accounts_path(env, platform=platform, home=HOME) == Path(path)


def test_the_user_config_stays_in_opencodes_folder() -> None:
    env = {"QWEN_ACCOUNTS_FILE": "/elsewhere/a.json", "XDG_CONFIG_HOME": "/xdg"}
    path = user_config_path(env, platform=LINUX, home=HOME)
    assert path == Path("/xdg/opencode/qwen.json")


def test_the_project_config_is_in_the_folder_of_the_start() -> None:
    assert project_config_path(Path("/p")) == Path("/p/.opencode/qwen.json")
