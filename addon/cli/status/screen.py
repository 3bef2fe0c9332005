"""What people see: on a terminal two lines for each account, elsewhere one that can be searched."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TextIO
from urllib.parse import urlsplit

from addon.broker.status import AccountStatus, Listener, ProxyStatus, Standing, Today
from addon.cli.accounts.file import HOW_TO_ADD
from addon.cli.accounts.listing import in_words
from addon.cli.status.gathering import Overview
from addon.cli.table import Table, console_on, shown

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

_STYLES: Final = {
    Standing.READY: "green",
    Standing.TIRED: "yellow",
    Standing.HELD_BACK: "yellow",
    Standing.COOLING: "yellow",
    Standing.TRIPPED: "red",
    Standing.REFUSED: "red",
    Standing.SIGN_IN: "red",
    Standing.DISABLED: "dim",
    Standing.UNUSABLE: "red",
}

_HEADINGS: Final = ("#", "ACCOUNT", "STATE", "SERVED", "REFUSED", "BUSY", "BUCKET")

_WIDE: Final = 90
"""Columns from which on there is room for pictures."""
_GAUGE_CELLS: Final = 5
_FULL, _EMPTY = "\u25b0", "\u25b1"
_DAY_MS: Final = 86_400_000


def print_overview(seen: Overview, out: TextIO) -> None:
    """Print it, for a terminal or for a file."""
    if out.isatty():
        console = console_on(out)
        console.print(rendered(seen, out, columns=console.width))
        return
    for line in (*(text for text, _ in _above(seen)), *plain_table(seen).lines()):
        print(line, file=out)
    for line, _ in _below(seen):
        print(line, file=out)


def rendered(seen: Overview, out: TextIO, *, columns: int) -> Group:
    """The same for a terminal that is so many ``columns`` wide; ``out`` is where it is shown."""
    from rich.console import Group  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    gauges = columns >= _WIDE and _can_show(_FULL + _EMPTY, out)
    cells = [_cells(number, each, seen.now_ms) for number, each in enumerate(seen.accounts, 1)]
    heading, *rows = Table(_HEADINGS, cells, {}).lines()
    lines = [Text(shown(line), style=style) for line, style in _above(seen)]
    lines += [Text(), Text(heading + "  HEALTH", style="bold")]
    width = len(heading)
    for account, row in zip(seen.accounts, rows, strict=True):
        line = Text.assemble(row.ljust(width + 2), _health(account, gauges=gauges))
        line.highlight_words([str(account.standing)], _STYLES[account.standing])
        lines += [line, Text(f"   {shown(_particulars(account, seen.now_ms))}", style="dim")]
    lines += [Text(), *(Text(shown(line), style=style) for line, style in _below(seen))]
    return Group(*lines)


def _cells(number: int, account: AccountStatus, now_ms: int) -> tuple[str, ...]:
    return (
        str(number),
        account.name,
        _state(account, now_ms),
        str(account.today.served),
        str(account.today.refused),
        str(account.in_flight or ""),
        _bucket(account),
    )


def plain_table(seen: Overview) -> Table:
    """One line for each account."""
    headings = (
        *("#", "ACCOUNT", "STATE", "HEALTH", "BUCKET", "BUSY", "SERVED", "REFUSED"),
        *("IN", "CACHED", "OUT", "KIND", "ENDPOINT", "TOKEN GOOD FOR", "LAST USED"),
    )
    rows = [
        (
            str(number),
            account.name,
            _state(account, seen.now_ms),
            f"{account.health:.0f}",
            _bucket(account),
            str(account.in_flight),
            str(account.today.served),
            str(account.today.refused),
            str(account.today.input_tokens),
            str(account.today.cached_tokens),
            str(account.today.output_tokens),
            account.kind,
            account.base_url or "-",
            _good_for(account, seen.now_ms) or "-",
            _last_used(account, seen.now_ms),
        )
        for number, account in enumerate(seen.accounts, start=1)
    ]
    return Table(headings, rows, {})


# Lines above and below the table, with their styles


def _above(seen: Overview) -> list[tuple[str, str]]:
    lines = [(_proxy(proxy, seen.now_ms), "") for proxy in seen.proxies]
    lines += [
        (f"A proxy that should run does not answer (process {note.pid} on {note.machine}).", "red")
        for note in seen.silent
    ]
    return lines or [("No proxy runs on these accounts. To start one: qwen-proxy run", "yellow")]


def _below(seen: Overview) -> list[tuple[str, str]]:
    lines = [(f"Left out: {fault}", "red") for fault in seen.faults]
    if not seen.accounts:
        lines.append((f"There is no account in {seen.path}: {HOW_TO_ADD}.", "yellow"))
    for number, account in enumerate(seen.accounts, start=1):
        if account.standing is Standing.SIGN_IN:
            lines.append((f"{number}: qwen-proxy login signs {account.name} in again", ""))
        elif account.standing is Standing.REFUSED and account.kind == "key":
            lines.append(
                (f"{number}: {account.name} needs another key: qwen-proxy accounts add", "")
            )
        if account.reason:
            lines.append((f"{number}: {account.reason}", "dim"))
        lines += [
            (f"{number}: {model} is cooling {_until(until, seen.now_ms)}", "yellow")
            for model, until in sorted(account.models_cooling.items())
        ]
    return lines


def _proxy(proxy: ProxyStatus, now_ms: int) -> str:
    where = ", ".join(map(_url, proxy.listeners)) or "nowhere"
    busy = [_count(proxy.under_way, "request") + " under way"]
    if proxy.waiting:
        busy.append(f"{proxy.waiting} waiting for an account")
    since = in_words(max(0.0, (now_ms - proxy.started_at_ms) / 1000))
    return (
        f"Proxy {proxy.version} runs for {since} at {where} (process {proxy.pid}, "
        f"mitmproxy {proxy.mitmproxy}); {proxy.strategy}; {', '.join(busy)}"
    )


def _url(listener: Listener) -> str:
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    if listener.mode == "reverse":
        return f"http://{host}:{listener.port}/v1"
    if listener.mode == "regular":
        return f"http://{host}:{listener.port}"
    return f"{listener.mode} {host}:{listener.port}"


# Cells


def _state(account: AccountStatus, now_ms: int) -> str:
    if account.until_ms is None or account.until_ms <= now_ms:
        return str(account.standing)
    return f"{account.standing} {_until(account.until_ms, now_ms)}"


def _until(moment_ms: int, now_ms: int) -> str:
    """``until 14:05 (3 min)``: by the clock of whoever looks, and how long that is."""
    form = "%H:%M" if moment_ms - now_ms < _DAY_MS else "%d %b, %H:%M"
    clock = time.strftime(form, time.localtime(moment_ms / 1000))
    return f"until {clock} ({in_words((moment_ms - now_ms) / 1000)})"


def _health(account: AccountStatus, *, gauges: bool) -> Text:
    from rich.text import Text  # noqa: PLC0415

    if account.standing in (Standing.DISABLED, Standing.UNUSABLE):
        return Text("")
    full = round(account.health / 100 * _GAUGE_CELLS)
    gauge = f"{_FULL * full}{_EMPTY * (_GAUGE_CELLS - full)} " if gauges else ""
    style = "red" if account.health < 30 else "yellow" if account.health < 50 else "green"
    return Text.assemble((gauge, style), f"{account.health:.0f}")


def _bucket(account: AccountStatus) -> str:
    return f"{account.bucket:.0f}/{account.bucket_size:.0f}" if account.bucket_size else ""


def _tokens(today: Today) -> str:
    cached = f" ({_short(today.cached_tokens)} cached)" if today.cached_tokens else ""
    return (
        f"{_short(today.input_tokens)} tokens in{cached}, {_short(today.output_tokens)} out today"
    )


def _particulars(account: AccountStatus, now_ms: int) -> str:
    place = urlsplit(account.base_url).netloc if account.base_url else "no usable endpoint"
    good_for = _good_for(account, now_ms)
    said = [f"{account.kind} for {place}", _last_used(account, now_ms)]
    if account.today.input_tokens or account.today.output_tokens:
        said.append(_tokens(account.today))
    if good_for:
        said.append(f"token good for {good_for}")
    if account.requests_per_minute:
        said.append(f"takes {account.requests_per_minute} a minute")
    return ", ".join(said)


def _good_for(account: AccountStatus, now_ms: int) -> str:
    if account.token_expires_ms is None:
        return ""
    left_ms = account.token_expires_ms - now_ms
    return in_words(left_ms / 1000) if left_ms > 0 else "no more (it is renewed when needed)"


def _last_used(account: AccountStatus, now_ms: int) -> str:
    if account.last_used_ms is None:
        return "not used yet"
    ago_ms = now_ms - account.last_used_ms
    return "used just now" if ago_ms < 1000 else f"used {in_words(ago_ms / 1000)} ago"


def _short(number: int) -> str:
    """``950``, ``12k``, ``1.2M``."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            scaled = number / size
            return f"{scaled:.1f}{unit}" if scaled < 10 else f"{scaled:.0f}{unit}"
    return str(number)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _can_show(text: str, out: TextIO) -> bool:
    try:
        text.encode(out.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
