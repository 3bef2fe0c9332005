"""``qwen-proxy opencode install`` and ``uninstall``, as typer reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from addon.cli.config_files.way import (
    JsonOption,
    Mode,
    ModeOption,
    PortOption,
    YesOption,
    chosen_way,
)
from addon.cli.listeners import DEFAULT_PORT
from addon.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from addon.cli.opencode.files import Scope

opencode = typer.Typer(
    name="opencode",
    help="Put this proxy into OpenCode's config, and take it out again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Project = Annotated[
    bool,
    typer.Option(
        "--project",
        help="In the config of the project around this folder, and not in yours for all projects.",
    ),
]


@opencode.command(epilog="Example: qwen-proxy opencode install --project --yes")
def install(
    *,
    project: _Project = False,
    mode: ModeOption = Mode.REVERSE,
    port: PortOption = DEFAULT_PORT,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Also in the place of another provider of this name, or over changes of yours.",
        ),
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put the provider qwen into opencode.json or opencode.jsonc.

    What is to change is shown first; all else in the file stays as it is. Run again it
    brings mode and port up to date.
    """
    from addon.cli.config_files.plan import Wishes, carry_out  # noqa: PLC0415 - not for --help
    from addon.cli.opencode.set_up import install_plan  # noqa: PLC0415

    around = Surroundings()
    plan = install_plan(_scope(around, project), chosen_way(around, mode, port), force=force)
    carry_out(around, plan, Wishes(yes=yes, as_json=as_json))


@opencode.command(epilog="Example: qwen-proxy opencode uninstall --yes")
def uninstall(
    *, project: _Project = False, yes: YesOption = False, as_json: JsonOption = False
) -> None:
    """Take out what install put in, and nothing else.

    Changes of yours inside the provider go with it, into a backup.
    """
    from addon.cli.config_files.plan import Wishes, carry_out  # noqa: PLC0415
    from addon.cli.opencode.set_up import uninstall_plan  # noqa: PLC0415

    around = Surroundings()
    carry_out(around, uninstall_plan(_scope(around, project)), Wishes(yes=yes, as_json=as_json))


def _scope(around: Surroundings, project: bool) -> Scope:
    from addon.cli.opencode.files import project_scope, user_scope  # noqa: PLC0415

    scope = project_scope if project else user_scope
    return scope(around.env, home=around.home, cwd=around.cwd)
