"""What people do to the accounts: put in, renewed rather than doubled, changed, taken out.

Pure: a Document goes in, another comes out, and what is not touched stays as it was. An
account stays itself, with its id and all that is set for it, when it gets another
credential. No credential that may still be good is replaced by one of another account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from addon.accounts.account import Account, ApiKeyCredential, OAuthCredential
from addon.accounts.document import Document, derived_id, parse, render, with_account
from addon.accounts.naming import account_named, called, checked_label, free_label
from addon.accounts.store import Json
from addon.accounts.subject import subject_of


class NotPossible(ValueError):
    """What was asked for cannot be done; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An account with its credential in the document."""

    document: Document
    account: Account
    before: Account | None
    """As it was; None: it is new."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A plain key, and what a person says of it."""

    credential: ApiKeyCredential
    base_url: str
    usual_label: str
    """What it is called where the person does not say, as far as that is free."""
    label: str | None = None
    priority: int | None = None
    replaces: bool = False
    """Whether it is to take the place of another key, of the account called ``label``."""


def with_sign_in(
    document: Document,
    credential: OAuthCredential,
    *,
    meant: str | None,
    label: str | None,
    now_ms: int,
) -> Kept:
    """``document`` with a sign-in that has just been made.

    It goes to the account that it is known to be of: the one with the same refresh token,
    or whose tokens name the same subject. Else to the one whose id is ``meant``, unless
    its tokens name another subject. Else to a new one, called ``label`` where that is free.
    """
    same = same_sign_in(document, credential) or _unless_another(document, meant, credential)
    if same is None:
        name = free_label(label or "qwen", document.accounts)
        return added(document, Account("", credential, label=name, added_at_ms=now_ms))
    return _put(document, renewed(same, credential), before=same)


def with_key(document: Document, new: NewKey, *, now_ms: int) -> Kept:
    """``document`` with a key that a person gives.

    The same key for the same base URL is there once: that account gets the label and the
    priority that are given. Where another account is called so, it gets the key, if the
    person said so. Raises NotPossible, BadName.
    """
    accounts = document.accounts
    same = _same_key(document, new)
    holder = called(accounts, new.label) if new.label else None
    if holder is not None and same is None:
        _check_replaceable(holder, replaces=new.replaces)
        same = holder
    elif holder is not None and same != holder:
        raise NotPossible(f"this key is that of {same and same.name} already: rename one of them")
    label = checked_label(new.label, ()) if new.label and holder is None else None
    if same is None:
        account = Account(
            id="",
            credential=new.credential,
            label=label or free_label(new.usual_label, accounts),
            base_url=new.base_url,
            priority=new.priority or 0,
            added_at_ms=now_ms,
        )
        return added(document, account)
    after = replace(
        same,
        credential=new.credential,
        base_url=new.base_url,
        label=label or same.label,
        priority=same.priority if new.priority is None else new.priority,
        requires_reauth=False,
    )
    return _put(document, after, before=same)


def added(document: Document, account: Account) -> Kept:
    """``document`` with ``account`` at its end; its id is made from its credential."""
    wanted = derived_id(account.credential)
    new = replace(account, id=free_label(wanted, document.accounts))
    return _put(document, new, before=None)


def with_enabled(
    document: Document, names: Iterable[str], *, enabled: bool
) -> tuple[Document, tuple[Account, ...]]:
    """``document`` with the accounts of these names enabled or not, and which those are.

    Raises BadName.
    """
    accounts = tuple(account_named(document.accounts, name) for name in names)
    for account in accounts:
        document = with_account(document, replace(account, enabled=enabled))
    return document, accounts


def renamed(document: Document, account: Account, label: str) -> Document:
    """``document`` with ``account`` called ``label``. Raises BadName."""
    others = [each for each in document.accounts if each.id != account.id]
    return with_account(document, replace(account, label=checked_label(label, others)))


def without_account(document: Document, account: Account) -> Document:
    """``document`` without ``account``, and without what was left out as its double.

    ``activeIndex``, which the OpenCode plugin goes by, still names the same account.
    """
    entries = document.root["accounts"]
    assert isinstance(entries, list)  # no other root becomes a Document
    gone = {document.places[account.id]} | _doubles(document, entries, account)
    left = [entry for index, entry in enumerate(entries) if index not in gone]
    root: dict[str, Json] = {**document.root, "accounts": left}
    active = root.get("activeIndex")
    if isinstance(active, int):
        before = sum(index < active for index in gone)
        root["activeIndex"] = max(0, min(active - before, len(left) - 1))
    return reread(root)


def same_sign_in(document: Document, credential: OAuthCredential) -> Account | None:
    """The account of ``document`` that ``credential`` is known to be of."""
    subject = subject_of(credential.access_token)
    for account in document.accounts:
        known = account.credential
        if not isinstance(known, OAuthCredential):
            continue
        if known.refresh_token == credential.refresh_token:
            return account
        if subject is not None and subject == subject_of(known.access_token):
            return account
    return None


def renewed(account: Account, credential: OAuthCredential) -> Account:
    """``account`` with the sign-in ``credential`` in the place of its own."""
    assert isinstance(account.credential, OAuthCredential)
    resource_url = credential.resource_url or account.credential.resource_url
    fresh = replace(credential, resource_url=resource_url)
    return replace(account, credential=fresh, requires_reauth=False)


def reread(root: Mapping[str, Json]) -> Document:
    """The document that ``root`` will be once it is on disk."""
    return parse(render(Document(root)))


def _unless_another(
    document: Document, account_id: str | None, credential: OAuthCredential
) -> Account | None:
    """The account with that id, unless its tokens say that it is another's."""
    account = document.account(account_id) if account_id is not None else None
    if account is None or not isinstance(account.credential, OAuthCredential):
        return None
    known = subject_of(account.credential.access_token)
    new = subject_of(credential.access_token)
    return None if known and new and known != new else account


def _put(document: Document, account: Account, *, before: Account | None) -> Kept:
    after = with_account(document, account)
    return Kept(after, after.account(account.id) or account, before)


def _same_key(document: Document, new: NewKey) -> Account | None:
    """The account that has the key for the same base URL, or has not said for which."""
    return next(
        (
            account
            for account in document.accounts
            if account.credential == new.credential and account.base_url in (None, new.base_url)
        ),
        None,
    )


def _check_replaceable(holder: Account, *, replaces: bool) -> None:
    if not isinstance(holder.credential, ApiKeyCredential):
        raise NotPossible(f"{holder.name} is signed in and has no key: choose another --label")
    if not replaces:
        raise NotPossible(
            f"there is an account {holder.name} already, with another key: "
            "--replace puts this one in its place, another --label keeps both"
        )


def _doubles(document: Document, entries: list[Json], account: Account) -> set[int]:
    """Entries that were left out since they hold the very refresh token of ``account``."""
    if not isinstance(account.credential, OAuthCredential):
        return set()
    token = account.credential.refresh_token
    return {
        index
        for index, entry in enumerate(entries)
        if isinstance(entry, dict)
        and entry.get("refreshToken") == token
        and index not in document.places.values()
    }
