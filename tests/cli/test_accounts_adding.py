"""``qwen-proxy accounts add`` and ``import``: what comes in, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from addon.accounts.presets import PRESETS
from tests.cli.command import Command
from tests.cli.invoked import Home, failed, secrets_shown
from tests.cli.terminal import on_terminal
from tests.support.accounts import api_key_account, oauth_account, write_accounts

KEY = "sk-0123456789abcdef"
OTHER_KEY = "sk-fedcba9876543210"
URL = "https://host.example/v1"
STUDIO = PRESETS["model-studio-singapore"]


def add(*arguments: str) -> list[str]:
    return ["accounts", "add", *arguments]


# Adding a key


def test_a_key_comes_on_standard_input(home: Home) -> None:
    added = home.run(*add("--base-url", f"{URL}/", "--label", "work"), typed=f"  {KEY}\r\n")
    assert added.stdout == f"work is added, for {URL}\n"
    assert "qwen-proxy accounts check work" in added.stderr
    (account,) = home.kept()
    assert (account["label"], account["apiKey"], account["baseUrl"]) == ("work", KEY, URL)
    assert secrets_shown(added, [KEY]) == []
    assert home.accounts_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_a_well_known_service_is_named(home: Home, preset: object) -> None:
    assert isinstance(preset, type(STUDIO))
    key = f"{preset.key_prefix or 'sk-'}0123456789abcdef"
    added = home.run(*add("--preset", preset.name), typed=key)
    assert added.stdout == f"{preset.name} is added, for {preset.base_url}\n"
    assert home.kept()[0]["baseUrl"] == preset.base_url
    assert "sk-sp-" not in added.stderr


def test_a_key_that_seems_to_be_of_another_service_is_added_with_a_question(home: Home) -> None:
    added = home.run(*add("--preset", "coding-plan"), typed=KEY)
    assert added.status == 0
    assert "Is this a key for Coding Plan, international?" in added.stderr


def test_a_key_on_the_command_line_is_taken_with_a_warning(home: Home) -> None:
    added = home.run(*add("--base-url", URL, "--key", KEY))
    assert home.kept()[0]["apiKey"] == KEY
    assert "can be seen by others" in added.stderr
    assert secrets_shown(added, [KEY]) == []


def test_a_dash_is_no_key_but_standard_input(home: Home) -> None:
    added = home.run(*add("--base-url", URL, "--key", "-"), typed=KEY)
    assert home.kept()[0]["apiKey"] == KEY
    assert "can be seen" not in added.stderr


@pytest.mark.parametrize("typed", ["", "\n", "two words\n", "sk-sécret\n", b"\xff\xfe\n"], ids=repr)
def test_what_is_no_key_is_refused_without_repeating_it(home: Home, typed: str | bytes) -> None:
    refused = home.run(*add("--base-url", URL), typed=typed)
    assert "nothing was changed" in failed(refused)
    assert not home.accounts_file.exists()


def test_the_same_key_is_brought_up_to_date_and_not_doubled(home: Home) -> None:
    home.keeps(api_key_account(KEY, URL, id="k", label="work", note="kept"))
    added = home.run(*add("--base-url", URL, "--label", "office", "--priority", "2"), typed=KEY)
    assert added.stdout == f"office is there already, and is up to date, for {URL}\n"
    assert home.kept() == [
        api_key_account(KEY, URL, id="k", label="office", note="kept", priority=2)
    ]


def test_another_key_takes_the_place_of_one_only_where_that_is_said(home: Home) -> None:
    home.keeps(api_key_account(KEY, URL, id="k", label="work"))
    again = add("--base-url", URL, "--label", "work")
    assert "--replace" in failed(home.run(*again, typed=OTHER_KEY))
    assert home.kept()[0]["apiKey"] == KEY
    replaced = home.run(*again, "--replace", typed=OTHER_KEY)
    assert replaced.stdout == f"work has the new key, for {URL}\n"
    (account,) = home.kept()
    assert (account["id"], account["apiKey"]) == ("k", OTHER_KEY)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--base-url", "http://host.example/v1"], "must be https: over http a token would travel"),
        (["--base-url", "host.example"], "must be a base URL such as https://host/v1"),
        (["--base-url", "https://user:secret@host.example/v1"], "only host, port and path"),
        (["--preset", "coding"], "there is no preset coding; there are coding-plan, "),
        (["--preset", "coding-plan", "--base-url", URL], "give one"),
        ([], "--preset NAME or --base-url URL must say where the key is for"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_where_a_key_must_not_or_cannot_go_is_wrong_usage(
    home: Home, arguments: list[str], reason: str
) -> None:
    refused = home.run(*add(*arguments), typed=KEY)
    assert refused.status == 2
    assert reason in refused.stderr
    assert "secret" not in refused.stderr
    assert not home.accounts_file.exists()


def test_a_service_on_this_machine_needs_no_https(home: Home) -> None:
    added = home.run(*add("--base-url", "http://127.0.0.1:8000/v1"), typed=KEY)
    assert added.stdout == "127.0.0.1:8000 is added, for http://127.0.0.1:8000/v1\n"


def test_another_key_for_the_same_service_needs_its_label_alone(home: Home) -> None:
    home.keeps(api_key_account("sk-other", URL, label="work"))
    added = home.run(*add("--replace", "--label", "work"), typed=KEY)
    assert added.stdout == f"work has the new key, for {URL}\n"
    assert [(each["apiKey"], each["baseUrl"]) for each in home.kept()] == [(KEY, URL)]


def test_a_plugin_that_would_drop_the_key_is_told_of(home: Home) -> None:
    home.keeps()
    (home.accounts_file.parent / "opencode.json").write_text('{"plugin": ["opencode-qwen-auth"]}')
    added = home.run(*add("--base-url", URL, "--label", "work"), typed=KEY)
    assert added.status == 0
    assert "drops accounts without a refresh token (work)" in added.stderr


def test_a_person_is_asked_for_service_and_key_and_the_key_is_not_shown(
    qwen_proxy: Command,
) -> None:
    with on_terminal(qwen_proxy, "accounts", "add") as terminal:
        terminal.until(r"3  model-studio-singapore +https://dashscope-intl")
        terminal.until("A number, or a base URL: ")
        terminal.type("3\n")
        terminal.until(r"Key \(it is not shown\): ")
        terminal.type(f"{KEY}\n")
        assert terminal.end() == 0
        assert f"{STUDIO.name} is added" in terminal.seen
        assert KEY not in terminal.raw
    assert Home(qwen_proxy.home).kept()[0]["baseUrl"] == STUDIO.base_url


@pytest.mark.parametrize(
    ("service", "key", "status", "told"),
    [
        ("http://host.example/v1\n", None, 1, "the base URL must be https"),
        ("9\n", None, 1, "the base URL must be a base URL"),
        ("\x04", None, 1, "there was no answer: nothing was changed"),
        ("\x03", None, 130, ""),
        ("3\n", "\x03", 130, ""),
        ("3\n", "\x04", 1, "no key was given: nothing was changed"),
    ],
    ids=["http", "no number of the list", "no service", "Ctrl-C", "Ctrl-C at the key", "no key"],
)
def test_no_answer_and_a_bad_one_add_nothing(
    qwen_proxy: Command, service: str, key: str | None, status: int, told: str
) -> None:
    with on_terminal(qwen_proxy, "accounts", "add") as terminal:
        terminal.until("A number, or a base URL: ")
        terminal.type(service)
        if key is not None:
            terminal.until(r"Key \(it is not shown\): ")
            terminal.type(key)
        assert terminal.end() == status
        assert told in terminal.seen
        assert "Traceback" not in terminal.seen
    assert not Home(qwen_proxy.home).accounts_file.exists()


# Importing

CREDENTIALS: Mapping[str, object] = {
    "access_token": "access-0123456789abcdef",
    "refresh_token": "refresh-0123456789abcdef",
    "token_type": "Bearer",
    "resource_url": "portal.qwen.ai",
    "expiry_date": 4_102_444_800_000,
}


def qwen_code(folder: Path, **changed: object) -> Path:
    """Qwen Code's own file in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "oauth_creds.json"
    path.write_text(json.dumps({**CREDENTIALS, **changed}))
    return path


