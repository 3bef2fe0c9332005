"""``qwen-proxy run``: mitmproxy with this addon, ready for clients.

It decides how mitmproxy is called and then is mitmproxy: what becomes of a
request is no affair of this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

import addon
from addon.cli.failure import CommandFailed
from addon.cli.listeners import DEFAULT_PORT, LAST_PORT, Listeners, check_free
from addon.cli.mitmproxy_program import given_options, run_program
from addon.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from addon.settings import Settings

SCRIPT: Final = Path(addon.__file__).with_name("main.py")
"""What mitmproxy loads."""

_SILENT: Final = {"-q", "--quiet", "-h", "--version", "--options", "--commands"}
"""With these mitmproxy says nothing, or has something else to say than a proxy that starts."""


def run(
    context: typer.Context,
    *,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=LAST_PORT,
            metavar="N",
            help=f"HTTP(S) proxy on N, base URL on N+1; {DEFAULT_PORT} if not given.",
        ),
    ] = None,
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="Use a simulated Qwen: needs no account and no network."),
    ] = False,
    web: Annotated[
        bool, typer.Option("--web", help="mitmweb in place of mitmdump, its page on N+2.")
    ] = False,
) -> None:
    """Start the proxy.

    It listens on this machine alone, as HTTP(S) proxy and as base URL at once.
    Any other argument is mitmproxy's and reaches it unchanged; with a --mode of
    your own, that is all that is opened.
    """
    from addon.cli.sandbox import started_sandbox, things_to_try  # noqa: PLC0415 - not for --help

    given = given_options(context.args)
    settings = _settings(given)
    listeners = None if "mode" in given else _listeners(port or DEFAULT_PORT, given)
    arguments = ["-s", str(SCRIPT)]
    base_url = settings.base_url
    with ExitStack() as until_the_end:
        if sandbox:
            simulated = until_the_end.enter_context(started_sandbox(settings.client_id))
            arguments += simulated.arguments()
            base_url = simulated.base_url
        if web and "web_port" not in given:
            web_port = (port or DEFAULT_PORT) + 2
            check_free(web_port)
            arguments += ["--web-port", str(web_port)]
        if listeners:
            arguments += listeners.arguments(base_url)
            if _SILENT.isdisjoint(context.args):
                print(listeners.directions(given.get("confdir")), flush=True)
                if sandbox:
                    print(things_to_try(listeners.base_url), flush=True)
        elif port:
            arguments += ["--listen-port", str(port)]
        run_program("mitmweb" if web else "mitmdump", [*arguments, *context.args])


def _settings(given: Mapping[str, str]) -> Settings:
    """What the proxy will find too, as far as it matters here; a fault is told before the start."""
    from addon.settings import SettingsError, settings_from_options  # noqa: PLC0415

    option = "qwen_base_url"
    chosen = {option: given[option]} if option in given else {}
    try:
        return settings_from_options(Surroundings().settings(), chosen)
    except SettingsError as error:
        raise CommandFailed(str(error)) from error


def _listeners(port: int, given: Mapping[str, str]) -> Listeners:
    """The two listeners, or CommandFailed where they would not be what the user asked for."""
    if "listen_port" in given:
        raise CommandFailed("mitmproxy's --listen-port moves none of the two listeners: use --port")
    if "listen_host" in given:
        raise CommandFailed(
            "the two listeners are on loopback: open one elsewhere with a --mode of your own, "
            f"such as --mode regular@{given['listen_host']}:{port}"
        )
    listeners = Listeners(port)
    listeners.check_free()
    return listeners
