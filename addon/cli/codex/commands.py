"""``qwen-proxy codex install`` and ``uninstall``, as typer reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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

codex = typer.Typer(
    name="codex",
    help="Put this proxy into Codex's config, and take it out again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@codex.command(epilog="Example: qwen-proxy codex install --yes, then: codex --profile qwen")
def install(
    *,
    mode: ModeOption = Mode.REVERSE,
    port: PortOption = DEFAULT_PORT,
    default: Annotated[
        bool | None,
        typer.Option(
            "--default/--no-default",
            help="Whether plain codex is to use it too; usually only where nothing else was "
            "chosen: no model, no provider, no sign-in.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also in the place of others of these names, or over changes of yours."
        ),
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put the provider qwen into config.toml, and a profile qwen beside it.

    What is to change is shown first; all else stays as it is. Run again it brings mode and
    port up to date.
    """
    from addon.cli.codex.set_up import install_plan  # noqa: PLC0415 - not for --help
    from addon.cli.config_files.plan import Wishes, carry_out  # noqa: PLC0415

    around = Surroundings()
    way = chosen_way(around, mode, port)
    plan = install_plan(_home(around), way, default=default, force=force)
    carry_out(around, plan, Wishes(yes=yes, as_json=as_json))


@codex.command(epilog="Example: qwen-proxy codex uninstall --yes")
def uninstall(*, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Take out what install put in, and nothing else.

    Changes of yours inside the provider go with it, into a backup.
    """
    from addon.cli.codex.set_up import uninstall_plan  # noqa: PLC0415
    from addon.cli.config_files.plan import Wishes, carry_out  # noqa: PLC0415

    around = Surroundings()
    carry_out(around, uninstall_plan(_home(around)), Wishes(yes=yes, as_json=as_json))


def _home(around: Surroundings) -> Path:
    from addon.cli.codex.set_up import codex_home  # noqa: PLC0415

    return codex_home(around.env, home=around.home, cwd=around.cwd)
