"""Golden files: Codex's config.toml as people have it, installed into and uninstalled from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, reject

from addon.cli.codex.editing import NotSeparate, parsed, taken_out
from addon.cli.config_files.toml import TomlFault
from tests.cli.config_files.documents import toml_documents
from tests.cli.invoked import Home

CONFIGS: Final = Path(__file__).with_name("configs")
URL: Final = "http://127.0.0.1:8081/v1"
MODEL: Final = {
    "model": "qwen3-coder-plus",
    "model_provider": "qwen",
    "model_context_window": 1_000_000,
}
PROVIDER: Final = {"name": "Qwen (qwen-proxy)", "base_url": URL, "wire_api": "responses"}


def cases(kind: str) -> list[str]:
    return sorted(path.stem for path in (CONFIGS / kind).glob("*.toml") if path.stem.isidentifier())


def before_and_after(kind: str, name: str) -> tuple[bytes, bytes]:
    before = CONFIGS / kind / f"{name}.toml"
    return before.read_bytes(), before.with_suffix(f".{kind}ed.toml").read_bytes()


@pytest.fixture
def config(home: Home) -> Path:
    """The config of whoever lives there."""
    config = home.folder / ".codex" / "config.toml"
    config.parent.mkdir(parents=True)
    return config


@pytest.mark.parametrize("name", cases("install"))
def test_install_changes_this_config_so_and_uninstall_undoes_it(
    home: Home, config: Path, name: str
) -> None:
    before, after = before_and_after("install", name)
    config.write_bytes(before)

    assert home.run("codex", "install", "--yes").status == 0

    assert config.read_bytes() == after
    assert config.with_name("config.toml.before-qwen").read_bytes() == before
    assert tomllib.loads(config.with_name("qwen.config.toml").read_text()) == MODEL

    assert home.run("codex", "uninstall", "--yes").status == 0

    assert config.read_bytes() == before
    assert list(config.parent.iterdir()) == [config]


@pytest.mark.parametrize("name", sorted({*cases("install")} - {"empty"}))
def test_uninstall_undoes_it_without_the_backup_too(home: Home, config: Path, name: str) -> None:
    before, after = before_and_after("install", name)
    config.write_bytes(after)
    assert home.run("codex", "uninstall", "--yes").status == 0
    assert config.read_bytes() == before


@pytest.mark.parametrize("name", cases("install"))
def test_what_the_config_says_beside_stays(name: str) -> None:
    old, new = (
        tomllib.loads(text.decode("utf-8-sig")) for text in before_and_after("install", name)
    )
    assert new["model_providers"].pop("qwen") == PROVIDER
    if "model_providers" not in old:
        assert new.pop("model_providers") == {}
    own = {"model", "model_provider", "profile"} & old.keys()
    assert new == (old if own else {**MODEL, **old})


@pytest.mark.parametrize("name", cases("uninstall"))
def test_uninstall_makes_this_of_a_config_that_was_changed_since(
    home: Home, config: Path, name: str
) -> None:
    before, after = before_and_after("uninstall", name)
    config.write_bytes(before)
    assert home.run("codex", "uninstall", "--yes").status == 0
    assert config.read_bytes() == after
    left: dict[str, Any] = tomllib.loads(after.decode())
    assert name == "another_of_this_name" or "qwen" not in left.get("model_providers", {})


@given(toml_documents())
def test_any_config_is_again_what_it_was(text: str) -> None:
    try:
        before = parsed(text)
        provided = before.with_provider(URL)
    except (TomlFault, NotSeparate):
        reject()
    assert provided.values["model_providers"].pop("qwen") == PROVIDER
    for after in (provided, before.with_model().with_provider(URL)):
        assert taken_out(parsed(after.text), text) == text
        if text:
            assert taken_out(parsed(after.text), None) == text
