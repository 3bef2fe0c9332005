"""Commands run inside the test's process, by somebody with a home of their own: fast.

What only a process or a terminal can show is tested with ``command`` and ``terminal``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from typer.testing import CliRunner

from addon.cli.app import app
from addon.cli.failure import CommandFailed
from tests.support.accounts import write_accounts

_LEFT_OUT: Final = (
    "APPDATA",
    "BROWSER",
    "CODEX_HOME",
    "DISPLAY",
    "OPENCODE_CONFIG",
    "QWEN_ACCOUNTS_FILE",
    "QWEN_API_BASE_URL",
    "QWEN_HOME",
    "WAYLAND_DISPLAY",
    "XDG_CONFIG_HOME",
)
"""What of the real environment would be seen."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command left."""

    status: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.stdout)


@dataclass(frozen=True, slots=True)
class Home:
    """A home, and whoever lives there."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def accounts_file(self) -> Path:
        """Where the accounts are."""
        return self.folder / ".config" / "opencode" / "qwen-auth-accounts.json"

    def keeps(self, *accounts: Mapping[str, object]) -> None:
        """Write the accounts file."""
        write_accounts(self.accounts_file, accounts)
        self.accounts_file.chmod(0o600)

    def kept(self) -> list[dict[str, Any]]:
        """What the accounts file holds."""
        accounts = json.loads(self.accounts_file.read_text(encoding="utf-8"))["accounts"]
        assert isinstance(accounts, list)
        return accounts

    def run(self, *arguments: str, typed: str | bytes = "") -> Printed:
        """``qwen-proxy`` with these arguments; ``typed`` comes on standard input."""
        env: dict[str, str | None] = dict.fromkeys(_LEFT_OUT)
        env |= {"HOME": str(self.folder), **self.env}
        result = CliRunner().invoke(app, arguments, input=typed, env=env, prog_name="qwen-proxy")
        status, stderr = result.exit_code, result.stderr
        if isinstance(result.exception, CommandFailed):  # see addon.cli.app.main
            status = result.exception.status
            stderr += f"qwen-proxy: {result.exception}\n"
        elif result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Printed(status, result.stdout, stderr)


def secrets_shown(printed: Printed, secrets: Sequence[str]) -> list[str]:
    """Those of ``secrets`` that were printed."""
    return [each for each in secrets if each in printed.stdout or each in printed.stderr]


def failed(printed: Printed) -> str:
    """The sentence with which a command gave up."""
    assert printed.status == 1
    assert printed.stdout == ""
    (line,) = printed.stderr.splitlines()
    assert line.startswith("qwen-proxy: ")
    return line.removeprefix("qwen-proxy: ")
