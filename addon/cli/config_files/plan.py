"""Changes of config files: shown as a diff, agreed to, made, and told of.

Nothing is changed where nobody agrees: a person is asked, a script says ``--yes``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from addon.cli.config_files.file import TextFile, back_up, remove, replace
from addon.cli.config_files.preview import diff, print_diff
from addon.cli.failure import CommandFailed
from addon.cli.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of one file."""

    file: TextFile
    after: str | None
    """None: it goes."""
    backup: str | None = None
    """What ends the name of the backup of what was there, if there is to be one."""
    drops: Path | None = None
    """A backup that nobody needs any more."""

    @property
    def diff(self) -> str:
        """As people see it."""
        before = self.file.text if self.file.exists else None
        return diff(str(self.file.path), before, self.after)

    @property
    def backup_path(self) -> Path | None:
        """Where what was there is kept."""
        return self.file.backup_path(self.backup) if self.backup and self.file.exists else None

    @property
    def action(self) -> str:
        """For programs: ``create``, ``change`` or ``remove``."""
        if self.after is None:
            return "remove"
        return "change" if self.file.exists else "create"

    def make(self) -> None:
        """Raises CommandFailed."""
        if self.backup_path is not None and self.backup is not None:
            back_up(self.file, self.backup)
        if self.after is None:
            remove(self.file)
        else:
            replace(self.file, self.after)
        if self.drops is not None:
            self.drops.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a command is about to do, and what it says."""

    changes: Sequence[Change]
    outcome: str
    """The sentence at the end; without changes it says that there is nothing to do."""
    notes: Sequence[str] = ()
    """What else the person should know, or do next."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """For programs."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a command that changes config files is to go about it."""

    yes: bool = False
    """Nobody need be asked."""
    as_json: bool = False


def carry_out(around: Surroundings, plan: Plan, wishes: Wishes) -> None:
    """Show ``plan``, and make its changes if somebody agrees. Raises CommandFailed."""
    for change in plan.changes:
        change.file.check_writable()
    screen = around.stderr if wishes.as_json else around.stdout
    if not wishes.as_json or (not wishes.yes and around.is_attended):
        for change in plan.changes:
            print_diff(screen, change.diff)
    try:
        if plan.changes and not wishes.yes:
            _ask(around, plan)
        for change in plan.changes:
            change.make()
    except CommandFailed:
        if wishes.as_json:
            _print_json(around, plan, is_changed=False)
        raise
    if wishes.as_json:
        _print_json(around, plan, is_changed=bool(plan.changes))
    else:
        _tell(around, plan)


def _ask(around: Surroundings, plan: Plan) -> None:
    if not around.is_attended:
        raise CommandFailed("nobody can be asked, so nothing was changed: --yes makes this change")
    what = " and ".join(f"{change.action} {change.file.path}" for change in plan.changes)
    if around.answer(f"{what[0].upper()}{what[1:]}? [y/N] ").lower() not in ("y", "yes"):
        raise CommandFailed("nothing was changed")


def _tell(around: Surroundings, plan: Plan) -> None:
    print(plan.outcome, file=around.stdout)
    for change in plan.changes:
        if change.backup_path is not None:
            print(f"What was there is kept in {change.backup_path}", file=around.stdout)
    for note in plan.notes:
        around.say(note)


def _print_json(around: Surroundings, plan: Plan, *, is_changed: bool) -> None:
    document = {
        "changed": is_changed,
        "files": [
            {
                "path": str(change.file.path),
                "action": change.action,
                "backup": str(change.backup_path) if change.backup_path else None,
                "diff": change.diff,
            }
            for change in plan.changes
        ],
        "outcome": plan.outcome if is_changed or not plan.changes else "nothing was changed",
        "notes": list(plan.notes),
        **plan.facts,
    }
    print(json.dumps(document, indent=2), file=around.stdout)
