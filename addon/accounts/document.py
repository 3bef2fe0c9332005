"""The accounts file's JSON document, and the Account values in it: both ways, both pure.

Version 1 is shared with the OpenCode plugin opencode-qwen-auth, so the rules are:

- what this program does not know is kept: unknown keys, their order, and entries that
  are wrong. A wrong entry becomes a Fault and takes no other down;
- what is written is a change of what was read, never a rendering of the values alone;
- no message ever holds a credential.

Bytes that are wrong as a whole (no JSON, another version) never become a Document:
``parse`` raises, and so nobody can write over them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

from addon.accounts.account import Account, ApiKeyCredential, OAuthCredential
from addon.accounts.entry import (
    EntryModel,
    changed_entry,
    new_entry,
    read_entry,
    state_of,
    with_state,
)
from addon.accounts.store import Json, StateChange
from addon.faults import Fault

VERSION: Final = 1

_MAX_DEPTH: Final = 100
"""What is read must also be written again, from wherever in the program."""


class BadDocument(ValueError):
    """Bytes that are no accounts document of version 1."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column

    def told_of(self, name: str) -> str:
        """The message behind the file's ``name`` and, where known, line and column."""
        return f"{name}{f':{self.line}:{self.column}' if self.line else ''}: {self}"


@dataclass(frozen=True, slots=True)
class Document:
    """What the file holds, and what of it is understood. Nobody changes ``root`` in place."""

    root: Mapping[str, Json] = field(repr=False)
    accounts: tuple[Account, ...] = ()
    """Those that can be used, in file order."""
    places: Mapping[str, int] = field(default_factory=dict)
    """Account id → its index in ``root["accounts"]``."""
    faults: tuple[Fault, ...] = ()
    """What is wrong with single entries."""
    has_new_ids: bool = False
    """Whether ``root`` holds an id that was not in what it was read from."""

    def account(self, account_id: str) -> Account | None:
        """The account with that id, if there is one."""
        return next((known for known in self.accounts if known.id == account_id), None)

    def states(self) -> dict[str, dict[str, Json]]:
        """By account id, the statistics that stand in its entry."""
        entries = _entries(self.root)
        return {account_id: state_of(entries[place]) for account_id, place in self.places.items()}


def parse(data: bytes) -> Document:
    """The document in ``data``; accounts without an id get theirs. Raises BadDocument."""
    return _read(_root(data))


