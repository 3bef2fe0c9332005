"""``qwen-proxy opencode``: which config is changed, when it is not, and what is said."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from addon.cli.opencode.provider import provider
from tests.cli.invoked import Home, Printed, failed

INSTALL: Final = ("opencode", "install", "--yes")
UNINSTALL: Final = ("opencode", "uninstall", "--yes")
REVERSE: Final = "http://127.0.0.1:8081/v1"
USUAL: Final = '{\n  // mine\n  "autoupdate": false\n}\n'
FOREIGN: Final = '{\n  "provider": {\n    "qwen": { "options": { "baseURL": "u" } }\n  }\n}\n'


@pytest.fixture
def folder(home: Home) -> Path:
    """OpenCode's config folder."""
    folder = home.folder / ".config" / "opencode"
    folder.mkdir(parents=True)
    return folder


def base_url_in(path: Path) -> str:
    """Where our provider leads, in a config without comments."""
    config = json.loads(path.read_text())["provider"]["qwen"]
    assert config == provider(config["options"]["baseURL"])
    url: str = config["options"]["baseURL"]
    return url


def said(printed: Printed) -> str:
    """All that a command said that succeeded."""
    assert printed.status == 0, printed
    return printed.stdout + printed.stderr


# One install, and its end


def test_on_a_fresh_machine_the_config_is_made_and_goes_again(home: Home) -> None:
    config = home.folder / ".config" / "opencode" / "opencode.json"
    installed = home.run(*INSTALL)
    assert base_url_in(config) == REVERSE
    assert json.loads(config.read_text())["$schema"] == "https://opencode.ai/config.json"
    assert f"--- /dev/null\n+++ {config}\n" in installed.stdout
    assert installed.stdout.endswith(f"\nThe provider qwen is in {config}\n")
    assert "opencode run -m qwen/qwen3-coder-plus" in installed.stderr
    assert list(config.parent.iterdir()) == [config]
    assert home.run(*UNINSTALL).stdout.endswith(f"The provider qwen is taken out of {config}\n")
    assert list(config.parent.iterdir()) == []


def test_without_anybody_to_ask_the_diff_is_shown_and_nothing_is_changed(
    home: Home, folder: Path
) -> None:
    config = folder / "opencode.json"
    config.write_text(USUAL)
    shown = home.run("opencode", "install")
    assert shown.status == 1
    assert shown.stdout.startswith(f"--- {config}\n+++ {config}\n@@ -1,4 +1,")
    assert '-  "autoupdate": false\n+  "autoupdate": false,\n+  "provider": {\n' in shown.stdout
    assert shown.stderr == (
        "qwen-proxy: nobody can be asked, so nothing was changed: --yes makes this change\n"
    )
    assert config.read_text() == USUAL
    assert list(folder.iterdir()) == [config]


def test_the_backup_is_named(home: Home, folder: Path) -> None:
    (folder / "opencode.json").write_text(USUAL)
    told = said(home.run(*INSTALL))
    assert f"What was there is kept in {folder / 'opencode.json.before-qwen'}\n" in told


def test_run_again_it_says_that_nothing_is_to_be_done(home: Home, folder: Path) -> None:
    home.run(*INSTALL)
    (config,) = folder.iterdir()
    before = config.read_bytes(), config.stat()
    again = home.run("opencode", "install")
    assert again.stdout == f"The provider qwen is in {config} already\n"
    assert again.status == 0
    assert (config.read_bytes(), config.stat()) == before
    assert list(folder.iterdir()) == [config]


def test_run_again_it_brings_port_and_mode_up_to_date(home: Home, folder: Path) -> None:
    config = folder / "opencode.json"
    config.write_text('{"autoupdate": false}')
    said(home.run(*INSTALL))
    told = said(home.run(*INSTALL, "--port", "9000"))
    assert base_url_in(config) == "http://127.0.0.1:9001/v1"
    assert "qwen-proxy run --port 9000\n" in told
    told = said(home.run(*INSTALL, "--mode", "proxy", "--port", "9000"))
    assert base_url_in(config) == "https://portal.qwen.ai/v1"
    assert (
        "HTTPS_PROXY=http://127.0.0.1:9000 "
        "NODE_EXTRA_CA_CERTS=~/.mitmproxy/mitmproxy-ca-cert.pem opencode run" in told
    )
    said(home.run(*UNINSTALL))
    assert config.read_text() == '{"autoupdate": false}'
    assert list(folder.iterdir()) == [config]