def test_the_sign_in_of_qwen_code_is_taken_over(home: Home) -> None:
    qwen_code(home.folder / ".qwen")
    imported = home.run("accounts", "import")
    assert imported.stdout == "qwen-code: added\n"
    assert "qwen-proxy login --label qwen-code" in imported.stderr
    (account,) = home.kept()
    assert account["refreshToken"] == CREDENTIALS["refresh_token"]
    assert account["expires"] == CREDENTIALS["expiry_date"]
    assert secrets_shown(imported, [account["refreshToken"], account["accessToken"]]) == []


def test_qwen_code_may_live_elsewhere(home: Home) -> None:
    qwen_code(home.folder / "qwen")
    at_home = Home(home.folder, {"QWEN_HOME": "~/qwen"})
    assert at_home.run("accounts", "import").stdout == "qwen-code: added\n"


def test_imported_again_it_is_renewed_and_not_doubled(home: Home) -> None:
    path = qwen_code(home.folder / "somewhere")
    command = ("accounts", "import", str(path), "--label", "mine")
    assert home.run(*command).stdout == "mine: added\n"
    assert home.run(*command).stdout == "mine: there already\n"
    qwen_code(path.parent, refresh_token="refresh-new", expiry_date=4_102_444_900_000)
    assert home.run(*command).stdout == "mine: renewed\n"
    assert [account["refreshToken"] for account in home.kept()] == ["refresh-new"]


