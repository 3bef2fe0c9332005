"""The accounts in a JSON file: read when it changed, written as a whole or not at all.

Credentials are precious, so the rules are strict:

- a file that is not understood is never written over;
- a change is made under the lock of ``lock.py``, on what the file holds at that moment;
- how bytes get to disk and who may read them is ``private_file.py``'s affair.

What waits for a lock or for the disk does so in a thread, never in the event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from addon.accounts.account import Account, OAuthCredential
from addon.accounts.document import (
    BadDocument,
    Document,
    empty_document,
    parse,
    render,
    with_account,
    with_states,
)
from addon.accounts.editing import with_sign_in
from addon.accounts.journal import Journal, Renewal
from addon.accounts.lock import LockBusy, held_lock, locked
from addon.accounts.private_file import (
    Signature,
    folder_warnings,
    read_file,
    read_if_there,
    replace_file,
    signature,
)
from addon.accounts.store import (
    FaultKind,
    Snapshot,
    State,
    StateChange,
    StoreError,
    StoreFault,
)

HOW_TO_ADD: Final = (
    "Add a key with qwen-proxy accounts add, or sign in with qwen-proxy login (in a clone: "
    "scripts/qwen-proxy)."
)

_ATTEMPTS: Final = 5
"""How often a write starts again because an editor, which knows no lock, came between."""

_WRITE_SECONDS: Final = 15.0
"""How long to wait for the file's lock: it outlasts that of a plugin that died."""

_REFRESH_SECONDS: Final = 90.0
"""How long to wait while another renews the same account: longer than that ever takes."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A change of the file: from what to what."""

    before: Document
    after: Document
    signature: Signature | None
    """Of the file with ``after`` in it; None where there was nothing to write."""


