"""Accounts out of another file: put in where they are not there, renewed where they are.

Pure. Of two sign-ins of one account the fresher one is kept, whichever file it is from: a
refresh token that rotates is dead once it was used. Of two keys none can be told to be
the better, and so the one that is there stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from addon.accounts.account import Account, OAuthCredential
from addon.accounts.document import Document, with_account
from addon.accounts.editing import added, renewed, reread, same_sign_in
from addon.accounts.naming import free_label


class Fate(StrEnum):
    """What became of an account that was to be imported."""

    ADDED = "added"
    RENEWED = "renewed"
    THERE = "there already"
    OTHER_KEY = "left out: another key is there under its id"


@dataclass(frozen=True, slots=True)
class Imported:
    """An account as it stands in the document now, and how it came to."""

    account: Account
    fate: Fate


def with_imported_sign_in(
    document: Document, credential: OAuthCredential, *, label: str, now_ms: int
) -> tuple[Document, Imported]:
    """``document`` with the sign-in of another program.

    It is taken for that of the account called ``label``, should no token say whose it is.
    """
    same = same_sign_in(document, credential) or next(
        (
            account
            for account in document.accounts
            if account.label == label and isinstance(account.credential, OAuthCredential)
        ),
        None,
    )
    if same is not None:
        return _freshened(document, same, credential, is_live=True)
    name = free_label(label, document.accounts)
    kept = added(document, Account("", credential, label=name, added_at_ms=now_ms))
    return kept.document, Imported(kept.account, Fate.ADDED)


def with_imported(document: Document, other: Document) -> tuple[Document, tuple[Imported, ...]]:
    """``document`` with the accounts of ``other``, everything that is kept of new ones included."""
    told = []
    for account in other.accounts:
        same = _same(document, account)
        if same is None:
            document, imported = _added_entry(document, other, account)
        elif isinstance(account.credential, OAuthCredential):
            is_live = not account.requires_reauth
            document, imported = _freshened(document, same, account.credential, is_live=is_live)
        else:
            is_same = same.credential == account.credential
            imported = Imported(same, Fate.THERE if is_same else Fate.OTHER_KEY)
        told.append(imported)
    return document, tuple(told)


def _same(document: Document, account: Account) -> Account | None:
    """The account of ``document`` that ``account`` is: by its credential, else by its id."""
    credential = account.credential
    if isinstance(credential, OAuthCredential):
        by_credential = same_sign_in(document, credential)
    else:
        by_credential = next(
            (
                each
                for each in document.accounts
                if (each.credential, each.base_url) == (credential, account.base_url)
            ),
            None,
        )
    if by_credential is not None:
        return by_credential
    by_id = document.account(account.id)
    if by_id is None or not isinstance(by_id.credential, type(credential)):
        return None
    return by_id


def _freshened(
    document: Document, account: Account, credential: OAuthCredential, *, is_live: bool
) -> tuple[Document, Imported]:
    """``document`` with ``credential`` for ``account``, if that is fresher than its own."""
    own = account.credential
    assert isinstance(own, OAuthCredential)
    is_fresher = account.requires_reauth or (credential.expires_at_ms or 0) > (
        own.expires_at_ms or 0
    )
    if not is_live or own.refresh_token == credential.refresh_token or not is_fresher:
        return document, Imported(account, Fate.THERE)
    after = renewed(account, credential)
    return with_account(document, after), Imported(after, Fate.RENEWED)


def _added_entry(
    document: Document, other: Document, account: Account
) -> tuple[Document, Imported]:
    """``document`` with the entry of ``account`` as it is in ``other``, but for names in use."""
    entries, theirs = document.root["accounts"], other.root["accounts"]
    assert isinstance(entries, list)  # no other root becomes a Document
    assert isinstance(theirs, list)
    entry = theirs[other.places[account.id]]
    assert isinstance(entry, dict)  # else it meant no account
    entry = dict(entry)
    if document.account(account.id) is not None:
        del entry["id"]
    if account.label is not None:
        entry["label"] = free_label(account.label, document.accounts)
    after = reread({**document.root, "accounts": [*entries, entry]})
    new = next(each for each in after.accounts if document.account(each.id) is None)
    return after, Imported(new, Fate.ADDED)
