"""A client that is a program of its own: run without a person, with nothing of the developer's.

It gets the environment that it is given and no other, and standard input ends at once.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NODE_MODULES: Final = Path(__file__).resolve().parents[1] / "e2e" / "node_modules"
"""Where scripts/test installs the clients that come from npm."""

NOWHERE: Final = "http://127.0.0.1:9"
"""As ``HTTPS_PROXY`` of a program that is to find no way out of this machine."""

SAFETY_SECONDS: Final = 90.0
"""How long one run may take before the test is given up: a net, never a pace."""

_STYLING: Final = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run printed, without colours."""

    status: int
    stdout: str
    stderr: str


def run(
    command: Sequence[str], *, cwd: Path, home: Path, env: Mapping[str, str], stdin: str = ""
) -> Run:
    """Run ``command`` to its end in the folder ``cwd``. Raises TimeoutExpired."""
    basis = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "PWD": str(cwd),
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**basis, **env},
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=SAFETY_SECONDS,
        check=False,
    )
    plain = [_STYLING.sub("", text) for text in (done.stdout, done.stderr)]
    return Run(done.returncode, *plain)
