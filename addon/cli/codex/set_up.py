"""What an install and an uninstall are to do with Codex's files, and what to tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from addon.cli.codex.editing import (
    ID,
    Config,
    NotSeparate,
    new_profile,
    parsed,
    taken_out,
    without_profile,
)
from addon.cli.config_files.file import BEFORE, WITH, TextFile, read
from addon.cli.config_files.plan import Change, Plan
from addon.cli.config_files.toml import TomlFault
from addon.cli.config_files.way import Way
from addon.cli.failure import CommandFailed

_CERTIFICATES = "CODEX_CA_CERTIFICATE"
"""Codex reads it before ``SSL_CERT_FILE``, and what it runs does not."""


@dataclass(frozen=True, slots=True)
class _Found:
    """One of Codex's files."""

    file: TextFile
    config: Config


def codex_home(env: Mapping[str, str], *, home: Path, cwd: Path) -> Path:
    """Where Codex keeps its files, on every system alike."""
    named = env.get("CODEX_HOME")
    return cwd / named if named else home / ".codex"


def install_plan(home: Path, way: Way, *, default: bool | None, force: bool) -> Plan:
    """Put our provider and its profile in, or bring them up to date. Raises CommandFailed.

    ``default``: whether plain ``codex`` is to use it; None: where nothing else was chosen.
    ``force``: also in the place of others of their names, and over what was changed in them.
    """
    main, profile = _read(home / "config.toml"), _read(home / f"{ID}.config.toml")
    has_own_sign_in = (home / "auth.json").exists()
    if default is None:
        is_free = main.config.own_choice is None and not has_own_sign_in
        default = main.config.uses_provider or is_free
    try:
        chosen = _Found(main.file, _with_choice(main, default=default))
        config, backup = _with_provider(chosen, way.base_url, force=force)
    except NotSeparate as why:
        raise CommandFailed(f"{main.file.path}: {why}: nothing was changed") from None
    changes = []
    if config.text != main.file.text or not main.file.exists:
        changes.append(Change(main.file, config.text, backup))
    changes += _profile_installed(profile, force=force)
    client = "codex" if default else f"codex --profile {ID}"
    start = way.start(client, certificates=_CERTIFICATES)
    return Plan(
        changes=changes,
        outcome=_told(main, default=default, is_there=not changes),
        notes=(start,),
        facts={
            "path": str(main.file.path),
            "profile_path": str(profile.file.path),
            "provider": ID,
            "mode": way.mode.value,
            "base_url": way.base_url,
            "default": default,
        },
    )


def _with_provider(found: _Found, base_url: str, *, force: bool) -> tuple[Config, str | None]:
    """The config with our provider, and which backup is to be made."""
    config = found.config
    if not config.is_installed:
        if config.provider is not None and not force:
            raise CommandFailed(
                f"{found.file.path} has a provider {ID} that is not from here (its base_url is "
                f"{config.base_url}): nothing was changed. --force puts this one in its place"
            )
        return config.with_provider(base_url), BEFORE
    if force and not config.is_untouched:
        return config.with_provider(base_url), WITH
    return config if config.base_url == base_url else config.with_base_url(base_url), None


def _with_choice(found: _Found, *, default: bool) -> Config:
    """The config in which plain ``codex`` uses our provider, or does not."""
    config = found.config
    if default == config.uses_provider:
        return config
    if not default:
        return config.without_model()
    if config.own_choice is not None:
        raise CommandFailed(
            f"{found.file.path} sets {config.own_choice} itself: take that out, or start "
            f"codex --profile {ID}, which install sets up without --default"
        )
    return config.with_model()


def _profile_installed(found: _Found, *, force: bool) -> list[Change]:
    if found.config.uses_provider:
        return []
    if found.file.exists and not force:
        raise CommandFailed(
            f"{found.file.path} is a profile that is not from here: nothing was changed. "
            "--force puts this one in its place"
        )
    return [Change(found.file, new_profile(), BEFORE)]


def _told(main: _Found, *, default: bool, is_there: bool) -> str:
    told = f"The provider {ID} is in {main.file.path}{' already' if is_there else ''}"
    if is_there and not main.config.is_untouched:
        told += ", with changes of yours, which stay (--force undoes them)"
    own = main.config.own_choice
    if not default and own is not None:
        told += f"; your own {own} is as it was"
    return told


def uninstall_plan(home: Path) -> Plan:
    """Take our provider and its profile out. Raises CommandFailed."""
    main, profile = _read(home / "config.toml"), _read(home / f"{ID}.config.toml")
    notes = []
    changes = []
    if main.config.is_installed:
        try:
            changes.append(_uninstalled(main))
        except NotSeparate as why:
            raise CommandFailed(f"{main.file.path}: {why}: take it out by hand") from None
        backup = main.file.backup_path(BEFORE)
        if changes[0].drops is None and backup.exists():
            notes.append(
                f"It was changed since the install: {backup} holds what was there before that"
            )
    elif main.config.provider is not None:
        notes.append(f"The provider {ID} in {main.file.path} is not from here, and stays")
    if profile.config.uses_provider:
        changes.append(_profile_uninstalled(profile))
        if changes[-1].after is not None and changes[-1].drops is None:
            notes.append(f"{profile.file.path} stays: it holds settings that are not from here")
    places = " and ".join(str(change.file.path) for change in changes)
    return Plan(
        changes=changes,
        outcome=f"The provider {ID} is taken out of {places}"
        if changes
        else f"There is no provider {ID} of ours in {main.file.path}",
        notes=notes,
    )


def _uninstalled(found: _Found) -> Change:
    before = found.file.text_before()
    return _change(found, before, taken_out(found.config, before), WITH)


def _profile_uninstalled(found: _Found) -> Change:
    before = found.file.text_before()
    if before is not None and found.file.text == new_profile():
        return _change(found, before, before, None)
    return Change(found.file, without_profile(found.file.text))


def _change(found: _Found, before: str | None, after: str | None, backup: str | None) -> Change:
    is_back = after is not None and after == before
    return Change(
        found.file,
        after,
        backup=None if found.config.is_untouched else backup,
        drops=found.file.backup_path(BEFORE) if is_back else None,
    )


def _read(path: Path) -> _Found:
    file = read(path)
    try:
        return _Found(file, parsed(file.text))
    except TomlFault as fault:
        raise CommandFailed(f"{path}:{fault}: nothing was changed") from None
