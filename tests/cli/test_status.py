"""``qwen-proxy status``: how the accounts do, while a proxy runs and while none does."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from addon.accounts.lock import locked
from tests.cli.command import Command
from tests.cli.invoked import Home, failed, secrets_shown
from tests.cli.terminal import on_terminal
from tests.conftest import StartMitm
from tests.support.accounts import api_key_account, oauth_account, write_accounts
from tests.support.chat import MODEL, events, text_stream
from tests.support.proxy import REGULAR, REVERSE, SAFETY_SECONDS, Setup
from tests.support.recorder import Recorder
from tests.support.replies import stream_reply
from tests.support.upstream import Upstream

KEY: Final = "sk-0123456789abcdef"
ACCESS: Final = "access-0123456789abcdef"
REFRESH: Final = "refresh-0123456789abcdef"
SECRETS: Final = (KEY, ACCESS, REFRESH)
URL: Final = "https://host.example/v1"

WORK: Final = api_key_account(KEY, URL, id="k", label="work")
HOME: Final = oauth_account(ACCESS, refresh_token=REFRESH, id="o", label="home")


def ms_from_now(seconds: float) -> int:
    return int((time.time() + seconds) * 1000)


def row(printed: str, name: str) -> list[str]:
    """The cells of the account's line."""
    (line,) = (line for line in printed.splitlines() if f"  {name}  " in line)
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


# While no proxy runs


def test_it_tells_what_the_file_knows(home: Home) -> None:
    today = time.strftime("%F", time.gmtime())
    counts = {"requests": 9, "served": 7, "refused": 2, "inputTokens": 1200, "outputTokens": 34}
    home.keeps({**WORK, "days": {today: counts}, "lastUsed": ms_from_now(-90)}, HOME)
    printed = home.run("status")
    assert printed.status == 0
    assert "No proxy runs on these accounts. To start one: qwen-proxy run" in printed.stdout
    cells = row(printed.stdout, "work")
    assert cells[:5] == ["1", "work", "ready", "70", "50/50"]
    assert cells[6:13] == ["7", "2", "1200", "0", "34", "key", URL]
    assert cells[-1] in ("used 90 s ago", "used 91 s ago", "used 92 s ago")
    assert "sign-in" in row(printed.stdout, "home")
    assert secrets_shown(printed, SECRETS) == []


def test_one_that_is_limited_is_told_by_the_clock_and_how_long_that_is(home: Home) -> None:
    until_ms = ms_from_now(3 * 3600 - 60)
    home.keeps({**WORK, "rateLimitResetAt": until_ms})
    printed = home.run("status")
    clock = time.strftime("%H:%M", time.localtime(until_ms / 1000))
    assert f"cooling until {clock} (3 h)" in printed.stdout


def test_a_rest_of_more_than_a_day_names_the_day(home: Home) -> None:
    until_ms = ms_from_now(3 * 86_400)
    home.keeps({**WORK, "rateLimitResetAt": until_ms})
    day = time.strftime("%d %b, %H:%M", time.localtime(until_ms / 1000))
    assert f"cooling until {day} (3 days)" in home.run("status").stdout


def test_where_no_account_can_serve_the_exit_status_says_so(home: Home) -> None:
    home.keeps({**WORK, "enabled": False}, {**HOME, "requiresReauth": True})
    printed = home.run("status")
    assert printed.status == 1
    assert "disabled" in row(printed.stdout, "work")
    assert "2: home needs a new sign-in: qwen-proxy login --label home" in printed.stdout


def test_looking_again_and_again_leaves_nothing_behind(home: Home) -> None:
    home.keeps(WORK)
    home.run("status")
    before = [*logging.getLogger("addon").handlers]
    home.run("status")
    assert logging.getLogger("addon").handlers == before


def test_entries_that_cannot_be_used_are_named(home: Home) -> None:
    home.keeps(WORK, {"apiKey": "sk-other", "baseUrl": "http://plain.example/v1"})
    assert "Left out: accounts[1].baseUrl: must be https" in home.run("status").stdout


def test_a_file_that_others_could_read_is_told(home: Home) -> None:
    home.keeps(WORK)
    home.accounts_file.chmod(0o644)
    assert "could be read by other users (mode 0644)" in home.run("status").stdout
    home.accounts_file.chmod(0o644)
    (warning,) = home.run("status", "--json").json()["warnings"]
    assert "mode 0644" in warning