def test_another_accounts_file_is_merged(home: Home, tmp_path: Path) -> None:
    home.keeps(api_key_account(KEY, URL, id="k", label="work"))
    other = tmp_path / "other.json"
    theirs = oauth_account("access-token", id="o", label="theirs", note="kept")
    write_accounts(other, [api_key_account(KEY, URL, id="x"), theirs])
    before = other.read_bytes()
    imported = home.run("accounts", "import", str(other))
    assert imported.stdout == "work: there already\ntheirs: added\n"
    assert home.kept() == [api_key_account(KEY, URL, id="k", label="work"), theirs]
    assert other.read_bytes() == before


def test_another_key_under_a_known_id_is_left_out_with_a_way_out(
    home: Home, tmp_path: Path
) -> None:
    home.keeps(api_key_account(KEY, URL, id="k", label="work"))
    other = tmp_path / "other.json"
    write_accounts(other, [api_key_account(OTHER_KEY, URL, id="k")])
    imported = home.run("accounts", "import", str(other))
    assert imported.stdout == "work: left out: another key is there under its id\n"
    assert "remove the account here" in imported.stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is not JSON"),
        ("[]", "holds no sign-in of Qwen Code: it has no refresh_token"),
        ('{"refresh_token": 7}', "refresh_token: must be a text"),
        ('{"version": 2, "accounts": []}', 'must have "version": 1'),
        ('{"version": 1, "accounts": []}', "holds no account that can be used"),
        ('{"version": 1, "accounts": [{"label": "x"}]}', "accounts[0]: needs apiKey"),
    ],
)
def test_what_cannot_be_imported_is_refused(
    home: Home, tmp_path: Path, content: str, reason: str
) -> None:
    other = tmp_path / "other.json"
    other.write_text(content)
    refused = failed(home.run("accounts", "import", str(other)))
    assert reason in refused
    assert str(other) in refused
    assert not home.accounts_file.exists()


def test_a_file_that_is_not_there_is_named(home: Home) -> None:
    expected = home.folder / ".qwen" / "oauth_creds.json"
    assert f"there is no {expected}" in failed(home.run("accounts", "import"))


def test_accounts_of_another_file_keep_their_own_labels(home: Home, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    write_accounts(other, [api_key_account(KEY, URL)])
    assert "--label" in failed(home.run("accounts", "import", str(other), "--label", "x"))
