"""The accounts file, as a command meets it: what is wrong with it is told in a sentence.

A proxy that runs may write the file at the same time: every change is made under the
file's lock, to what it holds at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from addon.accounts.account import Account
from addon.accounts.document import Document
from addon.accounts.editing import NotPossible
from addon.accounts.file import JsonFileStore
from addon.accounts.naming import BadName, account_named
from addon.accounts.store import FaultKind, Snapshot, StoreError
from addon.cli.failure import CommandFailed
from addon.cli.surroundings import Surroundings

T = TypeVar("T")

HOW_TO_ADD = "add a key with qwen-proxy accounts add, or sign in with qwen-proxy login"


class AccountsFile:
    """The accounts file of whoever runs the command."""

    def __init__(self, around: Surroundings) -> None:
        """Nothing is read yet."""
        self.path: Path = around.accounts_path()
        self.store = JsonFileStore(self.path)

    def snapshot(self) -> Snapshot:
        """What the file holds; nothing where there is none. Raises CommandFailed."""
        found = self.store.load()
        if found.fault and found.fault.kind in (FaultKind.BROKEN, FaultKind.UNREADABLE):
            raise CommandFailed(found.fault.message)
        return found

    def accounts(self) -> tuple[Account, ...]:
        """Those that can be used, in file order. Raises CommandFailed."""
        return self.snapshot().accounts

    def some_accounts(self) -> tuple[Account, ...]:
        """As ``accounts``; where there is none, CommandFailed says how to add one."""
        found = self.snapshot()
        if not found.accounts:
            faults = "; ".join(map(str, found.faults))
            why = f"none in {self.path} can be used ({faults})" if faults else "there is none yet"
            raise CommandFailed(f"no account: {why}; {HOW_TO_ADD}")
        return found.accounts

    def named(self, name: str) -> Account:
        """The account that a person calls ``name``. Raises CommandFailed."""
        try:
            return account_named(self.accounts(), name)
        except BadName as error:
            raise CommandFailed(str(error)) from None

    def check_writable(self) -> None:
        """Raises CommandFailed where nothing could be kept here, before anybody makes an effort."""
        self.change(lambda found: (found, None))

    def change(self, change: Callable[[Document], tuple[Document, T]]) -> T:
        """Makes ``change`` last and gives what it gave beside the document. Raises CommandFailed.

        ``change`` may be called several times; it may raise NotPossible and BadName.
        """
        given: list[T] = []

        def changed(found: Document) -> Document:
            document, result = change(found)
            given[:] = [result]
            return document

        try:
            self.store.update(changed)
        except (StoreError, NotPossible, BadName) as error:
            raise CommandFailed(str(error)) from None
        return given[0]

    def change_account(self, name: str, change: Callable[[Document, Account], Document]) -> Account:
        """Makes ``change`` to the account called ``name``; gives what it was before.

        Raises CommandFailed.
        """

        def changed(found: Document) -> tuple[Document, Account]:
            account = account_named(found.accounts, name)
            return change(found, account), account

        return self.change(changed)
