"""``qwen-proxy doctor``, as typer reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from addon.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from addon.cli.doctor.finding import Finding


def doctor(
    *,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65533,
            metavar="N",
            help="The port that the proxy is to have; usually that of one that runs, else 8080.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Look for what is wrong, and say what mends it.

    No token is sent: qwen-proxy accounts check does that. Nothing is changed, but an accounts
    file that others could read is closed to them. Exit status 1: something does not work.
    """
    import json  # noqa: PLC0415 - not for --help
    from dataclasses import asdict  # noqa: PLC0415

    from addon.cli.doctor.finding import Verdict  # noqa: PLC0415

    around = Surroundings()
    findings = []
    for finding in findings_of(around, port):
        findings.append(finding)
        if not as_json:
            _print(finding, around)
    is_well = all(finding.verdict is not Verdict.WRONG for finding in findings)
    if as_json:
        document = {"well": is_well, "findings": [asdict(each) for each in findings]}
        print(json.dumps(document, indent=2), file=around.stdout)
    if not is_well:
        raise typer.Exit(1)


def findings_of(around: Surroundings, port: int | None) -> Iterator[Finding]:
    """One look after the other, what takes longest last."""
    from addon.cli.doctor import accounts, clients, machine, network, program  # noqa: PLC0415

    yield program.look_at_python()
    yield program.look_at_mitmproxy()
    settings, findings = program.look_at_settings(around)
    yield from findings
    enabled, findings = accounts.look_at_accounts(around)
    yield from findings
    running, findings = machine.look_at_proxies(around)
    yield from findings
    yield machine.look_at_ports(around, port, running)
    yield from machine.look_at_certificate(around)
    yield from machine.look_at_environment(around, running)
    ways = clients.ways(settings, port or machine.usual_port(running), running)
    yield from clients.look_at_opencode(around, ways)
    yield clients.look_at_codex(around, ways)
    yield from network.look_at_services(around, settings, enabled)


_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "wrong": ("WRONG", "bold red")}


def _print(finding: Finding, around: Surroundings) -> None:
    """On a terminal in colours; a line each, and one more for what mends it."""
    from rich.text import Text  # noqa: PLC0415

    from addon.cli.table import console_on, shown  # noqa: PLC0415

    mark, style = _MARKS[finding.verdict]
    lines = [Text.assemble((f"{mark:<6}", style), shown(f"{finding.subject}: {finding.what}"))]
    if finding.cure is not None:
        lines.append(Text.assemble("       -> ", (shown(finding.cure), "bold")))
    console = console_on(around.stdout)
    for line in lines:
        console.print(line, soft_wrap=True)