def test_with_the_proxy_in_between_the_base_url_is_the_one_that_is_set(
    home: Home, folder: Path
) -> None:
    person = replace(home, env={"QWEN_API_BASE_URL": "https://host.example/v1"})
    said(person.run(*INSTALL, "--mode", "proxy"))
    assert base_url_in(folder / "opencode.json") == "https://host.example/v1"


def test_programs_read_what_was_done_as_json(home: Home, folder: Path) -> None:
    config = folder / "opencode.json"
    config.write_text(USUAL)
    shown = home.run("opencode", "install", "--json")
    assert shown.status == 1
    assert shown.json()["changed"] is False
    document = home.run(*INSTALL, "--json").json()
    assert document["changed"] is True
    assert (document["path"], document["base_url"]) == (str(config), REVERSE)
    (file,) = document["files"]
    assert (file["path"], file["action"]) == (str(config), "change")
    assert file["backup"] == str(folder / "opencode.json.before-qwen")
    assert file["diff"] == shown.json()["files"][0]["diff"]
    assert home.run(*INSTALL, "--json").json()["files"] == []
    assert home.run(*UNINSTALL, "--json").json()["changed"] is True


# Which config


def test_the_config_is_the_one_that_opencode_itself_would_change(home: Home, folder: Path) -> None:
    for name in ("config.json", "opencode.json", "opencode.jsonc"):
        (folder / name).write_text("{}")
        told = home.run("opencode", "install", "--json").json()
        assert told["path"] == str(folder / name)


def test_what_is_installed_is_brought_up_to_date_where_it_is(home: Home, folder: Path) -> None:
    home.run(*INSTALL)
    (folder / "opencode.jsonc").write_text("{}")
    said(home.run(*INSTALL, "--port", "9000"))
    assert base_url_in(folder / "opencode.json") == "http://127.0.0.1:9001/v1"
    assert (folder / "opencode.jsonc").read_text() == "{}"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("XDG_CONFIG_HOME", "{tmp}/xdg", "{tmp}/xdg/opencode/opencode.json"),
        ("OPENCODE_CONFIG", "{tmp}/mine.json", "{tmp}/mine.json"),
        ("OPENCODE_CONFIG", "mine.json", "{tmp}/project/mine.json"),
    ],
)
def test_the_environment_says_where_configs_are(
    home: Home, tmp_path: Path, variable: str, value: str, expected: str
) -> None:
    person = replace(home, env={variable: value.format(tmp=tmp_path)})
    said(person.run(*INSTALL))
    assert base_url_in(Path(expected.format(tmp=tmp_path))) == REVERSE
    said(person.run(*UNINSTALL))
    assert not Path(expected.format(tmp=tmp_path)).exists()


@pytest.mark.parametrize("git", ["folder", "file"])
def test_the_config_of_a_project_is_at_the_root_of_its_work_tree(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git: str
) -> None:
    root = tmp_path / "project"
    (root / "src" / "deep").mkdir(parents=True)
    if git == "folder":
        (root / ".git").mkdir()
    else:
        (root / ".git").write_text("gitdir: elsewhere")
    monkeypatch.chdir(root / "src" / "deep")
    said(home.run(*INSTALL, "--project"))
    assert base_url_in(root / "opencode.json") == REVERSE
    assert not (home.folder / ".config").exists()
    said(home.run(*UNINSTALL, "--project"))
    assert not (root / "opencode.json").exists()


def test_without_a_work_tree_the_project_is_this_folder(home: Home) -> None:
    said(home.run(*INSTALL, "--project"))
    assert base_url_in(Path("opencode.json")) == REVERSE


@pytest.mark.parametrize("name", ["opencode.jsonc", ".opencode/opencode.json"])
def test_a_config_that_the_project_has_is_taken(home: Home, name: str) -> None:
    Path(".opencode").mkdir()
    Path(name).write_text("{}")
    said(home.run(*INSTALL, "--project"))
    assert base_url_in(Path(name)) == REVERSE


