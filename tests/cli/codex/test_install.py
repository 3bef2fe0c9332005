"""``qwen-proxy codex``: what becomes of config.toml and the profile, and what is said."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.invoked import Home, Printed, failed

INSTALL: Final = ("codex", "install", "--yes")
UNINSTALL: Final = ("codex", "uninstall", "--yes")
REVERSE: Final = "http://127.0.0.1:8081/v1"
OWN: Final = '# mine\nmodel = "gpt-5.5"\n'
FOREIGN: Final = '[model_providers.qwen]\nname = "Mine"\nbase_url = "u"\nwire_api = "responses"\n'
MODEL: Final = {
    "model": "qwen3-coder-plus",
    "model_provider": "qwen",
    "model_context_window": 1_000_000,
}


@pytest.fixture
def folder(home: Home) -> Path:
    """Codex's folder."""
    folder = home.folder / ".codex"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def config(folder: Path) -> Path:
    """Codex's config, of somebody who has chosen a model."""
    config = folder / "config.toml"
    config.write_text(OWN)
    return config


@pytest.fixture
def profile(folder: Path) -> Path:
    """Where our profile will be."""
    return folder / "qwen.config.toml"


def said(printed: Printed) -> str:
    """All that a command said that succeeded."""
    assert printed.status == 0, printed
    return printed.stdout + printed.stderr


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


def provider_in(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read(path)["model_providers"]["qwen"]
    return found


# Who uses it


def test_on_a_fresh_machine_plain_codex_uses_it(home: Home) -> None:
    folder = home.folder / ".codex"
    told = said(home.run(*INSTALL))
    assert MODEL.items() <= read(folder / "config.toml").items()
    assert provider_in(folder / "config.toml")["base_url"] == REVERSE
    assert read(folder / "qwen.config.toml") == MODEL
    assert told.endswith("Start the proxy:  qwen-proxy run\nthen:             codex\n")
    said(home.run(*UNINSTALL))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "own", ['model = "gpt-5.5"\n', 'model_provider = "local"\n', 'profile = "deep"\n']
)
def test_a_choice_of_the_persons_own_stays_and_the_profile_is_for_ours(
    home: Home, folder: Path, profile: Path, own: str
) -> None:
    config = folder / "config.toml"
    config.write_text(own)
    told = said(home.run(*INSTALL))
    assert config.read_text().startswith(own + "\n[model_providers.qwen]\n")
    assert read(profile) == MODEL
    assert f"your own {own.split(maxsplit=1)[0]} is as it was" in told
    assert told.endswith("then:             codex --profile qwen\n")


def test_somebody_who_is_signed_in_elsewhere_goes_on_there(
    home: Home, folder: Path, profile: Path
) -> None:
    (folder / "auth.json").write_text("{}")
    assert "codex --profile qwen\n" in said(home.run(*INSTALL))
    assert "model" not in read(folder / "config.toml")
    assert read(profile) == MODEL
    assert "then:             codex\n" in said(home.run(*INSTALL, "--default"))
    assert MODEL.items() <= read(folder / "config.toml").items()
    assert "codex --profile qwen\n" in said(home.run(*INSTALL, "--no-default"))
    assert "model" not in read(folder / "config.toml")


def test_nobodys_choice_is_overwritten_even_when_asked_for(home: Home, config: Path) -> None:
    assert failed(home.run(*INSTALL, "--default")) == (
        f"{config} sets model itself: take that out, or start codex --profile qwen, which "
        "install sets up without --default"
    )
    assert config.read_text() == OWN


# Again, and otherwise


def test_run_again_it_says_that_nothing_is_to_be_done(home: Home, config: Path) -> None:
    home.run(*INSTALL)
    before = config.read_text()
    again = home.run("codex", "install")
    assert (again.status, again.stdout) == (
        0,
        f"The provider qwen is in {config} already; your own model is as it was\n",
    )
    assert config.read_text() == before


def test_run_again_it_brings_port_and_mode_up_to_date(home: Home, config: Path) -> None:
    home.run(*INSTALL)
    said(home.run(*INSTALL, "--port", "9000"))
    assert provider_in(config)["base_url"] == "http://127.0.0.1:9001/v1"
    told = said(home.run(*INSTALL, "--mode", "proxy"))
    assert provider_in(config)["base_url"] == "https://portal.qwen.ai/v1"
    assert (
        "HTTPS_PROXY=http://127.0.0.1:8080 "
        "CODEX_CA_CERTIFICATE=~/.mitmproxy/mitmproxy-ca-cert.pem codex --profile qwen" in told
    )
    said(home.run(*UNINSTALL))
    assert config.read_text() == OWN
    assert list(config.parent.iterdir()) == [config]


def test_a_profile_that_is_missing_is_made_again(home: Home, config: Path, profile: Path) -> None:
    home.run(*INSTALL)
    profile.unlink()
    before = config.read_text()
    said(home.run(*INSTALL))
    assert read(profile) == MODEL
    assert config.read_text() == before