def test_without_any_account_it_says_how_to_add_one(home: Home) -> None:
    printed = home.run("status")
    assert "ACCOUNT" not in printed.stdout
    assert printed.status == 1
    assert "qwen-proxy accounts add" in printed.stdout


def test_a_file_that_is_broken_is_named(home: Home) -> None:
    home.keeps(WORK)
    home.accounts_file.write_text("{", encoding="utf-8")
    assert str(home.accounts_file) in failed(home.run("status"))


def test_programs_read_it_as_json(home: Home) -> None:
    home.keeps(WORK, HOME)
    printed = home.run("status", "--json")
    document = printed.json()
    assert document["path"] == str(home.accounts_file)
    assert (document["can_serve"], document["proxies"]) == (True, [])
    assert [account["label"] for account in document["accounts"]] == ["work", "home"]
    assert document["accounts"][1]["token_expires_ms"] == HOME["expires"]
    assert secrets_shown(printed, SECRETS) == []


# While proxies run


def looking(folder: Path, accounts_file: Path) -> Command:
    folder.mkdir(exist_ok=True)
    return Command(folder, {"QWEN_ACCOUNTS_FILE": str(accounts_file)})


def look(command: Command) -> Any:
    printed = command.run("status", "--json")
    assert printed.returncode == 0, printed.stderr
    return json.loads(printed.stdout)


def look_until_there_are(proxies: int, command: Command) -> Any:
    """What is told once so many proxies are known: a start takes a moment longer than its log."""
    deadline = time.monotonic() + SAFETY_SECONDS
    while len((document := look(command))["proxies"]) != proxies:
        assert time.monotonic() < deadline, document
    return document


@pytest.mark.parametrize("mode", [REGULAR, REVERSE])
def test_a_proxy_that_runs_is_asked_itself(
    mode: str, upstream: Upstream, start_mitm: StartMitm, tmp_path: Path
) -> None:
    account = api_key_account(KEY, upstream.base_url, label="work")
    proxy = start_mitm(Setup(accounts=[account], modes=[mode]))
    command = looking(tmp_path / "looking", proxy.accounts_file)
    (told,) = look_until_there_are(1, command)["proxies"]
    assert told["pid"] == proxy.pid
    assert f"127.0.0.1:{proxy.ports[0]}" in command.run("status").stdout
    proxy.stop()
    assert look(command)["proxies"] == []


def test_what_several_proxies_do_adds_up(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder, tmp_path: Path
) -> None:
    shared = tmp_path / "shared" / "accounts.json"
    write_accounts(shared, [api_key_account(KEY, upstream.base_url, label="work")])
    setup = Setup(modes=[REVERSE], env={"QWEN_ACCOUNTS_FILE": str(shared)})
    proxies = [start_mitm(setup), start_mitm(setup)]
    command = looking(tmp_path / "looking", shared)
    look_until_there_are(2, command)
    gate = upstream.gate()
    upstream.answers(lambda _: stream_reply([gate, *events(text_stream("Hello"))]))

    with recorder.client() as client, ThreadPoolExecutor() as threads:
        body = {"model": MODEL, "input": "Hi", "stream": True}
        asking = [
            threads.submit(client.post, f"{proxy.base_url}/responses", json=body)
            for proxy in proxies
        ]
        upstream.wait_for_requests(2)
        document = look(command)
        gate.open()
        assert {each.result().status_code for each in asking} == {200}

    assert [proxy["under_way"] for proxy in document["proxies"]] == [1, 1]
    assert document["accounts"][0]["in_flight"] == 2


def test_what_another_process_did_with_an_account_is_told_too(
    start_mitm: StartMitm, tmp_path: Path
) -> None:
    now_ms = ms_from_now(-30)
    account = api_key_account(KEY, URL, id="k", label="work")
    proxy = start_mitm(Setup(accounts=[account]))
    command = looking(tmp_path / "looking", proxy.accounts_file)
    look_until_there_are(1, command)
    health, bucket = {"score": 33.0, "asOf": now_ms}, {"tokens": 4.0, "asOf": now_ms}
    with locked(proxy.accounts_file, timeout_seconds=SAFETY_SECONDS):
        used = {**account, "lastUsed": now_ms, "health": health, "bucket": bucket}
        write_accounts(proxy.accounts_file, [used])
    (told,) = look(command)["accounts"]
    assert told["last_used_ms"] == now_ms
    assert 33 <= told["health"] < 34
    assert 4 <= told["bucket"] < 10


