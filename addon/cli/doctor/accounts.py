"""The accounts file: whether it is there, understood, safe, and good for anything."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from addon.accounts.account import Account, OAuthCredential
from addon.accounts.plugin import opencode_configs_beside, plugin_conflict
from addon.accounts.store import FaultKind, Snapshot
from addon.cli.accounts.cures import new_credential
from addon.cli.accounts.file import AccountsFile
from addon.cli.doctor.finding import Finding, note, ok, wrong
from addon.cli.surroundings import Surroundings

_SUBJECT = "accounts"
_ADD = "qwen-proxy accounts add"


def look_at_accounts(around: Surroundings) -> tuple[tuple[Account, ...], list[Finding]]:
    """The accounts that are enabled, and what is to be said of them all."""
    file = AccountsFile(around)
    snapshot = file.store.load()
    findings = [*_file(file, snapshot), *_entries(file, snapshot)]
    conflict = plugin_conflict(snapshot.accounts, opencode_configs_beside(file.path))
    if conflict is not None:
        findings.append(note(_SUBJECT, conflict))
    return tuple(each for each in snapshot.accounts if each.enabled), findings


def _file(file: AccountsFile, snapshot: Snapshot) -> Iterator[Finding]:
    fault = snapshot.fault
    if fault is not None:
        is_damaged = fault.kind in (FaultKind.BROKEN, FaultKind.UNREADABLE)
        yield wrong(_SUBJECT, fault.message, "mend the file by hand" if is_damaged else _ADD)
        return
    folder = file.path.resolve().parent
    is_open = os.name != "nt" and folder.stat().st_mode & 0o022
    closing = f"chmod go-w {shlex.quote(str(folder))}" if is_open else None
    yield from (note(_SUBJECT, warning, closing) for warning in snapshot.warnings)
    if not os.access(folder, os.W_OK):
        yield wrong(
            _SUBJECT,
            f"nothing can be written in {folder}: renewed tokens would be lost",
            f"chmod u+w {shlex.quote(str(folder))}",
        )


def _entries(file: AccountsFile, snapshot: Snapshot) -> Iterator[Finding]:
    accounts = snapshot.accounts
    by_hand = f"correct it in {file.path}"
    yield from (note(_SUBJECT, f"left out: {fault}", by_hand) for fault in snapshot.faults)
    for account in accounts:
        if account.enabled and account.requires_reauth:
            yield note(
                _SUBJECT, f"{account.name} is not accepted any more", _new_credential(account)
            )
    usable = [each for each in accounts if each.enabled and not each.requires_reauth]
    if usable:
        many = "1 account" if len(usable) == 1 else f"{len(usable)} accounts"
        yield ok(_SUBJECT, f"{many} can be used")
    elif accounts and not any(each.enabled for each in accounts):
        name = shlex.quote(accounts[0].name)
        yield wrong(_SUBJECT, "every account is disabled", f"qwen-proxy accounts enable {name}")
    elif accounts:
        cure = next(_new_credential(each) for each in accounts if each.enabled)
        yield wrong(_SUBJECT, "every account needs a new sign-in or key", cure)


def _new_credential(account: Account) -> str:
    is_sign_in = isinstance(account.credential, OAuthCredential)
    return new_credential(account.name, is_sign_in=is_sign_in)
