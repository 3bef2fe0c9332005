"""The OpenCode plugin on the same accounts file is told of, where it would drop accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from addon.accounts.account import Account, ApiKeyCredential, OAuthCredential
from addon.accounts.plugin import opencode_configs_beside, plugin_conflict

KEY = Account("k", ApiKeyCredential("sk-0123456789abcdef"), label="work")
SIGN_IN = Account("o", OAuthCredential("refresh-0123456789"))
WITH_PLUGIN = {"plugin": ["opencode-qwen-auth"]}


@pytest.mark.parametrize(
    "entry",
    [
        "opencode-qwen-auth",
        "opencode-qwen-auth@0.3.4",
        "file:///home/x/opencode-qwen-auth/dist/index.js",
        ["opencode-qwen-auth", {"option": 1}],
    ],
    ids=str,
)
def test_keys_in_a_file_that_the_plugin_shares_are_told_by_name(entry: object) -> None:
    told = plugin_conflict([SIGN_IN, KEY], [{"plugin": ["other", entry]}])
    assert told is not None
    assert "(work)" in told
    assert "sk-" not in told


@pytest.mark.parametrize(
    ("accounts", "configs"),
    [
        ([SIGN_IN], [WITH_PLUGIN]),
        ([KEY], []),
        ([KEY], [{}]),
        ([KEY], [{"plugin": ["other", 7, []]}]),
        ([KEY], [{"plugin": "opencode-qwen-auth"}]),
    ],
    ids=str,
)
def test_without_keys_or_without_the_plugin_there_is_nothing_to_tell(
    accounts: list[Account], configs: list[dict[str, object]]
) -> None:
    assert plugin_conflict(accounts, configs) is None


def test_opencodes_configs_are_read_as_far_as_they_can_be(tmp_path: Path) -> None:
    (tmp_path / "opencode.json").write_text("{ broken")
    (tmp_path / "opencode.jsonc").write_text('{"plugin": ["opencode-qwen-auth",], /* why */}')
    assert opencode_configs_beside(tmp_path / "accounts.json") == (WITH_PLUGIN,)


def test_no_config_no_conflict(tmp_path: Path) -> None:
    assert opencode_configs_beside(tmp_path / "accounts.json") == ()
