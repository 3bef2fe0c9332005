"""``scripts/picture``: plays the README's scenes, and draws what was seen."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from addon.sandbox.server import running_sandbox
from tests.cli.command import Command
from tests.cli.terminal import on_terminal
from tests.pictures.terminal import drawn
from tests.support.opencode import SWITCHES, opencode_binary
from tests.support.proxy import free_ports

_SCRIPTS: Final = Path(__file__).resolve().parents[2] / "scripts"
PICTURE: Final = _SCRIPTS / "terminal.svg"

_COLUMNS: Final = 96
_LABELS: Final = ("work", "home", "spare")
_EXEC: Final = (
    *("exec", "--", "opencode", "run", "-m", "qwen/qwen3-coder-plus"),
    "create a file hello.txt with Hello from Qwen",
)


def main() -> None:
    """Draw the pictures where they belong, or where the command line says."""
    parser = argparse.ArgumentParser(
        prog="scripts/picture",
        description="Makes the README's pictures: a terminal with the real OpenCode and the real "
        "proxy on accounts of the sandbox (terminal.svg), and the live page in a real browser "
        "after an hour of work, which takes a minute (page-light.png, page-dark.png).",
        epilog="Example: scripts/picture page --out /tmp",
    )
    parser.add_argument("which", nargs="*", choices=[*_DRAWN], help="default: all")
    parser.add_argument("--out", type=Path, default=_SCRIPTS, metavar="FOLDER")
    arguments = parser.parse_args()
    for which in arguments.which or _DRAWN:
        with tempfile.TemporaryDirectory(prefix="picture-") as folder:
            _DRAWN[which](Path(folder), arguments.out)


def draw_terminal(folder: Path, out: Path) -> None:
    """A program on Qwen, and how the accounts do."""
    with stage(folder) as command:
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
    (out / PICTURE.name).write_text(picture, encoding="utf-8")


def draw_page(folder: Path, out: Path) -> None:
    """The live page."""
    from tests.pictures.page import SCHEMES, page_pictures  # noqa: PLC0415 - needs a browser

    page_pictures(folder, {scheme: out / f"page-{scheme}.png" for scheme in SCHEMES})


_DRAWN: Final[dict[str, Callable[[Path, Path], None]]] = {
    "terminal": draw_terminal,
    "page": draw_page,
}


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
