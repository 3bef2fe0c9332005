"""The accounts in a JSON file: read when it changed, written as a whole or not at all.

Credentials are precious, so the rules are strict:

- a file that is not understood is never written over;
- a change is made under the lock of ``lock.py``, on what the file holds at that moment;
- how bytes get to disk and who may read them is ``private_file.py``'s affair.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from addon.accounts.document import BadDocument, Document, empty_document, parse, render
from addon.accounts.lock import LockBusy, locked
from addon.accounts.private_file import (
    Signature,
    folder_warnings,
    read_file,
    read_if_there,
    replace,
    signature,
)
from addon.accounts.store import FaultKind, Snapshot, StoreFault

HOW_TO_ADD: Final = (
    'Put a key into it, as {"version": 1, "accounts": [{"apiKey": "sk-...", "baseUrl": '
    '"https://host/v1"}]}, or sign in with OpenCode\'s plugin opencode-qwen-auth.'
)

_ATTEMPTS: Final = 5
"""How often a write starts again because an editor, which knows no lock, came between."""


class StoreError(Exception):
    """A change that could not be written; the message says why and holds no credential."""


class JsonFileStore:
    """An AccountStore in the JSON file at ``path``. For one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._snapshot = Snapshot()
        self._signature: Signature | None = None
        """Of the file as the snapshot shows it; None: read it again."""

    def load(self) -> Snapshot:
        """See AccountStore.

        Ids that are missing are written to the file, if that can be done at once; else
        they are kept in memory, where they come out the same.
        """
        if self._signature is None or self._signature != signature(self.path):
            snapshot = self._read()
            if snapshot != self._snapshot:
                self._snapshot = snapshot
        return self._snapshot

    def update(
        self, change: Callable[[Document], Document], *, timeout_seconds: float = 15.0
    ) -> Snapshot:
        """Writes ``change`` of what the file holds once the lock is ours.

        The default time to wait for it outlasts the lock of a plugin that died.
        ``change`` may be called several times. A missing file is made, in a folder of
        mode 0700 where that is missing too. Raises StoreError, and then the file is as
        it was.
        """
        try:
            self._target().parent.mkdir(0o700, parents=True, exist_ok=True)
            self._rewrite(change, timeout_seconds)
        except BadDocument as fault:
            raise StoreError(f"{fault.told_of(str(self.path))}. It is left as it is.") from None
        except LockBusy as busy:
            raise StoreError(f"{busy}.") from None
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}.") from None
        return self.load()

    def _target(self) -> Path:
        """The file itself, behind symlinks."""
        return Path(os.path.realpath(self.path))

    # Reading

    def _read(self) -> Snapshot:
        self._signature = None
        try:
            found = read_file(self.path)
            warnings = [*found.warnings, *folder_warnings(self.path)]
        except FileNotFoundError:
            return Snapshot(fault=StoreFault(FaultKind.MISSING, self._missing()))
        except OSError as error:
            reason = f"{self.path} cannot be read: {error.strerror}."
            return self._still(FaultKind.UNREADABLE, reason)
        self._signature = found.signature
        if not found.data.strip():
            return self._still(FaultKind.EMPTY, f"{self.path} is empty. {HOW_TO_ADD}")
        try:
            document = parse(found.data)
        except BadDocument as fault:
            reason = f"{fault.told_of(str(self.path))}. It is left as it is until you mend it."
            return self._still(FaultKind.BROKEN, reason)
        if document.has_new_ids:
            document, more = self._save_ids(document)
            warnings += more
        return Snapshot(
            accounts=document.accounts,
            faults=document.faults,
            warnings=tuple(warnings),
            fault=None if document.accounts else self._no_accounts(document),
        )

    def _still(self, kind: FaultKind, reason: str) -> Snapshot:
        """A fault, beside which the accounts from before it go on."""
        accounts = self._snapshot.accounts
        if accounts:
            reason += " The accounts read before it stay in use."
        return Snapshot(accounts=accounts, fault=StoreFault(kind, reason))

    def _missing(self) -> str:
        if self.path.is_symlink():
            return f"{self.path} points to {self._target()}, which is not there."
        return f"There is no accounts file {self.path}. {HOW_TO_ADD}"

    def _no_accounts(self, document: Document) -> StoreFault:
        if not document.faults:
            return StoreFault(FaultKind.EMPTY, f"{self.path} holds no accounts. {HOW_TO_ADD}")
        reasons = "; ".join(map(str, document.faults))
        return StoreFault(FaultKind.EMPTY, f"No account in {self.path} can be used: {reasons}.")

    # Writing

    def _save_ids(self, document: Document) -> tuple[Document, list[str]]:
        """The document with its new ids on disk, or a warning that they are not."""
        try:
            saved = self._rewrite(lambda found: found, timeout_seconds=0)
        except (LockBusy, BadDocument):
            self._signature = None  # somebody is writing: the next load looks again
            return document, []
        except OSError as error:
            reason = f"{self.path} cannot be written ({error.strerror})"
            return document, [f"{reason}: accounts without an id there have one in memory only."]
        return saved, []

    def _rewrite(self, change: Callable[[Document], Document], timeout_seconds: float) -> Document:
        """Changes the file under its lock. Raises LockBusy, BadDocument or OSError."""
        target = self._target()
        with locked(target, timeout_seconds=timeout_seconds):
            for _ in range(_ATTEMPTS):
                found = read_if_there(target)
                before = parse(found.data) if found.data.strip() else empty_document()
                after = change(before)
                if after is before and not before.has_new_ids:
                    return before
                if replace(target, render(after), expected=found):
                    # not what the file is now: that may be another writer's already
                    self._signature = None
                    return after
        raise LockBusy(f"{target} is being written by a program that knows no lock")
