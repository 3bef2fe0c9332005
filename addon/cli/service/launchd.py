"""The agent of macOS: launchd.plist(5)."""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Final

from addon.cli.service.service import MARK, Service
from addon.cli.surroundings import Surroundings

LABEL: Final = "opencode-qwen-proxy"


def agent_path(around: Surroundings) -> Path:
    """Where launchd looks for it."""
    return around.home / "Library" / "LaunchAgents" / f"{LABEL}.plist"


def agent(service: Service, home: Path) -> str:
    """The agent that runs ``service`` for whoever lives in ``home``."""
    log = str(home / "Library" / "Logs" / "qwen-proxy.log")
    written = plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": [*service.command],
            "EnvironmentVariables": {**service.environment},
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ProcessType": "Interactive",
            "Umask": 0o077,
            "StandardOutPath": log,
            "StandardErrorPath": log,
        },
        sort_keys=False,
    ).decode()
    head, tag, body = written.partition("<plist ")
    return f"{head}<!-- {MARK} -->\n{tag}{body}"
