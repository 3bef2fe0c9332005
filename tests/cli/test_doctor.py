"""``qwen-proxy doctor``: what is wrong, and the one command that mends it."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

import pytest
from mitmproxy.certs import CertStore

from addon.accounts.running import Note, OwnNote
from addon.cli.doctor.program import look_at_mitmproxy, look_at_python
from addon.oauth.probe import NoAnswer
from addon.oauth.reach import reach
from tests.cli.command import Command
from tests.cli.invoked import Home, secrets_shown
from tests.cli.terminal import on_terminal
from tests.conftest import StartMitm
from tests.support.accounts import api_key_account, oauth_account, write_accounts
from tests.support.proxy import SAFETY_SECONDS, MitmProcess, Setup
from tests.support.replies import json_reply, refusal
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Upstream

KEY: Final = "sk-0123456789abcdef"
REFRESH: Final = "refresh-0123456789abcdef"


def findings(home: Home, *arguments: str) -> list[dict[str, Any]]:
    """What the doctor says."""
    printed = home.run("doctor", "--json", *arguments)
    document = printed.json()
    assert printed.status == (not document["well"])
    found: list[dict[str, Any]] = document["findings"]
    return found


def finding(home: Home, subject: str, *arguments: str) -> dict[str, Any]:
    """What the doctor says of ``subject``, its worst word first."""
    found = [each for each in findings(home, *arguments) if each["subject"] == subject]
    return max(found, key=lambda each: ("ok", "note", "wrong").index(each["verdict"]))


@pytest.fixture
def work(upstream: Upstream) -> dict[str, object]:
    """An account whose service answers."""
    upstream.answers(lambda _: refusal(404, None, "There is nothing here."))
    return api_key_account(KEY, upstream.base_url, label="work")


# The program


def test_an_old_python_is_too_old() -> None:
    assert look_at_python((3, 10, 13)).verdict == "wrong"
    assert look_at_python((3, 11, 0)).verdict == "ok"


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("11.0.1", "wrong"), ("11.0.2", "ok"), ("12.2.3", "ok"), ("13.0.0", "note")],
)
def test_mitmproxy_must_be_one_that_the_addon_fits(version: str, verdict: str) -> None:
    assert look_at_mitmproxy(version).verdict == verdict


def test_a_mitmproxy_that_has_changed_inside_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = "HttpStream.state_of_tomorrow"
    monkeypatch.setattr("addon.cli.doctor.program.missing_internals", lambda: [found])
    told = look_at_mitmproxy("12.9.0")
    assert (told.verdict, found in told.what) == ("wrong", True)


def test_a_bad_setting_is_named_with_its_file(home: Home) -> None:
    path = home.accounts_file.with_name("qwen.json")
    path.parent.mkdir(parents=True)
    path.write_text('{"rotation_strategy": "dice"}', encoding="utf-8")
    told = finding(home, "settings")
    assert told["verdict"] == "wrong"
    assert str(path) in told["what"]
    assert "rotation_strategy" in told["what"]


def test_a_project_that_says_where_tokens_go_is_told(home: Home) -> None:
    path = Path(".opencode/qwen.json")
    path.parent.mkdir()
    path.write_text('{"base_url": "https://elsewhere.example/v1"}', encoding="utf-8")
    told = finding(home, "settings")
    assert (told["verdict"], "elsewhere.example" in told["what"]) == ("note", True)


# The accounts


def test_where_there_is_no_account_one_is_to_be_added(home: Home) -> None:
    told = finding(home, "accounts")
    assert (told["verdict"], told["cure"]) == ("wrong", "qwen-proxy accounts add")
    assert str(home.accounts_file) in told["what"]


def test_a_broken_file_is_named_with_the_place(home: Home) -> None:
    home.keeps()
    home.accounts_file.write_text('{"version": 1,', encoding="utf-8")
    told = finding(home, "accounts")
    assert (told["verdict"], told["cure"]) == ("wrong", "mend the file by hand")
    assert f"{home.accounts_file}:1:15: is not JSON" in told["what"]


def test_a_sign_in_that_has_ended_names_who_is_to_sign_in(
    home: Home, work: dict[str, object]
) -> None:
    home.keeps(work, oauth_account(None, refresh_token=REFRESH, label="me", requiresReauth=True))
    told = finding(home, "accounts")
    assert (told["verdict"], told["cure"]) == ("note", "qwen-proxy login --label me")


def test_where_every_account_is_disabled_one_is_to_be_enabled(
    home: Home, work: dict[str, object]
) -> None:
    home.keeps({**work, "enabled": False})
    told = finding(home, "accounts")
    assert (told["verdict"], told["cure"]) == ("wrong", "qwen-proxy accounts enable work")


def test_a_key_that_is_not_accepted_is_replaced_by_the_command_that_is_named(
    home: Home, work: dict[str, object]
) -> None:
    home.keeps({**work, "requiresReauth": True})
    told = finding(home, "accounts")
    assert (told["verdict"], told["cure"]) == (
        "wrong",
        "qwen-proxy accounts add --replace --label work",
    )
    assert home.run(*shlex.split(told["cure"])[1:], typed="sk-another").status == 0
    assert finding(home, "accounts")["verdict"] == "ok"


def test_an_entry_that_is_left_out_is_to_be_corrected(home: Home, work: dict[str, object]) -> None:
    home.keeps(work, {"apiKey": KEY, "baseUrl": "http://plain.example/v1"})
    told = finding(home, "accounts")
    assert (told["verdict"], told["cure"]) == ("note", f"correct it in {home.accounts_file}")


def test_a_folder_in_which_others_can_write_is_to_be_closed(
    home: Home, work: dict[str, object], tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    write_accounts(shared / "accounts.json", [work])
    (shared / "accounts.json").chmod(0o600)
    at_home = Home(home.folder, {"QWEN_ACCOUNTS_FILE": str(shared / "accounts.json")})
    told = finding(at_home, "accounts")
    assert (told["verdict"], told["cure"]) == ("note", f"chmod go-w {shared}")
    subprocess.run(shlex.split(told["cure"]), check=True)
    assert finding(at_home, "accounts")["verdict"] == "ok"


def test_a_plugin_that_would_drop_keys_is_told(home: Home, work: dict[str, object]) -> None:
    home.keeps(work)
    config = home.accounts_file.with_name("opencode.json")
    config.write_text('{"plugin": ["opencode-qwen-auth"]}', encoding="utf-8")
    told = finding(home, "accounts")
    assert (told["verdict"], "opencode-qwen-auth" in told["what"]) == ("note", True)


# The machine


def test_ports_that_are_taken_are_named_and_others_that_are_free(home: Home, port: int) -> None:
    with socket.create_server(("127.0.0.1", port + 1)):
        told = finding(home, "ports", "--port", str(port))
    assert told["verdict"] == "wrong"
    assert f"port {port + 1}" in told["what"]
    assert told["cure"].startswith("qwen-proxy run --port ")
    assert finding(home, "ports", "--port", told["cure"].split()[-1])["verdict"] == "ok"


@pytest.fixture
def proxy(start_mitm: StartMitm, home: Home, work: dict[str, object]) -> MitmProcess:
    """One that runs on the accounts of ``home``."""
    home.keeps(work)
    return start_mitm(Setup(env={"QWEN_ACCOUNTS_FILE": str(home.accounts_file)}))


def look_until_it_is_known(home: Home) -> dict[str, Any]:
    """What is told of a proxy, whose note comes a moment after its log."""
    deadline = time.monotonic() + SAFETY_SECONDS
    while (told := finding(home, "proxy"))["verdict"] == "note":
        assert time.monotonic() < deadline, told
    return told


def test_ports_that_are_the_proxys_are_no_trouble(proxy: MitmProcess, home: Home) -> None:
    told = look_until_it_is_known(home)
    assert told["verdict"] == "ok"
    assert f"process {proxy.pid}" in told["what"]


def test_where_a_proxy_runs_no_other_port_matters(proxy: MitmProcess, home: Home) -> None:
    look_until_it_is_known(home)
    told = finding(home, "ports")
    assert (told["verdict"], str(proxy.ports[0]) in told["what"]) == ("ok", True)


def test_one_that_hangs_is_to_be_ended_and_then_all_is_well(proxy: MitmProcess, home: Home) -> None:
    look_until_it_is_known(home)
    os.kill(proxy.pid, signal.SIGSTOP)
    cure = f"kill -9 {proxy.pid}"
    for subject in ("proxy", "ports"):
        told = finding(home, subject, "--port", str(proxy.ports[0]))
        assert (told["verdict"], told["cure"]) == ("wrong", cure)
    subprocess.run(shlex.split(cure), check=True)
    proxy.kill()  # waits for its end
    assert finding(home, "proxy")["verdict"] == "note"
    assert finding(home, "ports", "--port", str(proxy.ports[0]))["verdict"] == "ok"


def test_no_process_is_to_be_ended_that_has_the_number_of_another_machines_proxy(
    home: Home, work: dict[str, object]
) -> None:
    home.keeps(work)
    own = OwnNote(home.accounts_file, "elsewhere")
    own.leave(Note("elsewhere", os.getpid(), "another", ()))
    told = [each for each in findings(home) if each["subject"] == "proxy"]
    assert [(each["verdict"], each["cure"]) for each in told] == [
        ("note", "qwen-proxy run"),
        ("note", None),
    ]
    assert "another" in told[1]["what"]
    own.take_back()


def certificate_in(home: Home) -> Path:
    folder = home.folder / ".mitmproxy"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "mitmproxy-ca-cert.pem"


def test_the_certificate_is_made_by_the_first_start(home: Home) -> None:
    told = finding(home, "certificate")
    assert (told["verdict"], told["cure"]) == ("note", "qwen-proxy run")


def test_a_certificate_is_good_until_it_ends(home: Home) -> None:
    CertStore.create_store(certificate_in(home).parent, "mitmproxy", 2048)
    told = finding(home, "certificate")
    assert (told["verdict"], "good until" in told["what"]) == ("ok", True)


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nno\n"])
def test_a_certificate_that_is_none_is_to_be_made_anew(home: Home, text: str) -> None:
    path = certificate_in(home)
    CertStore.create_store(path.parent, "mitmproxy", 2048)
    path.write_text(text, encoding="utf-8")
    told = finding(home, "certificate")
    assert told["verdict"] == "wrong"
    subprocess.run(shlex.split(told["cure"].partition(" and ")[0]), check=True)
    CertStore.from_store(path.parent, "mitmproxy", 2048)  # as a start does
    assert finding(home, "certificate")["verdict"] == "ok"


@pytest.mark.skipif(not shutil.which("openssl"), reason="the cure needs openssl")
def test_a_certificate_that_no_start_would_make_is_taken_from_the_authority(home: Home) -> None:
    path = certificate_in(home)
    CertStore.create_store(path.parent, "mitmproxy", 2048)
    path.unlink()
    told = finding(home, "certificate")
    assert told["verdict"] == "wrong"
    subprocess.run(shlex.split(told["cure"]), check=True)
    assert finding(home, "certificate")["verdict"] == "ok"


def test_a_client_that_is_told_to_trust_what_is_not_there(home: Home) -> None:
    told = finding(Home(home.folder, {"NODE_EXTRA_CA_CERTS": "/nowhere/ca.pem"}), "certificate")
    assert (told["verdict"], told["cure"].startswith("export NODE_EXTRA_CA_CERTS=")) == (
        "wrong",
        True,
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_an_environment_that_leads_nowhere(home: Home, host: str) -> None:
    told = finding(Home(home.folder, {"HTTPS_PROXY": f"http://{host}:9"}), "environment")
    assert (told["verdict"], told["cure"]) == ("note", "qwen-proxy run --port 9")


def test_an_environment_that_leads_past_the_proxy_that_runs(proxy: MitmProcess, home: Home) -> None:
    look_until_it_is_known(home)
    regular, reverse = proxy.ports
    astray = Home(home.folder, {"HTTPS_PROXY": f"http://127.0.0.1:{reverse}"})
    cure = f"export HTTPS_PROXY=http://127.0.0.1:{regular}"
    assert finding(astray, "environment")["cure"] == cure
    there = Home(home.folder, {"HTTPS_PROXY": f"http://127.0.0.1:{regular}"})
    assert not [each for each in findings(there) if each["subject"] == "environment"]


# The network


def test_a_service_that_answers_anything_can_be_reached(
    home: Home, upstream: Upstream, work: dict[str, object]
) -> None:
    home.keeps(work)
    assert finding(home, f"{upstream.base_url} (chat)")["verdict"] == "ok"
    assert [request.token for request in upstream.requests] == [None]


def test_a_service_that_cannot_be_reached_is_named(home: Home, port: int) -> None:
    url = f"http://127.0.0.1:{port}/v1"
    home.keeps(api_key_account(KEY, url))
    told = finding(home, f"{url} (chat)")
    assert (told["verdict"], told["what"]) == ("wrong", "it cannot be reached")


def test_who_signed_in_needs_the_server_that_renews_tokens(
    home: Home, upstream: Upstream, work: dict[str, object], port: int
) -> None:
    server = f"http://127.0.0.1:{port}"
    signed_in = oauth_account("token", refresh_token=REFRESH, baseUrl=upstream.base_url)
    home.keeps(work, signed_in)
    at_home = Home(home.folder, {"QWEN_OAUTH_BASE_URL": server})
    assert finding(at_home, f"{server} (renewal of tokens)")["verdict"] == "wrong"
    assert len(upstream.requests) == 1  # once for both accounts


@pytest.mark.parametrize(
    ("ahead", "verdict", "way"),
    [(5, "ok", "agrees"), (595, "wrong", "10 min ahead of"), (-7200, "wrong", "h behind")],
)
def test_a_clock_that_is_wrong_is_told(
    home: Home, upstream: Upstream, ahead: int, verdict: str, way: str
) -> None:
    date = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=ahead)
    upstream.answers(lambda _: json_reply({}, headers={"date": format_datetime(date, usegmt=True)}))
    home.keeps(api_key_account(KEY, upstream.base_url))
    told = finding(home, "clock")
    assert (told["verdict"], way in told["what"]) == (verdict, True)


async def test_a_service_whose_certificate_nobody_trusts(
    upstream_ca: CertificateAuthority,
) -> None:
    with Upstream(tls=upstream_ca) as upstream:
        with pytest.raises(NoAnswer, match="not trusted"):
            await reach(upstream.base_url)
        upstream.reset()


# The clients


@pytest.mark.parametrize("client", ["OpenCode", "Codex"])
def test_a_client_that_is_not_set_up_is_told_how(home: Home, client: str) -> None:
    told = finding(home, client)
    command = f"qwen-proxy {client.lower()} install"
    assert (told["verdict"], told["cure"]) == ("note", command)
    assert home.run(*told["cure"].split()[1:], "--yes").status == 0
    assert finding(home, client)["verdict"] == "ok"


@pytest.mark.parametrize("client", ["OpenCode", "Codex"])
def test_a_client_that_leads_elsewhere_is_told_how_to_lead_here(home: Home, client: str) -> None:
    home.run(client.lower(), "install", "--port", "9000", "--yes")
    assert finding(home, client, "--port", "9000")["verdict"] == "ok"
    told = finding(home, client)
    assert told["verdict"] == "wrong"
    assert "http://127.0.0.1:9001/v1" in told["what"]
    assert home.run(*told["cure"].split()[1:], "--yes").status == 0
    assert finding(home, client)["verdict"] == "ok"


def test_a_client_may_use_the_proxy_as_a_proxy(home: Home) -> None:
    home.run("opencode", "install", "--mode", "proxy", "--yes")
    assert finding(home, "OpenCode")["verdict"] == "ok"


def test_a_project_counts_more_than_what_is_the_persons(home: Home) -> None:
    home.run("opencode", "install", "--yes")
    home.run("opencode", "install", "--project", "--port", "9000", "--yes")
    told = finding(home, "OpenCode")
    assert (told["verdict"], str(Path.cwd()) in told["what"]) == ("wrong", True)


@pytest.mark.parametrize(
    ("client", "name", "text"),
    [
        ("OpenCode", ".config/opencode/opencode.json", '{"provider": '),
        ("Codex", ".codex/config.toml", "model = "),
    ],
)
def test_a_config_that_is_not_sound_is_named(home: Home, client: str, name: str, text: str) -> None:
    path = home.folder / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    told = finding(home, client)
    assert (told["verdict"], told["cure"]) == ("wrong", "correct it there")
    assert str(path) in told["what"]


def test_a_plugin_that_would_answer_itself_is_told(home: Home) -> None:
    config = home.accounts_file.with_name("opencode.json")
    config.parent.mkdir(parents=True)
    config.write_text('{"plugin": ["opencode-qwen-auth"]}', encoding="utf-8")
    printed = home.run("doctor", "--json").json()["findings"]
    told = [each["what"] for each in printed if each["subject"] == "OpenCode"]
    assert any("opencode-qwen-auth is listed" in what for what in told)


# What is seen


def test_it_tells_no_credential(home: Home, work: dict[str, object]) -> None:
    home.keeps(work, oauth_account("token-0123456789", refresh_token=REFRESH, resource_url="x"))
    for arguments in ((), ("--json",)):
        printed = home.run("doctor", *arguments)
        assert secrets_shown(printed, (KEY, REFRESH, "token-0123456789")) == []


def test_people_see_what_mends_it_below_what_is_wrong(qwen_proxy: Command) -> None:
    with on_terminal(qwen_proxy, "doctor") as terminal:
        assert terminal.end() == 1
    assert "\x1b[1;31mWRONG" in terminal.raw
    lines = terminal.seen.splitlines()
    wrong = next(number for number, line in enumerate(lines) if line.startswith("WRONG accounts"))
    assert lines[wrong + 1] == "       -> qwen-proxy accounts add"
