"""Accounts put in: a key of the person's own, or what another file holds.

A key is asked for without showing it, or comes on standard input; what is wrong with it
is told without repeating it.
"""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic_core import from_json

from addon.accounts.account import BadBaseUrl, check_base_url, is_sendable
from addon.accounts.document import BadDocument, Document, parse
from addon.accounts.editing import Kept, NewKey, with_key
from addon.accounts.importing import Fate, Imported, with_imported, with_imported_sign_in
from addon.accounts.naming import BadName, called
from addon.accounts.plugin import opencode_configs_beside, plugin_conflict
from addon.accounts.presets import PRESETS, preset_at
from addon.accounts.qwen_code import LABEL, BadQwenCodeFile, qwen_code_path, read_qwen_code
from addon.cli.accounts.file import AccountsFile
from addon.cli.accounts.listing import base_url_of
from addon.cli.failure import CommandFailed
from addon.cli.surroundings import Surroundings

_NO_KEY: Final = "no key was given: nothing was changed"
_NOT_A_KEY: Final = "a key is ASCII in one piece, and this is not: nothing was changed"

# Where and what


def chosen_base_url(around: Surroundings) -> str:
    """Where the key is for, as the person answers. Raises CommandFailed."""
    width = max(map(len, PRESETS))
    for number, preset in enumerate(PRESETS.values(), start=1):
        around.say(f"  {number}  {preset.name.ljust(width)}  {preset.base_url}")
    answer = around.answer("Which service is the key for? A number, or a base URL: ")
    if answer.isdecimal() and 1 <= int(answer) <= len(PRESETS):
        return [*PRESETS.values()][int(answer) - 1].base_url
    if answer in PRESETS:
        return PRESETS[answer].base_url
    try:
        return check_base_url(answer)
    except BadBaseUrl as why:
        raise CommandFailed(f"the base URL {why}") from None


def kept_base_url(around: Surroundings, label: str) -> str | None:
    """What the key of the account ``label`` is for, if there is one. Raises CommandFailed."""
    try:
        account = called(AccountsFile(around).accounts(), label)
        return base_url_of(account, around.settings()) if account is not None else None
    except (BadName, BadBaseUrl) as why:
        raise CommandFailed(f"{label}: {why}") from None


def given_key(around: Surroundings) -> str:
    """The key: asked for where somebody is there, else read from stdin. Raises CommandFailed."""
    try:
        if around.is_attended:
            with around.asking():
                return sound_key(getpass.getpass("Key (it is not shown): "))
        return sound_key(around.stdin.readline())
    except EOFError:
        raise CommandFailed(_NO_KEY) from None
    except UnicodeDecodeError:
        raise CommandFailed(_NOT_A_KEY) from None


def sound_key(text: str) -> str:
    """The key in ``text``. Raises CommandFailed."""
    key = text.strip()
    if not key:
        raise CommandFailed(_NO_KEY)
    if not is_sendable(key):
        raise CommandFailed(_NOT_A_KEY)
    return key


# Adding


def usual_label(base_url: str) -> str:
    """What an account for ``base_url`` is called where nobody says."""
    preset = preset_at(base_url)
    return preset.name if preset else urlsplit(base_url).netloc


def add_key(around: Surroundings, new: NewKey) -> None:
    """Keep ``new``, and say what was done. Raises CommandFailed."""
    file = AccountsFile(around)

    def change(found: Document) -> tuple[Document, Kept]:
        kept = with_key(found, new, now_ms=around.now_ms)
        return kept.document, kept

    kept = file.change(change)
    name = kept.account.name
    print(f"{name} {_done(kept)}, for {new.base_url}", file=around.stdout)
    preset = preset_at(new.base_url)
    if preset and not preset.takes(new.credential.api_key):
        around.say(f"Is this a key for {preset.title}? Those of the Coding Plan begin with sk-sp-.")
    _warn_of_plugin(around, file)
    around.say(f"See whether it works: qwen-proxy accounts check {shlex.quote(name)}")


def _done(kept: Kept) -> str:
    if kept.before is None:
        return "is added"
    same = kept.before.credential == kept.account.credential
    return "is there already, and is up to date" if same else "has the new key"


def _warn_of_plugin(around: Surroundings, file: AccountsFile) -> None:
    conflict = plugin_conflict(file.accounts(), opencode_configs_beside(file.path))
    if conflict is not None:
        around.say(conflict)


# Importing


def import_file(around: Surroundings, path: Path | None, *, label: str | None) -> None:
    """Take over what ``path`` holds, by default Qwen Code's sign-in, and say what was done.

    Raises CommandFailed.
    """
    path = path or qwen_code_path(around.env, around.home)
    file = AccountsFile(around)
    data = _read(path)
    try:
        held = from_json(data)
    except ValueError:
        raise CommandFailed(f"{path} is not JSON: nothing was imported") from None
    if isinstance(held, dict) and "accounts" in held:
        if label is not None:
            raise CommandFailed("--label is for a single sign-in: accounts keep their own labels")
        _told(around, _import_accounts(file, path, data))
        return
    try:
        credential = read_qwen_code(held if isinstance(held, dict) else {})
    except BadQwenCodeFile as why:
        raise CommandFailed(f"{path} {why}, and is no accounts file either") from None
    imported = file.change(
        lambda found: with_imported_sign_in(
            found, credential, label=label or LABEL, now_ms=around.now_ms
        )
    )
    _told(around, (imported,))
    around.say(
        "Qwen Code renews the same sign-in: once one of the two has, the other may have to sign in "
        "again. To go on with both, give this one its own: "
        f"qwen-proxy login --label {shlex.quote(imported.account.name)}"
    )


def _import_accounts(file: AccountsFile, path: Path, data: bytes) -> Sequence[Imported]:
    try:
        other = parse(data)
    except BadDocument as why:
        raise CommandFailed(why.told_of(str(path))) from None
    if not other.accounts:
        faults = "; ".join(map(str, other.faults))
        raise CommandFailed(f"{path} holds no account that can be used{faults and ': '}{faults}")
    return file.change(lambda found: with_imported(found, other))


def _told(around: Surroundings, imported: Sequence[Imported]) -> None:
    for each in imported:
        print(f"{each.account.name}: {each.fate}", file=around.stdout)
    if any(each.fate is Fate.OTHER_KEY for each in imported):
        around.say("To take the other key: remove the account here, then import again.")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CommandFailed(f"there is no {path}: name the file to import") from None
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}") from None
