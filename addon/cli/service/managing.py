"""Writing the service's file and removing it, and telling the system that it is there, or gone.

Only a file of our own is replaced or removed. Where the system's manager does not answer (in a
container, by SSH without a session) the file is written all the same, and what is left to do
is said.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from addon.cli.failure import CommandFailed
from addon.cli.listeners import Listeners
from addon.cli.service.launchd import LABEL, agent, agent_path
from addon.cli.service.service import MARK, Service, service_of
from addon.cli.service.systemd import UNIT, unit, unit_path
from addon.cli.surroundings import Surroundings

_YES: Final = ("y", "yes")

Commands = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Manager:
    """What starts services on a system, as far as it must be told of ours."""

    program: str
    path: Path
    """Where the service's file is."""
    on: Commands
    """What starts the service, now and from now on, once its file is written."""
    off: Commands
    """What stops it, before its file is removed."""
    after: Commands
    """What is said once it is removed."""
    log: str
    """The command that shows the log."""
    leftovers: Sequence[Path] = ()
    """What is left of it where nobody answers to ``off``."""


def manager_of(around: Surroundings) -> Manager:
    """The one of this system. Raises CommandFailed."""
    if around.platform == "darwin":
        return _launchd(around)
    if around.platform == "win32":
        command = subprocess.list2cmdline(service_of(around, 8080).command)
        raise CommandFailed(
            "there is no service to install on Windows: have the Task Scheduler start the proxy "
            f"at logon, with {command}"
        )
    return _systemd(around)


def _systemd(around: Surroundings) -> Manager:
    path = unit_path(around)
    systemctl = ("systemctl", "--user")
    return Manager(
        program="systemctl",
        path=path,
        on=[
            [*systemctl, *each] for each in (["daemon-reload"], ["enable", UNIT], ["restart", UNIT])
        ],
        off=[[*systemctl, "disable", "--now", UNIT]],
        after=[[*systemctl, "daemon-reload"]],
        log=f"journalctl --user -u {UNIT} -f",
        leftovers=[path.parent / "default.target.wants" / UNIT],
    )


def _launchd(around: Surroundings) -> Manager:
    domain = f"gui/{os.getuid()}" if sys.platform != "win32" else ""
    path = agent_path(around)
    return Manager(
        program="launchctl",
        path=path,
        on=[["launchctl", "bootstrap", domain, str(path)]],
        off=[["launchctl", "bootout", f"{domain}/{LABEL}"]],
        after=[],
        log="tail -f ~/Library/Logs/qwen-proxy.log",
    )


def print_only(around: Surroundings, port: int) -> None:
    """Print the file that would be written. Raises CommandFailed."""
    manager_of(around)
    print(_written(around, service_of(around, port)), end="", file=around.stdout)


def install(around: Surroundings, port: int, *, asks: bool) -> None:
    """Write the service's file, and have it started. Raises CommandFailed."""
    around.settings()
    manager = manager_of(around)
    if shutil.which(manager.program, path=around.env.get("PATH")) is None:
        raise CommandFailed(
            f"there is no {manager.program} here, so nothing could start the proxy at login: have "
            f"it started by what starts your programs, with qwen-proxy run --port {port}"
        )
    before = _before(manager.path)
    if before is None:
        Listeners(port).check_free()
    text = _written(around, service_of(around, port))
    around.say(f"{manager.path} is to be:\n\n{text}")
    _agree(around, "Write it, and start the proxy?", asks=asks)
    if before is not None and manager.program == "launchctl":
        _tell(around, manager.off)  # it takes no other version of what it has
    _write(manager.path, text)
    print(f"{manager.path} is written.", file=around.stdout)
    failed = _tell(around, manager.on)
    if failed is None:
        listeners = Listeners(port)
        print(f"The proxy starts now, and at each login: {listeners.base_url}", file=around.stdout)
        around.say(f"Its log: {manager.log}")
    else:
        around.say(failed)
        around.say(_to_do("start it", manager.on))


def uninstall(around: Surroundings, *, asks: bool) -> None:
    """Have the service stopped, and remove its file. Raises CommandFailed."""
    manager = manager_of(around)
    if _before(manager.path) is None:
        raise CommandFailed(f"there is no {manager.path}: nothing was removed")
    _agree(around, f"Stop the proxy, and remove {manager.path}?", asks=asks)
    failed = _tell(around, manager.off)
    for path in (*manager.leftovers, manager.path):
        _remove(path)
    print(f"{manager.path} is removed.", file=around.stdout)
    if failed is None:
        _tell(around, manager.after)
    else:
        around.say(failed)
        around.say("If the proxy runs, it does so until you log out.")


def _written(around: Surroundings, service: Service) -> str:
    text = agent(service, around.home) if around.platform == "darwin" else unit(service)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CommandFailed("a path in it is not UTF-8, which no service can be told") from None
    return text


def _before(path: Path) -> str | None:
    """What is there already, if it is ours. Raises CommandFailed if it is somebody else's."""
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}") from None
    if MARK not in text:
        raise CommandFailed(f"{path} is not of our making, and stays as it is")
    return text


def _agree(around: Surroundings, question: str, *, asks: bool) -> None:
    if not asks:
        return
    if not around.is_attended:
        raise CommandFailed("nobody can be asked, and nothing was changed: --yes does it")
    if around.answer(f"{question} [y/N] ").lower() not in _YES:
        raise CommandFailed("nothing was changed")


def _tell(around: Surroundings, commands: Commands) -> str | None:
    """Run ``commands``; what the first that failed says of it."""
    for command in commands:
        try:
            ran = subprocess.run(  # noqa: S603 - the system's own
                command,
                env={**around.env},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            return f"{command[0]}: {error.strerror}"
        if ran.returncode != 0:
            said = ran.stderr.strip() or f"it ended with {ran.returncode}"
            return f"{shlex.join(command)}: {said}"
    return None


def _to_do(what: str, commands: Commands) -> str:
    return "\n".join(
        (f"To {what}, once you are logged in:", *(f"  {shlex.join(c)}" for c in commands))
    )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror}") from None


def _remove(path: Path) -> None:
    """Remove it, and folders that are empty then: ``install`` may have made them."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be removed: {error.strerror}") from None
    with contextlib.suppress(OSError):
        path.parent.rmdir()
