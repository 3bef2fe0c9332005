"""Golden files: configs of OpenCode as people have them, installed into and uninstalled from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given

from addon.cli.config_files.jsonc import parse
from addon.cli.opencode.editing import Config, parsed, taken_out
from addon.cli.opencode.provider import provider
from tests.cli.config_files.documents import comments_in, jsonc_documents
from tests.cli.invoked import Home

CONFIGS: Final = Path(__file__).with_name("configs")
URL: Final = "http://127.0.0.1:8081/v1"

# what an install makes of these could have been made of others too: only a backup tells
WANT_A_BACKUP: Final = ("empty", "empty_section", "only_comments")


def cases(kind: str) -> list[str]:
    return sorted(
        path.stem for path in (CONFIGS / kind).glob("*.jsonc") if path.stem.isidentifier()
    )


@pytest.fixture
def config(home: Home) -> Path:
    """The config of whoever lives there."""
    folder = home.folder / ".config" / "opencode"
    folder.mkdir(parents=True)
    return folder / "opencode.jsonc"


def before_and_after(kind: str, name: str) -> tuple[bytes, bytes]:
    before = CONFIGS / kind / f"{name}.jsonc"
    return before.read_bytes(), before.with_suffix(f".{kind}ed.jsonc").read_bytes()


@pytest.mark.parametrize("name", cases("install"))
def test_install_changes_this_config_so_and_uninstall_undoes_it(
    home: Home, config: Path, name: str
) -> None:
    before, after = before_and_after("install", name)
    config.write_bytes(before)

    assert home.run("opencode", "install", "--yes").status == 0

    assert config.read_bytes() == after
    backup = config.with_name("opencode.jsonc.before-qwen")
    assert backup.read_bytes() == before

    assert home.run("opencode", "uninstall", "--yes").status == 0

    assert config.read_bytes() == before
    assert list(config.parent.iterdir()) == [config]


@pytest.mark.parametrize("name", sorted({*cases("install")} - {*WANT_A_BACKUP}))
def test_uninstall_undoes_it_without_the_backup_too(home: Home, config: Path, name: str) -> None:
    before, after = before_and_after("install", name)
    config.write_bytes(after)
    assert home.run("opencode", "uninstall", "--yes").status == 0
    assert config.read_bytes() == before


@pytest.mark.parametrize("name", cases("install"))
def test_what_the_config_says_beside_stays(name: str) -> None:
    before, after = (text.decode("utf-8-sig") for text in before_and_after("install", name))
    old, new = parse(before), parse(after)
    assert new is not None
    assert isinstance(new.value, dict)
    said: dict[str, Any] = dict(old.value) if old and isinstance(old.value, dict) else {}
    if old is None:
        said["$schema"] = "https://opencode.ai/config.json"
    said["provider"] = {**said.get("provider", {}), "qwen": provider(URL)}
    assert new.value == said
    assert comments_in(after) == comments_in(before)


@pytest.mark.parametrize("name", cases("uninstall"))
def test_uninstall_makes_this_of_a_config_that_was_changed_since(
    home: Home, config: Path, name: str
) -> None:
    before, after = before_and_after("uninstall", name)
    config.write_bytes(before)
    assert home.run("opencode", "uninstall", "--yes").status == 0
    assert config.read_bytes() == after
    config_before, config_after = parsed(before.decode()), parsed(after.decode())
    said: dict[str, Any] = {**config_before.values}
    if config_before.is_installed:
        said["provider"] = {key: value for key, value in said["provider"].items() if key != "qwen"}
    assert {"provider": {}, **config_after.values} == said


@given(jsonc_documents())
def test_any_config_is_again_what_it_was(document: tuple[str, dict[str, Any]]) -> None:
    text, value = document
    if not isinstance(value.get("provider", {}), dict):
        return
    before = parsed(text)
    after = before.with_provider(provider(URL))
    assert parsed(after).is_installed
    if before.ours is None:
        assert comments_in(after) == comments_in(text)
    assert taken_out(parsed(after), text) == text


@given(jsonc_documents())
def test_any_config_without_a_backup_says_again_what_it_said(
    document: tuple[str, dict[str, Any]],
) -> None:
    text, value = document
    section = value.get("provider", {})
    if not isinstance(section, dict) or "qwen" in section:
        return
    left = taken_out(parsed(parsed(text).with_provider(provider(URL))), None)
    assert left is not None
    assert comments_in(left) == comments_in(text)
    said = {"provider": {}, **parsed(left).values}
    assert said == {"provider": {}, **value}
    if section:
        assert left == text


def test_an_update_of_the_base_url_changes_nothing_else() -> None:
    text = parsed("// mine\n{}\n").with_provider(provider(URL))
    config: Config = parsed(text)
    assert config.with_base_url("https://host/v1") == text.replace(URL, "https://host/v1")
