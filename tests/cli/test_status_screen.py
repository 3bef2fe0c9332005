"""What people see of ``qwen-proxy status`` on terminals of any size, with labels of any kind."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Final

import pytest
from rich.cells import cell_len

from addon.broker.status import AccountStatus, Standing
from addon.cli.status.gathering import Overview
from addon.cli.status.screen import print_overview, screen
from tests.cli.command import Command
from tests.cli.invoked import Home
from tests.cli.terminal import on_terminal
from tests.support.accounts import api_key_account

URL: Final = "https://host.example/v1"
NOW_MS: Final = 1_800_000_000_000

LABELS: Final = ("plain", "[bold red]ready[/] :smile:", "仕事の口座", "\N{ROCKET}", "x" * 200)


def account(label: str, standing: Standing = Standing.READY, **fields: object) -> AccountStatus:
    told: dict[str, object] = {
        "id": label,
        "label": label,
        "kind": "key",
        "base_url": URL,
        "standing": standing,
    }
    told |= {"enabled": True, "priority": 0}
    told |= {"health": 70.0, "bucket": 50.0, "bucket_size": 50.0}
    return AccountStatus.model_validate({**told, **fields})


def overview(*accounts: AccountStatus) -> Overview:
    return Overview(
        now_ms=NOW_MS,
        path=Path("accounts.json"),
        proxies=(),
        silent=(),
        elsewhere=(),
        accounts=accounts,
        faults=(),
        warnings=(),
    )


def screenful(seen: Overview, columns: int, lines: int) -> list[str]:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    return [line.plain for line in screen(seen, out, columns, lines)]


ODD: Final = overview(
    *(account(label, Standing.COOLING, until_ms=NOW_MS + 3_600_000) for label in LABELS),
    account("o", Standing.SIGN_IN, kind="sign-in", reason="a long reason " * 20, failures=2),
)
MANY: Final = overview(
    *(account(f"account-{number}") for number in range(1000)), account("ill", Standing.REFUSED)
)


@pytest.mark.parametrize("seen", [ODD, MANY, overview()], ids=["odd", "many", "none"])
@pytest.mark.parametrize("columns", [1, 20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("lines", [1, 5, 12, 24, 50])
def test_a_screen_that_is_watched_never_overflows(seen: Overview, columns: int, lines: int) -> None:
    printed = screenful(seen, columns, lines)
    assert max(map(cell_len, printed)) <= columns
    if lines >= 5:
        assert len(printed) <= lines


def test_accounts_without_room_are_counted_by_what_they_can_do() -> None:
    printed = screenful(MANY, 80, 24)
    assert len(printed) == 24
    shown = sum(" account-" in line for line in printed)
    assert shown >= 12
    assert f"and {1001 - shown} more: {1000 - shown} ready, 1 refused" in printed
    assert (
        printed[-1] == "1001: ill needs another key: qwen-proxy accounts add --replace --label ill"
    )


def test_where_there_is_room_each_account_has_two_lines() -> None:
    printed = screenful(overview(account("a"), account("b", priority=2)), 80, 24)
    assert printed[3].split() == ["1", "a", "ready", "0", "0", "50/50", "70"]
    assert printed[6] == "   key for host.example, not used yet, priority 2"


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_columns_stand_below_each_other_whatever_the_labels(columns: int) -> None:
    rows = [line for line in screenful(ODD, columns, 50) if "cooling until" in line]
    assert len({cell_len(row.partition("cooling")[0]) for row in rows}) == 1
    assert len(rows) == len(LABELS)


def test_they_do_in_a_file_too() -> None:
    out = io.StringIO()
    print_overview(ODD, out)
    rows = [line for line in out.getvalue().splitlines() if "cooling until" in line]
    assert len({cell_len(row.partition("cooling")[0]) for row in rows}) == 1
    assert rows[-1].split()[1] == LABELS[-1]  # nothing is cut


def test_an_upstream_that_fails_is_told() -> None:
    assert "6: its upstream is at fault, 2 failures in a row" in screenful(ODD, 100, 50)


def test_a_label_that_reads_like_a_state_is_not_coloured(qwen_proxy: Command) -> None:
    Home(qwen_proxy.home).keeps(
        api_key_account("sk-0123456789abcdef", URL, label="ready", enabled=False)
    )
    for arguments in (("status",), ("accounts", "list")):
        with on_terminal(qwen_proxy, *arguments) as terminal:
            terminal.end()
        assert "ready" in terminal.seen
        assert "\x1b[32m" not in re.sub("[\u25b0\u25b1]+", "", terminal.raw)


def test_a_small_terminal_is_filled_and_no_more(qwen_proxy: Command) -> None:
    keys = [f"sk-{number:020}" for number in range(30)]
    Home(qwen_proxy.home).keeps(*(api_key_account(key, URL) for key in keys))
    with on_terminal(qwen_proxy, "status", "--watch", lines=10) as terminal:
        terminal.until(r"and \d+ more: \d+ ready")
        terminal.type("\x03")
        assert terminal.end() == 0
    frame = terminal.raw.split("\x1b[H")[-1]
    assert frame.count("\n") < 10


def test_colours_can_be_refused_and_a_dumb_terminal_gets_none(qwen_proxy: Command) -> None:
    Home(qwen_proxy.home).keeps(api_key_account("sk-0123456789abcdef", URL, label="work"))
    with on_terminal(qwen_proxy, "status", NO_COLOR="1") as terminal:
        assert terminal.end() == 0
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.raw)
    with on_terminal(qwen_proxy, "status", TERM="dumb") as terminal:
        assert terminal.end() == 0
    assert "\x1b" not in terminal.raw