# Others' work


def test_a_provider_of_that_name_that_is_not_ours_is_left_alone(home: Home, folder: Path) -> None:
    config = folder / "opencode.json"
    config.write_text(FOREIGN)
    (folder / "opencode.jsonc").write_text("{}")
    assert failed(home.run(*INSTALL)) == (
        f"{config} has a provider qwen that is not from here (its base URL is u): nothing was "
        "changed. --force puts this one in its place"
    )
    assert config.read_text() == FOREIGN
    kept = home.run(*UNINSTALL)
    assert f"The one in {config} is not from here, and stays" in kept.stderr
    assert config.read_text() == FOREIGN


def test_by_force_it_is_replaced_and_comes_back(home: Home, folder: Path) -> None:
    config = folder / "opencode.json"
    config.write_text(FOREIGN)
    told = said(home.run(*INSTALL, "--force"))
    assert base_url_in(config) == REVERSE
    assert f"kept in {config}.before-qwen" in told
    said(home.run(*UNINSTALL))
    assert config.read_text() == FOREIGN


def edited(config: Path) -> str:
    """What a person makes of our provider: a model more, and a comment."""
    text = config.read_text().replace('"models": {', '"models": { // mine\n        "m": {},')
    config.write_text(text)
    return text


def test_changes_inside_our_provider_stay_when_it_is_brought_up_to_date(
    home: Home, folder: Path
) -> None:
    config = folder / "opencode.json"
    config.write_text(USUAL)
    home.run(*INSTALL)
    text = edited(config)
    assert "with changes of yours, which stay" in said(home.run(*INSTALL))
    assert config.read_text() == text
    said(home.run(*INSTALL, "--port", "9000"))
    assert config.read_text() == text.replace(":8081/", ":9001/")


def test_by_force_they_are_undone_and_kept_in_a_backup(home: Home, folder: Path) -> None:
    config = folder / "opencode.json"
    config.write_text(USUAL)
    home.run(*INSTALL)
    installed = config.read_text()
    text = edited(config)
    told = said(home.run(*INSTALL, "--force"))
    assert config.read_text() == installed
    assert f"kept in {config}.with-qwen" in told
    assert Path(f"{config}.with-qwen").read_text() == text
    said(home.run(*UNINSTALL))
    assert config.read_text() == USUAL


def test_uninstall_takes_them_out_into_a_backup(home: Home, folder: Path) -> None:
    config = folder / "opencode.json"
    config.write_text(USUAL)
    home.run(*INSTALL)
    text = edited(config)
    told = said(home.run(*UNINSTALL))
    assert config.read_text() == USUAL
    assert f"kept in {config}.with-qwen" in told
    assert Path(f"{config}.with-qwen").read_text() == text


def test_what_was_changed_beside_it_stays_and_so_does_the_backup(home: Home, folder: Path) -> None:
    config = folder / "opencode.json"
    config.write_text(USUAL)
    home.run(*INSTALL)
    config.write_text(config.read_text().replace("// mine", "// still mine"))
    told = said(home.run(*UNINSTALL))
    assert config.read_text() == USUAL.replace("// mine", "// still mine")
    assert f"changed since the install: {config}.before-qwen holds" in told
    assert Path(f"{config}.before-qwen").read_text() == USUAL


def test_without_anything_of_ours_there_is_nothing_to_take_out(home: Home, folder: Path) -> None:
    (folder / "opencode.json").write_text(USUAL)
    told = said(home.run("opencode", "uninstall"))
    assert told.startswith("There is no provider qwen of ours in ")
    assert (folder / "opencode.json").read_text() == USUAL


# Configs that cannot be changed


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{\n  "a": 1\n  "b": 2\n}', ":3:3: is not JSON: a comma or } was expected"),
        (b"[]", ": must hold an object"),
        (b'{"provider": []}', ": provider must be an object"),
        (b'{"a": "\xff"}', " is not UTF-8 text"),
    ],
)
@pytest.mark.parametrize("command", [INSTALL, UNINSTALL], ids=["install", "uninstall"])
def test_a_config_that_is_not_sound_is_named_and_left_as_it_is(
    home: Home, folder: Path, command: tuple[str, ...], content: bytes, reason: str
) -> None:
    config = folder / "opencode.json"
    config.write_bytes(content)
    assert f"{config}{reason}" in failed(home.run(*command))
    assert config.read_bytes() == content


