"""``scripts/picture``: plays the README's scenes against the sandbox, and draws what was seen."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from addon.sandbox.server import running_sandbox
from tests.cli.command import Command
from tests.cli.terminal import on_terminal
from tests.pictures.terminal import drawn
from tests.support.opencode import SWITCHES, opencode_binary
from tests.support.proxy import free_ports

PICTURE: Final = Path(__file__).resolve().parents[2] / "scripts" / "terminal.svg"

_COLUMNS: Final = 96
_LABELS: Final = ("work", "home", "spare")
_EXEC: Final = (
    *("exec", "--", "opencode", "run", "-m", "qwen/qwen3-coder-plus"),
    "create a file hello.txt with Hello from Qwen",
)


def main() -> None:
    """Draw the picture where it belongs, or where the command line says."""
    parser = argparse.ArgumentParser(
        prog="scripts/picture",
        description="Records the README's picture of a terminal: the real OpenCode and the real "
        "proxy, on accounts of the sandbox.",
        epilog="Example: scripts/picture --out /tmp/terminal.svg",
    )
    parser.add_argument("--out", type=Path, default=PICTURE, metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="picture-") as folder, stage(Path(folder)) as command:
        (port, *_) = free_ports(1)
        with command.started("run", "--port", str(port), until="reverse proxy to"):
            scenes = [
                (
                    'qwen-proxy exec -- opencode run "create a file hello.txt …"',
                    seen(command, *_EXEC),
                ),
                ("qwen-proxy status", seen(command, "status")),
            ]
    picture = drawn(scenes, columns=_COLUMNS, title="qwen-proxy")
    arguments.out.write_text(picture, encoding="utf-8")


@contextmanager
def stage(folder: Path) -> Iterator[Command]:
    """A home with three accounts of a sandbox, which lets each of them ask twice a minute."""
    with running_sandbox(port=0, accounts=len(_LABELS), requests_per_minute=2) as sandbox:
        document = sandbox.accounts_document()
        for account, label in zip(document["accounts"], _LABELS, strict=True):
            account["label"] = label
        document["accounts"][0]["priority"] = -1  # so that its limit is met, and the next serves
        accounts = folder / "accounts" / "qwen-auth-accounts.json"
        accounts.parent.mkdir(mode=0o700)
        accounts.touch(mode=0o600)
        accounts.write_text(json.dumps(document), encoding="utf-8")
        programs = folder / "bin"
        programs.mkdir()
        (programs / "opencode").symlink_to(opencode_binary())
        env = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "QWEN_ACCOUNTS_FILE": str(accounts),
            "QWEN_OAUTH_BASE_URL": sandbox.oauth_base_url,
            **dict.fromkeys(SWITCHES, "1"),
        }
        yield Command(folder, env)


def seen(command: Command, *arguments: str) -> str:
    """What a person sees of it."""
    with on_terminal(command, *arguments, columns=_COLUMNS) as terminal:
        terminal.end()
        return terminal.raw


if __name__ == "__main__":
    main()
