"""What people see: on a terminal two lines for each account, elsewhere one that can be searched.

A screen that is watched shows what fits on it: nothing is broken into lines there, and the
accounts that find no room are counted.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TextIO, TypeAlias
from urllib.parse import urlsplit

from addon.broker.status import AccountStatus, Listener, ProxyStatus, Standing, Today
from addon.cli.accounts.cures import new_credential
from addon.cli.accounts.file import HOW_TO_ADD
from addon.cli.accounts.listing import in_words
from addon.cli.running import ending
from addon.cli.status.gathering import Overview
from addon.cli.table import Table, can_show, console_on, cut, shown

if TYPE_CHECKING:
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

_WIDE: Final = 90
"""Columns from which on there is room for pictures."""
_GAUGE_CELLS: Final = 5
_FULL, _EMPTY = "\u25b0", "\u25b1"
_DAY_MS: Final = 86_400_000

_HEADINGS: Final = ("#", "ACCOUNT", "STATE", "SERVED", "REFUSED", "BUSY", "BUCKET", "HEALTH")
_NAME: Final = _HEADINGS.index("ACCOUNT")
_SHORTEST_NAME: Final = 10
"""Columns that a name gets before others give way to it."""
_INDENT: Final = "   "

Line: TypeAlias = "tuple[str, str]"
"""A text in one line, and its style as rich names it."""


def print_overview(seen: Overview, out: TextIO) -> None:
    """Print it, for a terminal or for a file."""
    if not out.isatty():
        table = plain_table(seen).lines() if seen.accounts else []
        for line in (*_texts(_above(seen)), *table, *_texts(_below(seen))):
            print(line, file=out)
        return
    from rich.padding import Padding  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = console_on(out)
    console.print(*_lines(_above(seen)), sep="\n")
    if seen.accounts:
        heading, *rows = _rows(seen, out, console.width)
        console.print(Text(), heading, sep="\n")
        for row, account in zip(rows, seen.accounts, strict=True):
            particulars = Text(_particulars(account, seen.now_ms), style="dim")
            console.print(row, Padding(particulars, (0, 0, 0, len(_INDENT)), expand=False))
    below = _lines(_below(seen))
    if below:
        console.print(*([Text()] if seen.accounts else []), *below, sep="\n")


def screen(seen: Overview, out: TextIO, columns: int, lines: int) -> list[Text]:
    """The same, as much as fits into so many ``columns`` and ``lines``; ``out`` is where."""
    from rich.text import Text  # noqa: PLC0415

    above, below = _lines(_above(seen)), _lines(_below(seen))
    accounts = _accounts_within(seen, out, columns, lines - len(above) - 1, len(below))
    room = max(0, lines - len(above) - len(accounts) - 1)
    below = [Text(), *below[:room]] if room else []
    shown_lines = [*above, *accounts, *below]
    for line in shown_lines:
        line.truncate(columns, overflow="ellipsis" if can_show("\u2026", out) else "crop")
    return shown_lines


def _accounts_within(
    seen: Overview, out: TextIO, columns: int, lines: int, notes: int
) -> list[Text]:
    """The accounts in so many ``lines`` or fewer, beside which there are ``notes``.

    Two lines for each, else one, else one for each of the first and one for all others;
    then a third of the room is left to the notes.
    """
    from rich.text import Text  # noqa: PLC0415

    if not seen.accounts:
        return []
    heading, *rows = _rows(seen, out, columns)
    count, room = len(rows), lines - 2
    if 2 * count + notes <= room:
        told = [
            line
            for row, account in zip(rows, seen.accounts, strict=True)
            for line in (row, Text(_INDENT + _particulars(account, seen.now_ms), style="dim"))
        ]
        return [Text(), heading, *told]
    if count + notes <= room:
        return [Text(), heading, *rows]
    first = max(1, room - 1 - min(notes, room // 3))
    if first >= count:
        return [Text(), heading, *rows]
    rest = Counter(str(account.standing) for account in seen.accounts[first:])
    more = ", ".join(f"{number} {standing}" for standing, number in rest.most_common())
    return [Text(), heading, *rows[:first], Text(f"and {count - first} more: {more}", style="dim")]


def _rows(seen: Overview, out: TextIO, columns: int) -> list[Text]:
    """A heading, and one line for each account; what there is no room for is left out."""
    from rich.text import Text  # noqa: PLC0415

    gauges = columns >= _WIDE and can_show(_FULL + _EMPTY, out)
    heading = [Text(each, style="bold") for each in _HEADINGS]
    table = [heading]
    for number, account in enumerate(seen.accounts, start=1):
        table.append(_cells(number, account, seen.now_ms, gauges=gauges))
    widths = [max(cell.cell_len for cell in column) for column in zip(*table, strict=True)]
    widths = _fitting(widths, columns)
    rows = []
    for cells in table:
        for cell, cells_wide in zip(cells, widths, strict=False):
            if cell.cell_len > cells_wide:
                cell.plain = cut(cell.plain, cells_wide)
            cell.pad_right(cells_wide - cell.cell_len)
        row = Text("  ").join(cells[: len(widths)])
        row.rstrip()
        rows.append(row)
    return rows


def _fitting(widths: list[int], columns: int) -> list[int]:
    """Of so wide table columns those that fit into so many ``columns``, the name cut first."""
    others = [wide for place, wide in enumerate(widths) if place != _NAME]
    for count in range(len(widths), _NAME + 1, -1):
        taken = sum(others[: count - 1]) + 2 * (count - 1)
        left = columns - taken
        if left >= min(widths[_NAME], _SHORTEST_NAME) or count == _NAME + 2:
            fitting = widths[:count]
            fitting[_NAME] = max(1, min(widths[_NAME], left))
            return fitting
    return widths


def _cells(number: int, account: AccountStatus, now_ms: int, *, gauges: bool) -> list[Text]:
    from rich.text import Text  # noqa: PLC0415

    style, word = _STYLES[account.standing], str(account.standing)
    since = _state(account, now_ms).removeprefix(word)
    return [
        Text(str(number)),
        Text(shown(account.name)),
        Text.assemble((word, style), since),
        Text(str(account.today.served)),
        Text(str(account.today.refused)),
        Text(str(account.in_flight or "")),
        Text(_bucket(account)),
        _health(account, gauges=gauges),
    ]


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
            _bucket(account) or "-",
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
    return Table(headings, rows)


def _lines(lines: Iterable[Line]) -> list[Text]:
    from rich.text import Text  # noqa: PLC0415

    return [Text(shown(text), style=style) for text, style in lines]


def _texts(lines: Iterable[Line]) -> list[str]:
    return [shown(text) for text, _ in lines]


# Lines above and below the table, with their styles


def _above(seen: Overview) -> list[Line]:
    lines = [(_proxy(proxy, seen.now_ms), "") for proxy in seen.proxies]
    lines += [
        (f"A proxy does not answer. To end it: {ending(note, sys.platform)}", "red")
        for note in seen.silent
    ]
    lines += [
        (f"A proxy on {note.machine} cannot be asked from here (process {note.pid}).", "dim")
        for note in seen.elsewhere
    ]
    return lines or [("No proxy runs on these accounts. To start one: qwen-proxy run", "yellow")]


def _below(seen: Overview) -> list[Line]:
    """What there is to do and to know, what there is to do first."""
    lines: list[Line] = []
    if not seen.accounts:
        lines.append((f"There is no account in {seen.path}: {HOW_TO_ADD}.", "yellow"))
    numbered = list(enumerate(seen.accounts, start=1))
    lines += [
        (f"{number}: {account.name} needs {_needs(account)}", "")
        for number, account in numbered
        if account.standing in (Standing.SIGN_IN, Standing.REFUSED)
    ]
    lines += [(f"Left out: {fault}", "red") for fault in seen.faults]
    lines += [(warning, "yellow") for warning in seen.warnings]
    for number, account in numbered:
        if account.reason:
            lines.append((f"{number}: {account.reason}", "dim"))
        if account.failures:
            failed = _count(account.failures, "failure")
            lines.append((f"{number}: its upstream is at fault, {failed} in a row", "yellow"))
        lines += [
            (f"{number}: {model} is cooling {_until(until, seen.now_ms)}", "yellow")
            for model, until in sorted(account.models_cooling.items())
            if until > seen.now_ms
        ]
    return lines


def _needs(account: AccountStatus) -> str:
    is_sign_in = account.kind == "sign-in"
    what = "a new sign-in" if is_sign_in else "another key"
    return f"{what}: {new_credential(account.name, is_sign_in=is_sign_in)}"


def _proxy(proxy: ProxyStatus, now_ms: int) -> str:
    """What changes first, since a narrow screen cuts the end."""
    where = ", ".join(map(_url, proxy.listeners)) or "nowhere"
    busy = [_count(proxy.under_way, "request") + " under way"]
    if proxy.waiting:
        busy.append(f"{proxy.waiting} waiting for an account")
    since = in_words(max(0.0, (now_ms - proxy.started_at_ms) / 1000))
    return (
        f"Proxy at {where}: {', '.join(busy)}; runs for {since}, {proxy.strategy} "
        f"(process {proxy.pid}, version {proxy.version}, mitmproxy {proxy.mitmproxy})"
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
    if account.priority:
        said.append(f"priority {account.priority}")
    if account.requests_per_minute:
        said.append(f"takes {account.requests_per_minute} a minute")
    return shown(", ".join(said))


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
