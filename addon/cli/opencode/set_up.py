"""What an install and an uninstall are to do with OpenCode's configs, and what to tell of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from addon.accounts.plugin import lists_plugin, plugin_in_between
from addon.cli.config_files.file import BEFORE, WITH, TextFile, read
from addon.cli.config_files.jsonc import JsoncFault
from addon.cli.config_files.plan import Change, Plan
from addon.cli.config_files.way import Way
from addon.cli.failure import CommandFailed
from addon.cli.opencode.editing import Config, NotAnObject, parsed, taken_out
from addon.cli.opencode.files import Scope
from addon.cli.opencode.provider import ID, MODELS, provider


@dataclass(frozen=True, slots=True)
class _Found:
    """One of OpenCode's configs."""

    file: TextFile
    config: Config

    @property
    def is_changed(self) -> bool:
        """Whether it has our provider, with changes of the person's."""
        return self.config.is_installed and not self.config.is_untouched


def install_plan(scope: Scope, way: Way, *, force: bool) -> Plan:
    """Put our provider in, or bring it up to date. Raises CommandFailed.

    ``force``: also in the place of another of its name, and over what was changed in it.
    """
    found = [_read(path) for path in scope.files]
    other = next(
        (each for each in found if each.config.ours and not each.config.is_installed), None
    )
    if other and not force:
        raise CommandFailed(
            f"{other.file.path} has a provider {ID} that is not from here (its base URL is "
            f"{other.config.base_url}): nothing was changed. --force puts this one in its place"
        )
    there = [each for each in found if each.config.is_installed or each.file.exists]
    there.sort(key=lambda each: not each.config.is_installed)
    target = other or (there[0] if there else _read(scope.new))
    text, backup = _installed(target, way.base_url, force=force)
    is_there = text == target.file.text
    mine = ", with changes of yours, which stay (--force undoes them)"
    path = target.file.path
    return Plan(
        changes=() if is_there else (Change(target.file, text, backup),),
        outcome=f"The provider {ID} is in {path} already{mine if target.is_changed else ''}"
        if is_there
        else f"The provider {ID} is in {path}",
        notes=(*_obstacles(scope, found), way.start(_command())),
        facts=_facts(path, way),
    )


def _installed(target: _Found, base_url: str, *, force: bool) -> tuple[str, str | None]:
    """The text with our provider, and which backup is to be made."""
    config = target.config
    if not config.is_installed:
        return config.with_provider(provider(base_url)), BEFORE
    if force and target.is_changed:
        return config.with_provider(provider(base_url)), WITH
    if config.base_url == base_url:
        return config.text, None
    return config.with_base_url(base_url), None


def uninstall_plan(scope: Scope) -> Plan:
    """Take our provider out of every config of the scope. Raises CommandFailed."""
    found = [_read(path) for path in scope.files]
    ours = [each for each in found if each.config.is_installed]
    changes = [_uninstalled(each) for each in ours]
    places = ", ".join(str(each.file.path) for each in ours)
    others = [each for each in found if each.config.ours and not each.config.is_installed]
    return Plan(
        changes=changes,
        outcome=f"The provider {ID} is taken out of {places}"
        if ours
        else f"There is no provider {ID} of ours in {' or '.join(map(str, scope.files))}",
        notes=(
            *(f"The one in {each.file.path} is not from here, and stays" for each in others),
            *_leftovers(ours, changes),
        ),
    )


def _uninstalled(found: _Found) -> Change:
    before = found.file.text_before()
    text = taken_out(found.config, before)
    backup = found.file.backup_path(BEFORE)
    return Change(
        found.file,
        text,
        backup=WITH if found.is_changed else None,
        drops=backup if text is not None and text == before else None,
    )


# What to tell


def _command() -> str:
    return f'opencode run -m {ID}/{next(iter(MODELS))} "Say hello."'


def _facts(path: Path, way: Way) -> dict[str, object]:
    return {"path": str(path), "provider": ID, "mode": way.mode.value, "base_url": way.base_url}


def _obstacles(scope: Scope, found: Sequence[_Found]) -> Iterator[str]:
    """Why OpenCode might not use the provider all the same."""
    for path, config in _everything(scope, found):
        if lists_plugin(config.values):
            yield plugin_in_between(path)
        enabled, disabled = (
            config.values.get(key) for key in ("enabled_providers", "disabled_providers")
        )
        if isinstance(enabled, list) and ID not in enabled:
            yield f'{path} allows only some providers: add "{ID}" to "enabled_providers" there'
        if isinstance(disabled, list) and ID in disabled:
            yield f'{path} forbids this provider: take "{ID}" out of "disabled_providers" there'


def _everything(scope: Scope, found: Sequence[_Found]) -> Iterator[tuple[Path, Config]]:
    """The configs of the scope, and the user's, which hold everywhere."""
    for each in found:
        yield each.file.path, each.config
    for name in ("config.json", "opencode.json", "opencode.jsonc"):
        path = scope.config_folder / name
        if path not in scope.files:
            try:
                yield path, _read(path).config
            except CommandFailed:
                continue  # OpenCode itself says so better


def _leftovers(ours: Sequence[_Found], changes: Sequence[Change]) -> Iterator[str]:
    """What a person may want to look after once the provider is gone."""
    for each, change in zip(ours, changes, strict=True):
        for key in ("model", "small_model"):
            named = each.config.values.get(key)
            if isinstance(named, str) and named.startswith(f"{ID}/"):
                yield f"{each.file.path} still has {json.dumps({key: named})[1:-1]}: choose another"
        backup = each.file.backup_path(BEFORE)
        if change.drops is None and backup.exists():
            yield f"It was changed since the install: {backup} holds what was there before that"


def _read(path: Path) -> _Found:
    file = read(path)
    try:
        return _Found(file, parsed(file.text))
    except JsoncFault as fault:
        raise CommandFailed(f"{path}:{fault}: nothing was changed") from None
    except NotAnObject as fault:
        raise CommandFailed(f"{path}: {fault}: nothing was changed") from None
