"""How a client is to reach the proxy: by base URL, or with the proxy in between.

What the options of the commands that set clients up mean, the same for each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from addon.cli.listeners import DEFAULT_PORT, LAST_PORT, Listeners
from addon.cli.surroundings import Surroundings


class Mode(StrEnum):
    """Which of the proxy's listeners a client uses."""

    REVERSE = "reverse"
    PROXY = "proxy"


ModeOption: TypeAlias = Annotated[
    Mode,
    typer.Option(
        help="reverse: the proxy is the base URL, and nothing else need be set; proxy: the base "
        "URL is the service's own, and the client is started with the proxy as HTTPS_PROXY."
    ),
]
PortOption: TypeAlias = Annotated[
    int,
    typer.Option(
        min=1, max=LAST_PORT, metavar="N", help=f"As for run; {DEFAULT_PORT} if not given."
    ),
]
YesOption: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="One JSON document, for programs.")
]


@dataclass(frozen=True, slots=True)
class Way:
    """The way that was chosen."""

    mode: Mode
    port: int
    base_url: str
    """What the client takes as base URL."""

    def start(self, client: str, *, certificates: str = "NODE_EXTRA_CA_CERTS") -> str:
        """How to start the proxy and then ``client``; ``certificates`` is the variable it reads."""
        run = "qwen-proxy run" + (f" --port {self.port}" if self.port != DEFAULT_PORT else "")
        if self.mode is Mode.PROXY:
            environment = Listeners(self.port).environment(certificates=certificates)
            client = f"{environment} {client}"
        return f"Start the proxy:  {run}\nthen:             {client}"


def chosen_way(around: Surroundings, mode: Mode, port: int) -> Way:
    """The base URL is the listener's, or the one of the settings. Raises CommandFailed."""
    if mode is Mode.REVERSE:
        return Way(mode, port, Listeners(port).base_url)
    return Way(mode, port, around.settings().base_url)
