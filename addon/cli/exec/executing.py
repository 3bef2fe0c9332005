"""From the accounts to the exit status: what can be wrong is told before anything is started."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from addon.accounts.account import Account
from addon.cli.accounts.file import AccountsFile
from addon.cli.exec.attached import ROOT, AttachedProxy, attached_proxy
from addon.cli.exec.certificates import Certificates
from addon.cli.exec.clients import (
    OPENCODE_VARIABLE,
    Call,
    codex_command,
    models_of,
    opencode_config,
)
from addon.cli.exec.environment import proxy_environment, without_our_own
from addon.cli.exec.foreground import found_program, run_in_foreground
from addon.cli.exec.outlet import no_proxy_in, outlet_in
from addon.cli.exec.server import Plan
from addon.cli.failure import CommandFailed
from addon.cli.surroundings import Surroundings
from addon.settings import Settings, project_warnings

_CA: Final = "mitmproxy-ca-cert.pem"
"""mitmproxy's name for the certificate that it makes at its first start."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person said on the command line."""

    sandbox: bool = False
    log: Path | None = None
    """Where the proxy's log is to stay."""


def execute(around: Surroundings, command: Sequence[str], wishes: Wishes) -> int:
    """Run ``command`` with a proxy of its own; its exit status. Raises CommandFailed."""
    settings = around.settings()
    program = found_program(command[0], around.env, around.cwd)
    accounts = () if wishes.sandbox else _accounts(around)
    for warning in project_warnings(around.cwd):
        around.say(f"qwen-proxy: {warning}")
    with tempfile.TemporaryDirectory(prefix="qwen-proxy-exec-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        certificates = Certificates(folder, around.env, around.say)
        plan = _plan(around, settings, folder, certificates, is_sandbox=wishes.sandbox)
        with attached_proxy(plan, around.env, wishes.log or folder / "log") as proxy:
            env = without_our_own(around.env, ROOT) | certificates.for_programs(folder / _CA)
            call = Call(
                command, base_url=proxy.base_url, models=models_of(accounts, settings.models)
            )
            env |= _environment(around, proxy, call)
            status = run_in_foreground(program, codex_command(call), env)
            _tell_of_its_end(around, proxy)
    return status


def _accounts(around: Surroundings) -> tuple[Account, ...]:
    """Those that can be used. Raises CommandFailed where there is none."""
    file = AccountsFile(around)
    accounts = tuple(each for each in file.some_accounts() if each.enabled)
    # the proxy says so too, but in its log
    found = file.snapshot()
    for line in (*map(str, found.faults), *found.warnings):
        around.say(f"qwen-proxy: {line}")
    if not accounts:
        raise CommandFailed("every account is disabled: qwen-proxy accounts enable ACCOUNT")
    return accounts


def _plan(
    around: Surroundings,
    settings: Settings,
    folder: Path,
    certificates: Certificates,
    *,
    is_sandbox: bool,
) -> Plan:
    outlet, trusted = outlet_in(around.env), certificates.for_the_proxy()
    return Plan(
        folder=str(folder),
        base_url=settings.base_url,
        client_id=settings.client_id,
        sandbox=is_sandbox,
        outlet=outlet.url if outlet else "",
        outlet_login=outlet.login if outlet else "",
        no_proxy=no_proxy_in(around.env),
        trusted=str(trusted or ""),
    )


def _environment(around: Surroundings, proxy: AttachedProxy, call: Call) -> dict[str, str]:
    found = proxy_environment(
        around.env, proxy_url=proxy.proxy_url, base_url=proxy.base_url, platform=around.platform
    )
    return found | {OPENCODE_VARIABLE: opencode_config(call, around)}


def _tell_of_its_end(around: Surroundings, proxy: AttachedProxy) -> None:
    last_words = proxy.last_words()
    if last_words is not None:
        around.say(
            f"qwen-proxy: the proxy had ended before the program did; it said:\n{last_words}"
        )