def test_the_environment_says_where_codex_is(home: Home, tmp_path: Path) -> None:
    person = replace(home, env={"CODEX_HOME": str(tmp_path / "elsewhere")})
    said(person.run(*INSTALL))
    assert provider_in(tmp_path / "elsewhere" / "config.toml")["base_url"] == REVERSE


def test_without_anybody_to_ask_the_diffs_are_shown_and_nothing_is_changed(
    home: Home, config: Path, profile: Path
) -> None:
    shown = home.run("codex", "install")
    assert shown.status == 1
    assert f"--- {config}\n+++ {config}\n" in shown.stdout
    assert f"--- /dev/null\n+++ {profile}\n" in shown.stdout
    assert shown.stderr.startswith("qwen-proxy: nobody can be asked")
    assert list(config.parent.iterdir()) == [config]
    assert config.read_text() == OWN


def test_programs_read_what_was_done_as_json(home: Home, config: Path, profile: Path) -> None:
    document = home.run(*INSTALL, "--json").json()
    assert [file["action"] for file in document["files"]] == ["change", "create"]
    assert (document["path"], document["profile_path"]) == (str(config), str(profile))
    assert document["default"] is False
    document = home.run(*UNINSTALL, "--json").json()
    assert [file["action"] for file in document["files"]] == ["change", "remove"]


# Others' work


def test_a_provider_of_that_name_that_is_not_ours_is_left_alone(home: Home, config: Path) -> None:
    config.write_text(FOREIGN)
    assert failed(home.run(*INSTALL)) == (
        f"{config} has a provider qwen that is not from here (its base_url is u): nothing was "
        "changed. --force puts this one in its place"
    )
    assert "is not from here, and stays" in said(home.run(*UNINSTALL))
    assert config.read_text() == FOREIGN


def test_by_force_it_is_replaced_and_comes_back(home: Home, config: Path) -> None:
    config.write_text(FOREIGN)
    said(home.run(*INSTALL, "--force"))
    assert provider_in(config)["base_url"] == REVERSE
    said(home.run(*UNINSTALL))
    assert config.read_text() == FOREIGN


def test_changes_inside_our_provider_stay_and_go_into_a_backup(home: Home, config: Path) -> None:
    home.run(*INSTALL)
    edited = config.read_text() + "request_max_retries = 9\n"
    config.write_text(edited)
    assert "with changes of yours, which stay" in said(home.run(*INSTALL))
    assert config.read_text() == edited
    told = said(home.run(*UNINSTALL))
    assert config.read_text() == OWN
    assert f"kept in {config}.with-qwen" in told
    assert Path(f"{config}.with-qwen").read_text() == edited


def test_by_force_they_are_undone(home: Home, config: Path) -> None:
    home.run(*INSTALL)
    installed = config.read_text()
    config.write_text(installed + "request_max_retries = 9\n")
    said(home.run(*INSTALL, "--force"))
    assert config.read_text() == installed
    said(home.run(*UNINSTALL))
    assert config.read_text() == OWN


def test_a_profile_of_that_name_that_is_not_ours_is_left_alone(
    home: Home, config: Path, profile: Path
) -> None:
    profile.write_text('model = "other"\n')
    assert "is a profile that is not from here" in failed(home.run(*INSTALL))
    assert config.read_text() == OWN
    said(home.run(*INSTALL, "--force"))
    assert read(profile) == MODEL
    said(home.run(*UNINSTALL))
    assert profile.read_text() == 'model = "other"\n'


def test_what_codex_kept_in_the_profile_stays(home: Home, config: Path, profile: Path) -> None:
    home.run(*INSTALL)
    kept = '\n[projects."/home/x"]\ntrust_level = "trusted"\n'
    profile.write_text(profile.read_text() + kept)
    told = said(home.run(*UNINSTALL))
    assert profile.read_text() == kept.removeprefix("\n")
    assert f"{profile} stays: it holds settings that are not from here" in told
    assert config.read_text() == OWN


# Configs that cannot be changed


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a = 1\nb = \n", ":2:5: is not TOML: "),
        ("model_providers = { local = { name = 'x' } }\n", ": model_providers is written as one"),
        ("model_providers = []\n", ": model_providers is written as one value"),
    ],
)
def test_a_config_that_cannot_be_changed_is_named_and_left_as_it_is(
    home: Home, config: Path, content: str, reason: str
) -> None:
    config.write_text(content)
    assert f"{config}{reason}" in failed(home.run(*INSTALL))
    assert config.read_text() == content


def test_one_that_somebody_wrote_into_a_value_is_to_be_taken_out_by_hand(
    home: Home, config: Path
) -> None:
    content = (
        'model_providers = { qwen = { name = "Qwen (qwen-proxy)", wire_api = "responses" } }\n'
    )
    config.write_text(content)
    assert "take it out by hand" in failed(home.run(*UNINSTALL))
    assert config.read_text() == content


def test_a_config_that_is_meant_to_be_left_alone_is(home: Home, config: Path) -> None:
    config.chmod(0o444)
    assert failed(home.run(*INSTALL)) == f"{config} is read-only: nothing was changed"
    assert list(config.parent.iterdir()) == [config]