def test_a_folder_in_its_place_is_told_of(home: Home, folder: Path) -> None:
    (folder / "opencode.json").mkdir()
    assert str(folder / "opencode.json") in failed(home.run(*INSTALL))


def test_a_config_that_is_meant_to_be_left_alone_is(home: Home, folder: Path) -> None:
    config = folder / "opencode.json"
    config.write_text(USUAL)
    config.chmod(0o444)
    assert failed(home.run(*INSTALL)) == f"{config} is read-only: nothing was changed"
    assert config.read_text() == USUAL
    assert list(folder.iterdir()) == [config]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_is_closed_is_told_of(home: Home, folder: Path) -> None:
    folder.chmod(0o500)
    try:
        assert failed(home.run(*INSTALL)) == f"{folder} is read-only: nothing was changed"
    finally:
        folder.chmod(0o700)


# Files as they are


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_the_config_keeps_its_mode_and_the_backup_has_it_too(
    home: Home, folder: Path, mode: int
) -> None:
    config = folder / "opencode.json"
    config.write_text(USUAL)
    config.chmod(mode)
    said(home.run(*INSTALL))
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == mode
    said(home.run(*UNINSTALL))
    assert stat.S_IMODE(config.stat().st_mode) == mode


def test_a_symlink_stays_one_and_its_target_gets_no_neighbour(
    home: Home, folder: Path, tmp_path: Path
) -> None:
    dotfiles = tmp_path / "dotfiles"
    dotfiles.mkdir()
    target = dotfiles / "opencode.jsonc"
    target.write_text(USUAL)
    config = folder / "opencode.jsonc"
    config.symlink_to(target)
    said(home.run(*INSTALL))
    assert config.is_symlink()
    assert '"qwen"' in target.read_text()
    assert list(dotfiles.iterdir()) == [target]
    said(home.run(*UNINSTALL))
    assert config.is_symlink()
    assert target.read_text() == USUAL
    assert list(folder.iterdir()) == [config]


# What else is told


def test_the_plugin_that_would_answer_itself_is_told_of(home: Home, folder: Path) -> None:
    config = folder / "opencode.json"
    config.write_text('{"plugin": ["opencode-qwen-auth@0.3.4"]}')
    for command in (INSTALL, (*INSTALL, "--project")):
        told = said(home.run(*command))
        assert f"plugin opencode-qwen-auth is listed in {config}" in told
        assert 'Take it out of "plugin" there' in told


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"enabled_providers": ["anthropic"]}, 'add "qwen" to "enabled_providers" there'),
        ({"disabled_providers": ["qwen"]}, 'take "qwen" out of "disabled_providers" there'),
    ],
)
def test_settings_that_forbid_the_provider_are_told_of(
    home: Home, folder: Path, settings: dict[str, Any], advice: str
) -> None:
    (folder / "opencode.json").write_text(json.dumps(settings))
    assert advice in said(home.run(*INSTALL))


def test_a_model_that_is_gone_with_the_provider_is_told_of(home: Home, folder: Path) -> None:
    config = folder / "opencode.json"
    config.write_text('{"model": "qwen/qwen3-coder-plus"}')
    home.run(*INSTALL)
    told = said(home.run(*UNINSTALL))
    assert f'{config} still has "model": "qwen/qwen3-coder-plus": choose another' in told


def test_the_diff_shows_no_secret_and_steers_no_terminal(home: Home, folder: Path) -> None:
    config = folder / "opencode.json"
    config.write_text('{\n  "x": "\x7f\u2028",\n  "apiKey": "sk-0123456789abcdef"\n}\n')
    shown = home.run("opencode", "install").stdout
    assert '"apiKey": "sk-0...cdef"' in shown
    assert "sk-0123456789abcdef" not in shown
    assert r'"x": "\x7f\u2028"' in shown
