"""``qwen-proxy accounts``, as typer reads it: options in, the work is done next door.

Nothing heavy is imported before a command runs: ``--help`` is to be quick.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from addon.accounts.account import BadBaseUrl, check_base_url
from addon.accounts.presets import PRESETS
from addon.cli.accounts.completion import account_names, preset_names
from addon.cli.failure import CommandFailed, failures_told
from addon.cli.surroundings import Surroundings

accounts = typer.Typer(
    name="accounts",
    help="List, add, check and change accounts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="ACCOUNT",
        help="Its label, its id, or its number in the list.",
        autocompletion=account_names,
    ),
]
Names = Annotated[
    list[str],
    typer.Argument(
        metavar="ACCOUNT",
        help="Label, id, or number in the list, of each.",
        autocompletion=account_names,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document, for programs.")]


@accounts.command("list", epilog="Example: qwen-proxy accounts list --json")
def list_accounts(*, as_json: AsJson = False) -> None:
    """List the accounts, their credentials masked."""
    from addon.cli.accounts.file import HOW_TO_ADD, AccountsFile  # noqa: PLC0415
    from addon.cli.accounts.listing import accounts_json, accounts_table  # noqa: PLC0415

    around = Surroundings()
    with failures_told(around.stdout, as_json=as_json):
        settings, file = around.settings(), AccountsFile(around)
        found = file.snapshot()
    left_out, warnings = [*map(str, found.faults)], list(found.warnings)
    if as_json:
        listed = accounts_json(found.accounts, settings, around.now_ms)
        told = {"path": str(file.path), "accounts": listed}
        told |= {"left_out": left_out, "warnings": warnings}
        print(json.dumps(told, indent=2), file=around.stdout)
        return
    for line in (*left_out, *warnings):
        around.say(line)
    if found.accounts:
        accounts_table(found.accounts, settings, around.now_ms).print(around.stdout)
    else:
        around.say(f"There is no account in {file.path}: {HOW_TO_ADD}.")


def _known_preset(name: str | None) -> str | None:
    if name is not None and name not in PRESETS:
        raise typer.BadParameter(f"there is no preset {name}; there are {', '.join(PRESETS)}")
    return name


def _sound_base_url(url: str | None) -> str | None:
    try:
        return check_base_url(url) if url is not None else None
    except BadBaseUrl as why:
        raise typer.BadParameter(str(why)) from None


@accounts.command(
    epilog="Example: qwen-proxy accounts add --preset coding-plan --label work < key.txt"
)
def add(
    *,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            callback=_known_preset,
            autocompletion=preset_names,
            help=f"The service, by name: {', '.join(PRESETS)}.",
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", callback=_sound_base_url, help="The service, by its base URL."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Better left out, since others on this machine may see it: the key is then "
            "asked for, or read from standard input.",
        ),
    ] = None,
    label: Annotated[str | None, typer.Option(metavar="LABEL", help="What to call it.")] = None,
    priority: Annotated[
        int | None, typer.Option(metavar="N", help="Lower is preferred; usually 0.")
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Put the key in the place of the one of --label, for the same service if none "
            "is named.",
        ),
    ] = False,
) -> None:
    """Add a key, or bring one up to date.

    The same key for the same service is never there twice.
    """
    from addon.accounts.account import ApiKeyCredential  # noqa: PLC0415
    from addon.accounts.editing import NewKey  # noqa: PLC0415
    from addon.cli.accounts import adding  # noqa: PLC0415

    around = Surroundings()
    if preset is not None and base_url is not None:
        raise typer.BadParameter("--preset and --base-url both say where: give one")
    url = base_url if preset is None else PRESETS[preset].base_url
    if url is None and replace and label is not None:
        url = adding.kept_base_url(around, label)
    if url is None and not around.is_attended:
        raise typer.BadParameter("--preset NAME or --base-url URL must say where the key is for")
    url = url or adding.chosen_base_url(around)
    if key is not None and key != "-":
        around.say("A key on the command line can be seen by others on this machine.")
    given = adding.given_key(around) if key in (None, "-") else adding.sound_key(key)
    new = NewKey(
        credential=ApiKeyCredential(given),
        base_url=url,
        usual_label=adding.usual_label(url),
        label=label,
        priority=priority,
        replaces=replace,
    )
    adding.add_key(around, new)


@accounts.command("import", epilog="Example: qwen-proxy accounts import ~/.qwen/oauth_creds.json")
def import_accounts(
    *,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="Another accounts file, or Qwen Code's sign-in (the default)."
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="What to call Qwen Code's sign-in; usually qwen-code."),
    ] = None,
) -> None:
    """Take over accounts from another file.

    Those that are new, and sign-ins that are fresher than the ones here.
    """
    from addon.cli.accounts.adding import import_file  # noqa: PLC0415

    import_file(Surroundings(), path, label=label)


@accounts.command(epilog="Example: qwen-proxy accounts remove work --yes")
def remove(
    *,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove an account.

    It is taken out of the file; its provider hears nothing of that.
    """
    from addon.accounts.editing import without_account  # noqa: PLC0415
    from addon.cli.accounts.file import AccountsFile  # noqa: PLC0415
    from addon.cli.accounts.listing import kind_and_place  # noqa: PLC0415

    around = Surroundings()
    file = AccountsFile(around)
    account = file.named(name)
    if not yes:
        if not around.is_attended:
            raise CommandFailed(f"nobody can be asked: --yes removes {account.name}")
        what = f"{account.name} ({kind_and_place(account, around.settings())})"
        if around.answer(f"Remove {what}? [y/N] ").lower() not in ("y", "yes"):
            raise CommandFailed("nothing was removed")
    file.change_account(account.id, without_account)
    print(f"{account.name} is removed from {file.path}")


