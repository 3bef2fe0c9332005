"""The unit of systemd's user manager: systemd.unit(5), systemd.service(5), systemd.exec(5).

Of what systemd could keep from the proxy, only that is used which a user's manager can do
without further rights, on any kernel.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from addon.cli.service.service import MARK, NAME, TITLE, Service
from addon.cli.surroundings import Surroundings

UNIT: Final = f"{NAME}.service"

_SIMPLE: Final = re.compile(r"[\w%@+=:,./-]+", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

_UNFIT: Final = re.compile(r"""["'\\\x00-\x1f\x7f]""")
"""What systemd takes in no program's path; elsewhere it may be."""

_TEMPLATE: Final = """\
# {mark}

[Unit]
Description={title}
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
ExecStart={command}
{environment}
Restart=on-failure
RestartSec=5
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""


def unit_path(around: Surroundings) -> Path:
    """Where the user manager looks for it."""
    config = Path(around.env.get("XDG_CONFIG_HOME") or around.home / ".config")
    return config / "systemd" / "user" / UNIT


def unit(service: Service) -> str:
    """The unit that runs ``service``."""
    program, *arguments = service.command
    if _UNFIT.search(program):
        program, arguments = "/usr/bin/env", [*service.command]
    return _TEMPLATE.format(
        mark=MARK,
        title=TITLE,
        command=" ".join((_word(program), *(_word(each).replace("$", "$$") for each in arguments))),
        environment="\n".join(
            f"Environment={_word(f'{name}={value}')}" for name, value in service.environment.items()
        ),
    )


def _word(text: str) -> str:
    """``text`` as one word: quoted where it must be, and without what systemd would replace."""
    text = text.replace("%", "%%")
    if _SIMPLE.fullmatch(text):
        return text
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text) + '"'