def render(document: Document) -> bytes:
    """``document`` laid out as the plugin does it: two spaces, a line for each key."""
    # the plugin computes with activeIndex without looking whether it is there
    root = {**document.root, "activeIndex": document.root.get("activeIndex", 0)}
    text = json.dumps(root, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can say and UTF-8 cannot
        return f"{json.dumps(root, indent=2, allow_nan=False)}\n".encode()


def empty_document() -> Document:
    """A document without accounts."""
    return Document(root={"version": VERSION, "accounts": [], "activeIndex": 0})


def with_account(document: Document, account: Account) -> Document:
    """``document`` with ``account`` in the place of the one with its id, else at the end.

    Of an entry that is there, only the keys whose value differs are touched.
    """
    entries = [*_entries(document.root)]
    before = document.account(account.id)
    if before is not None:
        place = document.places[account.id]
        entries[place] = changed_entry(entries[place], before=before, after=account)
    else:
        entries.append(new_entry(account))
    return _read({**document.root, "accounts": entries})


def with_states(document: Document, changes: Mapping[str, StateChange]) -> Document:
    """``document`` with these changes to the statistics of accounts that are there, by id.

    The very document where that changes nothing. Raises ValueError where ``changes`` are
    of more than statistics.
    """
    entries = [*_entries(document.root)]
    for account_id in changes.keys() & document.places.keys():
        place = document.places[account_id]
        entries[place] = with_state(entries[place], changes[account_id])
    if entries == document.root["accounts"]:
        return document
    return _read({**document.root, "accounts": entries})


def derived_id(credential: OAuthCredential | ApiKeyCredential) -> str:
    """An id for an account that has none: always the same, and no way back to the secret."""
    if isinstance(credential, OAuthCredential):
        kind, secret = "oauth", credential.refresh_token
    else:
        kind, secret = "key", credential.api_key
    digest = hashlib.sha256(f"opencode-qwen-proxy account id\0{kind}\0{secret}".encode())
    return f"{kind}-{digest.hexdigest()[:10]}"


# From bytes to a sound root


def _root(data: bytes) -> dict[str, Json]:
    try:
        root: Json = json.loads(
            data.decode("utf-8-sig"), parse_float=_finite, parse_constant=_refuse_number
        )
    except UnicodeDecodeError:
        raise BadDocument("is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise BadDocument(f"is not JSON: {error.msg}", error.lineno, error.colno) from None
    except ValueError:
        raise BadDocument("holds a number that is out of range") from None
    except RecursionError:
        raise BadDocument("nests too deep") from None
    if _nests_deeper(root, _MAX_DEPTH):
        raise BadDocument("nests too deep")
    if not isinstance(root, dict):
        raise BadDocument('must hold an object, such as {"version": 1, "accounts": []}')
    version = root.get("version")
    if isinstance(version, bool) or version != VERSION:
        raise BadDocument(f'must have "version": {VERSION}, the only one that is known here')
    if not isinstance(root.get("accounts"), list):
        raise BadDocument('must have "accounts", a list')
    return root


def _nests_deeper(root: Json, levels: int) -> bool:
    layer = [root]
    for _ in range(levels):
        inside = (each.values() if isinstance(each, dict) else each for each in layer)
        layer = [
            value
            for values in inside
            if isinstance(values, Iterable)
            for value in values
            if isinstance(value, dict | list)
        ]
    return any(isinstance(each, dict | list) for each in layer)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse_number(digits)


def _refuse_number(_digits: str) -> NoReturn:
    """NaN, infinities and 1e999 are read by Python, but cannot be written again."""
    raise ValueError


def _entries(root: Mapping[str, Json]) -> list[Json]:
    entries = root["accounts"]
    assert isinstance(entries, list)  # no other root becomes a Document
    return entries


# From a root to accounts


def _read(root: Mapping[str, Json]) -> Document:
    entries = _entries(root)
    models: dict[int, EntryModel] = {}
    found: list[Fault] = []
    for index, entry in enumerate(entries):
        model, faults_here = read_entry(f"accounts[{index}]", entry)
        found += faults_here
        if model is not None:
            models[index] = model
    found += _without_repeated_sign_ins(models)
    ids = _ids(models)
    found += _replaced_ids(models, ids)
    new = {index: ids[index] for index in ids if models[index].id != ids[index]}
    if new:
        named = [_with_id(entry, new.get(index)) for index, entry in enumerate(entries)]
        root = {**root, "accounts": named}
    return Document(
        root=root,
        accounts=tuple(models[index].account(ids[index]) for index in models),
        places={account_id: index for index, account_id in ids.items()},
        faults=tuple(found),
        has_new_ids=bool(new),
    )


def _without_repeated_sign_ins(models: dict[int, EntryModel]) -> list[Fault]:
    """Takes out what holds the very tokens of an entry before it, and says so.

    Where only the refresh token is the same, both stay: each has a token that works.
    A plain key may stand twice, since it may be good at several base URLs.
    """
    first: dict[str, int] = {}
    found = []
    for index, model in [*models.items()]:
        if model.refresh_token is None:
            continue
        holder = first.setdefault(model.refresh_token, index)
        if holder == index:
            continue
        message = f"is also that of accounts[{holder}]: renewing one ends the other"
        if model.access_token == models[holder].access_token:
            del models[index]
            message = f"is also that of accounts[{holder}]: this entry is not used"
        found.append(Fault(f"accounts[{index}].refreshToken", message))
    return found


def _ids(models: Mapping[int, EntryModel]) -> dict[int, str]:
    """Index → id, each once: an entry's own, else one derived from its credential."""
    owners: dict[str, int] = {}
    for index, model in models.items():
        if model.id is not None:
            owners.setdefault(model.id, index)
    for index, model in models.items():
        if model.id is None or owners[model.id] != index:
            owners[_free(derived_id(model.credential()), owners)] = index
    return {index: account_id for account_id, index in sorted(owners.items(), key=_by_index)}


def _by_index(owner: tuple[str, int]) -> int:
    return owner[1]


def _free(wanted: str, taken: Mapping[str, int]) -> str:
    """``wanted``, or with the first of -2, -3 … that nobody has."""
    candidate, number = wanted, 1
    while candidate in taken:
        number += 1
        candidate = f"{wanted}-{number}"
    return candidate


def _replaced_ids(models: Mapping[int, EntryModel], ids: Mapping[int, str]) -> list[Fault]:
    return [
        Fault(f"accounts[{index}].id", f"is taken by an entry before it: now {ids[index]}")
        for index, model in models.items()
        if model.id is not None and model.id != ids[index]
    ]


def _with_id(entry: Json, new_id: str | None) -> Json:
    if new_id is None or not isinstance(entry, dict):
        return entry
    return {**entry, "id": new_id} if "id" in entry else {"id": new_id, **entry}
