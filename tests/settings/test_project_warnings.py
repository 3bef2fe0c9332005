"""A project's config file may come with a clone: what it does to tokens is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from addon.settings import project_warnings


def written(folder: Path, text: str) -> Path:
    config = folder / ".opencode" / "qwen.json"
    config.parent.mkdir()
    config.write_text(text, "utf-8")
    return config


@pytest.mark.parametrize("key", ["base_url", "oauth_base_url"])
def test_a_project_that_says_where_tokens_go_is_named(tmp_path: Path, key: str) -> None:
    config = written(tmp_path, f'{{"{key}": "https://elsewhere.example/v1"}}')
    (warning,) = project_warnings(tmp_path)
    assert str(config) in warning
    assert "https://elsewhere.example/v1" in warning


def test_servers_in_a_list_are_all_named(tmp_path: Path) -> None:
    written(tmp_path, '{"oauth_fallback_urls": ["https://a.example", "https://b.example"]}')
    (warning,) = project_warnings(tmp_path)
    assert "https://a.example, https://b.example:" in warning


@pytest.mark.parametrize("text", ['{"rotation_strategy": "sequential"}', "{broken", "{}"])
def test_of_any_other_nothing_is_said(tmp_path: Path, text: str) -> None:
    written(tmp_path, text)
    assert project_warnings(tmp_path) == ()


def test_nor_where_there_is_none(tmp_path: Path) -> None:
    assert project_warnings(tmp_path) == ()
