"""What accounts are called: which one is meant by a name, and which labels are free.

Pure. Where several are meant, or none, nothing is guessed: the message lists what there
is. Messages never hold a credential.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import Final

from addon.accounts.account import Account

_MOST_LISTED: Final = 20
"""Accounts in one message."""


class BadName(ValueError):
    """A name that stands for no account, or cannot be given to one; the message says why."""


def account_named(accounts: Sequence[Account], name: str) -> Account:
    """The one of ``accounts`` called ``name``: its id, its label, or its number from 1.

    An id, of which there is only one, goes before all else. Raises BadName.
    """
    by_id = [account for account in accounts if account.id == name]
    meant = by_id or [
        account
        for number, account in enumerate(accounts, start=1)
        if account.label == name or str(number) == name
    ]
    if len(meant) == 1:
        return meant[0]
    if not accounts:
        raise BadName(f"there is no account {name}, nor any other")
    if meant:
        ids = ", ".join(account.id for account in meant)
        raise BadName(f"{name} stands for {len(meant)} accounts: say which by its id, {ids}")
    raise BadName(f"there is no account {name}; there are {_listed(accounts)}")


def called(accounts: Sequence[Account], name: str) -> Account | None:
    """The one of ``accounts`` with that id or label, if there is one.

    Raises BadName where there are several.
    """
    if not any(name in (account.id, account.label) for account in accounts):
        return None
    return account_named(accounts, name)


def checked_label(label: str, others: Iterable[Account]) -> str:
    """``label``, if it can be given to an account beside ``others``. Raises BadName."""
    if not label.strip() or label != label.strip() or not label.isprintable():
        raise BadName("a label must be printable text in one line, with no space at its ends")
    if label.startswith("-"):
        raise BadName("a label that begins with a dash would be taken for an option")
    if label.isdecimal():
        raise BadName("a label of digits alone would be taken for an account's number")
    if any(label in (other.label, other.id) for other in others):
        raise BadName(f"there is an account {label} already: choose another label")
    return label


def free_label(wanted: str, others: Iterable[Account]) -> str:
    """``wanted``, or with the first of -2, -3 … that nobody has."""
    taken = {name for other in others for name in (other.label, other.id)}
    candidates = chain((wanted,), (f"{wanted}-{number}" for number in count(2)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _listed(accounts: Sequence[Account]) -> str:
    first = enumerate(accounts[:_MOST_LISTED], start=1)
    listed = ", ".join(f"{number} {account.name}" for number, account in first)
    more = len(accounts) - _MOST_LISTED
    return f"{listed} and {more} more" if more > 0 else listed