class JsonFileStore:
    """An AccountStore and a CredentialStore in the JSON file at ``path``. For one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._snapshot = Snapshot()
        """As handed out."""
        self._seen = Snapshot()
        """As the file is: the one handed out, but for statistics that were saved from here."""
        self._document = empty_document()
        self._signature: Signature | None = None
        """Of the file as it was seen; None: read it again."""
        self._writing = threading.Lock()

    def load(self) -> Snapshot:
        """See AccountStore.

        Ids that are missing are written to the file, if that can be done at once; else
        they are kept in memory, where they come out the same.
        """
        if self._signature is None or self._signature != signature(self.path):
            seen = self._read()
            if seen != self._seen:
                self._seen = self._snapshot = seen
        return self._snapshot

    def update(
        self, change: Callable[[Document], Document], *, timeout_seconds: float = _WRITE_SECONDS
    ) -> Snapshot:
        """Writes ``change`` of what the file holds once the lock is ours.

        ``change`` may be called several times. A missing file is made, in a folder of
        mode 0700 where that is missing too. Raises StoreError, and then the file is as
        it was.
        """
        self._take_note(self._write(change, timeout_seconds))
        return self.load()

    # Statistics

    def states(self) -> Mapping[str, State]:
        """See AccountStore."""
        return self._document.states()

    async def save_state(self, changes: Mapping[str, StateChange]) -> Mapping[str, State]:
        """See AccountStore."""
        changed = await self._change(lambda found: with_states(found, changes), is_news=False)
        states = changed.states()
        return {account_id: states[account_id] for account_id in changes if account_id in states}

    # What people change

    async def set_enabled(self, account_id: str, *, enabled: bool) -> Account | None:
        """See AccountStore."""

        def change(found: Document) -> Document:
            account = found.account(account_id)
            if account is None or account.enabled == enabled:
                return found
            return with_account(found, replace(account, enabled=enabled))

        return (await self._change(change)).account(account_id)

    async def keep_sign_in(
        self, credential: OAuthCredential, *, meant: str | None, now_ms: int
    ) -> Account:
        """See AccountStore."""
        kept: list[Account] = []

        def change(found: Document) -> Document:
            done = with_sign_in(found, credential, meant=meant, label=None, now_ms=now_ms)
            kept[:] = [done.account]
            return done.document

        await self._change(change)
        return kept[0]

    # Credentials

    @asynccontextmanager
    async def refreshing(self, account_id: str) -> AsyncIterator[None]:
        """See CredentialStore.

        The locks are in a folder beside the file, since the plugin, which must not wait
        for a network, would wait for the file's own.
        """
        lock = self._refresh_path(account_id)
        journal = self._journal(account_id)
        async with AsyncExitStack() as stack:
            try:
                lock.parent.mkdir(0o700, exist_ok=True)
                held = held_lock(lock, timeout_seconds=_REFRESH_SECONDS)
                await stack.enter_async_context(held)
                journal.make_room()
            except LockBusy:
                raise StoreError("Another process does not come to an end renewing it.") from None
            except OSError as error:
                raise self._not_written(error) from None
            try:
                yield
            finally:
                if journal.pending() is None:
                    journal.clear()

    async def current(self, account_id: str) -> Account | None:
        """See CredentialStore."""
        renewal = self._journal(account_id).pending()
        if renewal is not None:
            return await self.renewed(account_id, renewal.spent, renewal.fresh)
        document = await asyncio.to_thread(self._look)
        return document.account(account_id)

    async def renewed(
        self, account_id: str, spent: OAuthCredential, fresh: OAuthCredential
    ) -> Account | None:
        """See CredentialStore."""

        def renew(found: Document) -> Document:
            account = _holder(found, account_id, spent)
            if account is None:
                return found
            return with_account(found, replace(account, credential=fresh, requires_reauth=False))

        journal = self._journal(account_id)
        with suppress(OSError):  # the file itself may take it nevertheless
            journal.note(Renewal(spent, fresh))
        changed = await self._change(renew)
        journal.clear()
        return changed.account(account_id)

    async def mark_requires_reauth(
        self, account_id: str, credential: OAuthCredential
    ) -> Account | None:
        """See CredentialStore."""

        def mark(found: Document) -> Document:
            account = _holder(found, account_id, credential)
            if account is None or account.requires_reauth:
                return found
            return with_account(found, replace(account, requires_reauth=True))

        return (await self._change(mark)).account(account_id)

    def _target(self) -> Path:
        """The file itself, behind symlinks."""
        return Path(os.path.realpath(self.path))

    def _refresh_path(self, account_id: str) -> Path:
        """What the files of an account's refresh are named after."""
        target = self._target()
        name = hashlib.sha256(account_id.encode()).hexdigest()[:16]
        return target.with_name(f"{target.name}.refresh") / name

    def _journal(self, account_id: str) -> Journal:
        return Journal(self._refresh_path(account_id).with_suffix(".journal"))

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
        self._document = document
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

    def _look(self) -> Document:
        """What the file holds at this moment, read anew. Raises StoreError."""
        try:
            data = read_file(self._target()).data
            return parse(data) if data.strip() else empty_document()
        except FileNotFoundError:
            return empty_document()
        except BadDocument as fault:
            raise self._not_understood(fault) from None
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror}.") from None

    # Writing

    async def _change(
        self, change: Callable[[Document], Document], *, is_news: bool = True
    ) -> Document:
        """Writes ``change`` in a thread, and gives what the file holds then."""
        written = await asyncio.to_thread(self._write, change, _WRITE_SECONDS)
        self._take_note(written, is_news=is_news)
        return written.after

    def _take_note(self, written: _Written, *, is_news: bool = True) -> None:
        """Spares reading what was written from here, if nobody else changed anything before."""
        if written.signature is None:
            return
        before, after = written.before, written.after
        was_known = before.accounts == self._seen.accounts and not before.has_new_ids
        if self._signature is None or self._seen.fault or not was_known or not after.accounts:
            self._signature = None
            return
        self._document, self._signature = after, written.signature
        self._seen = replace(self._seen, accounts=after.accounts, faults=after.faults)
        if is_news:
            self._snapshot = self._seen

    def _write(self, change: Callable[[Document], Document], timeout_seconds: float) -> _Written:
        """Makes ``change`` last. Raises StoreError."""
        try:
            self._target().parent.mkdir(0o700, parents=True, exist_ok=True)
            return self._rewrite(change, timeout_seconds)
        except BadDocument as fault:
            raise self._not_understood(fault) from None
        except LockBusy as busy:
            raise StoreError(f"{busy}.") from None
        except OSError as error:
            raise self._not_written(error) from None

    def _not_understood(self, fault: BadDocument) -> StoreError:
        return StoreError(f"{fault.told_of(str(self.path))}. It is left as it is.")

    def _not_written(self, error: OSError) -> StoreError:
        return StoreError(f"{self.path} cannot be written: {error.strerror}.")

    def _save_ids(self, document: Document) -> tuple[Document, list[str]]:
        """The document with its new ids on disk, or a warning that they are not."""
        try:
            saved = self._rewrite(lambda found: found, timeout_seconds=0).after
        except (LockBusy, BadDocument):
            self._signature = None  # somebody is writing: the next load looks again
            return document, []
        except OSError as error:
            reason = f"{self.path} cannot be written ({error.strerror})"
            return document, [f"{reason}: accounts without an id there have one in memory only."]
        self._signature = None
        return saved, []

    def _rewrite(self, change: Callable[[Document], Document], timeout_seconds: float) -> _Written:
        """Changes the file under its lock. Raises LockBusy, BadDocument or OSError."""
        target = self._target()
        with self._turn(timeout_seconds), locked(target, timeout_seconds=timeout_seconds):
            for _ in range(_ATTEMPTS):
                found = read_if_there(target)
                before = parse(found.data) if found.data.strip() else empty_document()
                after = change(before)
                if after is before and not before.has_new_ids:
                    return _Written(before, after, None)
                written = replace_file(target, render(after), expected=found)
                if written is not None:
                    return _Written(before, after, written)
        raise LockBusy(f"{target} is being written by a program that knows no lock")

    @contextmanager
    def _turn(self, timeout_seconds: float) -> Iterator[None]:
        """Writers of this process take turns at once, those of several only find out in time."""
        if not self._writing.acquire(timeout=timeout_seconds):
            raise LockBusy(f"{self.path} is being written")
        try:
            yield
        finally:
            self._writing.release()


def _holder(found: Document, account_id: str, credential: OAuthCredential) -> Account | None:
    """The account, if it still has the very refresh token of ``credential``."""
    account = found.account(account_id)
    if account is None or not isinstance(account.credential, OAuthCredential):
        return None
    return account if account.credential.refresh_token == credential.refresh_token else None