@accounts.command(epilog="Example: qwen-proxy accounts enable work home")
def enable(*, names: Names) -> None:
    """Let accounts be used again."""
    _set_enabled(names, enabled=True)


@accounts.command(epilog="Example: qwen-proxy accounts disable 2")
def disable(*, names: Names) -> None:
    """Leave accounts out, but keep them."""
    _set_enabled(names, enabled=False)


@accounts.command(epilog="Example: qwen-proxy accounts rename 2 home")
def rename(
    *,
    name: Name,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="What to call it from now on.")],
) -> None:
    """Call an account something else."""
    from addon.accounts.editing import renamed  # noqa: PLC0415
    from addon.cli.accounts.file import AccountsFile  # noqa: PLC0415

    before = AccountsFile(Surroundings()).change_account(
        name, lambda found, account: renamed(found, account, label)
    )
    print(f"{before.name} is called {label} now")


@accounts.command(
    epilog="Example: qwen-proxy accounts priority work 1",
    context_settings={"ignore_unknown_options": True},
)
def priority(
    *,
    name: Name,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Lower is preferred.")],
) -> None:
    """Say how much an account is preferred.

    Those with a higher number serve only while none with a lower one can.
    """
    from dataclasses import replace  # noqa: PLC0415

    from addon.accounts.document import with_account  # noqa: PLC0415
    from addon.cli.accounts.file import AccountsFile  # noqa: PLC0415

    before = AccountsFile(Surroundings()).change_account(
        name, lambda found, account: with_account(found, replace(account, priority=number))
    )
    print(f"{before.name} has priority {number} now")


@accounts.command(epilog="Example: qwen-proxy accounts check work home")
def check(
    *,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ACCOUNT",
            help="Only these; usually all that are enabled.",
            autocompletion=account_names,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """See whether each credential works.

    One cheap request each. Exit status 1: not all of them do.
    """
    from addon.cli.accounts.check import check_accounts  # noqa: PLC0415

    around = Surroundings()
    with failures_told(around.stdout, as_json=as_json):
        works = check_accounts(around, names or (), as_json=as_json)
    if not works:
        raise typer.Exit(1)


def _set_enabled(names: list[str], *, enabled: bool) -> None:
    from addon.accounts.editing import with_enabled  # noqa: PLC0415
    from addon.cli.accounts.file import AccountsFile  # noqa: PLC0415

    changed = AccountsFile(Surroundings()).change(
        lambda found: with_enabled(found, names, enabled=enabled)
    )
    for account in changed:
        print(f"{account.name} is {'enabled' if enabled else 'disabled'}")