def test_a_proxy_that_hangs_is_said_not_to_answer(start_mitm: StartMitm, tmp_path: Path) -> None:
    proxy = start_mitm(Setup(accounts=[api_key_account(KEY, URL, label="work")]))
    command = looking(tmp_path / "looking", proxy.accounts_file)
    look_until_there_are(1, command)
    os.kill(proxy.pid, signal.SIGSTOP)
    try:
        printed = command.run("status")
    finally:
        os.kill(proxy.pid, signal.SIGCONT)
    assert printed.returncode == 0
    assert f"A proxy does not answer. To end it: kill -9 {proxy.pid}" in printed.stdout


def test_who_looks_on_leaves_one_connection_in_the_log(
    start_mitm: StartMitm, tmp_path: Path
) -> None:
    proxy = start_mitm(Setup(accounts=[api_key_account(KEY, URL, label="work")]))
    command = looking(tmp_path / "looking", proxy.accounts_file)
    look_until_there_are(1, command)
    before = proxy.log.count("client connect")
    with on_terminal(command, "status", "--watch", "--json", columns=10_000) as terminal:
        terminal.until(r"(?s)(\}\n.*){4}")
        terminal.type("\x03")
        assert terminal.end() == 0
    assert all(json.loads(line)["proxies"] for line in terminal.seen.splitlines()[:4])
    assert proxy.log.count("client connect") == before + 1


def test_one_that_was_killed_is_not_told(start_mitm: StartMitm, tmp_path: Path) -> None:
    proxy = start_mitm(Setup(accounts=[api_key_account(KEY, URL, label="work")]))
    command = looking(tmp_path / "looking", proxy.accounts_file)
    look_until_there_are(1, command)
    proxy.kill()
    document = look(command)
    assert (document["proxies"], document["silent_proxies"]) == ([], [])


# On a terminal


def test_people_see_two_lines_for_each_account(qwen_proxy: Command) -> None:
    write_accounts(
        qwen_proxy.home / ".config" / "opencode" / "qwen-auth-accounts.json", [WORK, HOME]
    )
    with on_terminal(qwen_proxy, "status") as wide:
        assert wide.end() == 0
    lines = [line.rstrip() for line in wide.seen.splitlines()]
    heading = next(number for number, line in enumerate(lines) if line.startswith("#  ACCOUNT"))
    assert lines[heading + 1].split() == ["1", "work", "ready", "0", "0", "50/50", "▰▰▰▰▱", "70"]
    assert lines[heading + 2] == "   key for host.example, not used yet"
    assert "\x1b[32mready" in wide.raw

    with on_terminal(qwen_proxy, "status", columns=80, NO_COLOR="1") as narrow:
        assert narrow.end() == 0
    assert "▰" not in narrow.seen
    assert "\x1b[3" not in narrow.raw


def test_it_can_be_watched(qwen_proxy: Command) -> None:
    path = qwen_proxy.home / ".config" / "opencode" / "qwen-auth-accounts.json"
    write_accounts(path, [WORK])
    with on_terminal(qwen_proxy, "status", "--watch") as terminal:
        terminal.until("work")
        write_accounts(path, [WORK, HOME])
        terminal.until("home")
        terminal.type("\x03")
        assert terminal.end() == 0
    assert "\x1b[?1049l" in terminal.raw  # the terminal is as it was


def test_programs_can_watch_it_too(qwen_proxy: Command) -> None:
    write_accounts(qwen_proxy.home / ".config" / "opencode" / "qwen-auth-accounts.json", [WORK])
    with on_terminal(qwen_proxy, "status", "--watch", "--json", columns=10_000) as terminal:
        terminal.until(r"(?s)\}\n.*\}\n")
        terminal.type("\x03")
        assert terminal.end() == 0
    first, second, *_ = terminal.seen.splitlines()
    assert json.loads(first)["now_ms"] < json.loads(second)["now_ms"]


def test_a_screen_cannot_be_watched_in_a_file(home: Home) -> None:
    home.keeps(WORK)
    assert "--watch --json" in failed(home.run("status", "--watch"))
