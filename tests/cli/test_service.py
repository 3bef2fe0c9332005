"""``qwen-proxy service``: what is written, what is told to the system, and what stays."""

from __future__ import annotations

import os
import plistlib
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from addon.cli.failure import CommandFailed
from addon.cli.service.managing import install, print_only, uninstall
from addon.cli.service.service import Service, service_of
from addon.cli.service.systemd import unit
from addon.cli.surroundings import Surroundings
from tests.cli.command import ROOT, Command
from tests.cli.invoked import Home, Printed, failed
from tests.cli.terminal import SAFETY_SECONDS, on_terminal

UNIT: Final = Path(".config", "systemd", "user", "qwen-proxy.service")


class System:
    """A home, on a machine where a program of the system notes what it is told."""

    def __init__(self, folder: Path, program: str, *, status: int = 0) -> None:
        self._notes = folder / "told"
        script = folder / "bin" / program
        script.parent.mkdir()
        script.write_text(
            f'#!/bin/sh\necho "$@" >> "{self._notes}"\n'
            f'[ {status} = 0 ] || echo "Failed to connect to bus" >&2\nexit {status}\n'
        )
        script.chmod(0o755)
        self.path = f"{script.parent}{os.pathsep}/usr/bin{os.pathsep}/bin"
        self.home = Home(folder / "home", {"PATH": self.path})

    def told(self) -> list[str]:
        """What it was told since the last question."""
        told = self._notes.read_text("utf-8").splitlines() if self._notes.exists() else []
        self._notes.unlink(missing_ok=True)
        return told


@pytest.fixture
def linux(home: Home) -> System:
    return System(home.folder.parent, "systemctl")


def service(system: System, *arguments: str) -> Printed:
    return system.home.run("service", *arguments)


# systemd


def test_the_service_is_written_and_started(linux: System, port: int) -> None:
    done = service(linux, "install", "--port", str(port), "--yes")
    assert done.status == 0, done.stderr
    text = (linux.home.folder / UNIT).read_text("utf-8")
    assert f"ExecStart={sys.executable} -P -m addon run --port {port} " in text
    assert f"Environment=PYTHONPATH={ROOT}\n" in text
    assert text in done.stderr
    assert linux.told() == [
        "--user daemon-reload",
        "--user enable qwen-proxy.service",
        "--user restart qwen-proxy.service",
    ]
    assert f"http://127.0.0.1:{port + 1}/v1" in done.stdout


def test_what_is_uninstalled_leaves_nothing(linux: System, port: int) -> None:
    config = linux.home.folder / ".config"
    service(linux, "install", "--port", str(port), "--yes")
    linux.told()
    done = service(linux, "uninstall", "--yes")
    assert done.stdout == f"{linux.home.folder / UNIT} is removed.\n"
    assert linux.told() == [
        "--user disable --now qwen-proxy.service",
        "--user daemon-reload",
    ]
    assert not [path for path in config.rglob("*") if path.is_file()]
    assert "nothing was removed" in failed(service(linux, "uninstall", "--yes"))


def test_an_install_over_an_install_changes_the_port(linux: System, port: int) -> None:
    for number in (port, port + 1):
        assert service(linux, "install", "--port", str(number), "--yes").status == 0
    text = (linux.home.folder / UNIT).read_text("utf-8")
    assert f"--port {port + 1} " in text


def test_a_unit_of_somebody_elses_stays_as_it_is(linux: System, port: int) -> None:
    theirs = linux.home.folder / UNIT
    theirs.parent.mkdir(parents=True)
    theirs.write_text("[Service]\nExecStart=/bin/true\n")
    for command in (["install", "--port", str(port)], ["uninstall"]):
        refused = failed(service(linux, *command, "--yes"))
        assert refused == f"{theirs} is not of our making, and stays as it is"
    assert theirs.read_text("utf-8") == "[Service]\nExecStart=/bin/true\n"
    assert linux.told() == []


def test_where_no_manager_answers_the_commands_are_told(home: Home, port: int) -> None:
    system = System(home.folder.parent, "systemctl", status=1)
    done = service(system, "install", "--port", str(port), "--yes")
    assert done.status == 0
    assert (home.folder / UNIT).exists()
    assert "systemctl --user daemon-reload: Failed to connect to bus" in done.stderr
    assert "  systemctl --user enable qwen-proxy.service\n" in done.stderr
    wants = (home.folder / UNIT).parent / "default.target.wants" / UNIT.name
    wants.parent.mkdir()
    wants.symlink_to(home.folder / UNIT)
    assert service(system, "uninstall", "--yes").status == 0
    assert not (home.folder / ".config" / "systemd" / "user").exists()


def test_where_there_is_no_systemd_it_says_what_to_do_instead(home: Home) -> None:
    bare = Home(home.folder, {"PATH": str(home.folder)})
    refused = failed(bare.run("service", "install", "--yes"))
    assert "there is no systemctl here" in refused
    assert "qwen-proxy run --port 8080" in refused
    assert not (home.folder / ".config").exists()


def test_a_port_in_use_is_told_before_anything_is_written(linux: System) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert f"port {port} " in failed(service(linux, "install", "--port", str(port), "--yes"))
    assert not (linux.home.folder / UNIT).exists()


def test_nobody_is_overrun(linux: System, port: int) -> None:
    refused = service(linux, "install", "--port", str(port))
    assert refused.status == 1
    assert "--yes does it" in refused.stderr
    assert not (linux.home.folder / UNIT).exists()


def test_a_person_sees_the_file_and_is_asked(qwen_proxy: Command, port: int) -> None:
    system = System(qwen_proxy.folder, "systemctl")
    arguments = ("service", "install", "--port", str(port))
    with on_terminal(qwen_proxy, *arguments, PATH=system.path) as terminal:
        terminal.until("ExecStart=")
        terminal.until(r"start the proxy\? \[y/N\] ")
        terminal.type("\n")
        assert terminal.end() == 1
        assert "nothing was changed" in terminal.seen
    assert not (qwen_proxy.home / UNIT).exists()


def test_the_file_can_be_printed_alone(linux: System) -> None:
    printed = service(linux, "install", "--print", "--port", "9000")
    assert "--port 9000" in printed.stdout
    assert printed.stderr == ""
    assert not (linux.home.folder / UNIT).exists()
    assert linux.told() == []


def test_settings_of_the_environment_go_with_it(linux: System) -> None:
    config = linux.home.folder / "con fig"
    linux.home = Home(
        linux.home.folder,
        {
            "PATH": linux.path,
            "QWEN_ACCOUNTS_FILE": "accounts.json",
            "XDG_CONFIG_HOME": str(config),
            "QWEN_MAX_ATTEMPTS": "7",
        },
    )
    text = service(linux, "install", "--print").stdout
    assert f'Environment="XDG_CONFIG_HOME={config}"' in text
    assert f"Environment=QWEN_ACCOUNTS_FILE={Path.cwd()}/accounts.json" in text
    assert "Environment=QWEN_MAX_ATTEMPTS=7" in text


@pytest.mark.parametrize(
    "name", ["python", "a b", "50%h", "a$HOME", "q\"uote's", "back\\slash", "é"]
)
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_takes_the_unit_whatever_the_path(tmp_path: Path, name: str) -> None:
    program = tmp_path / name / "python"
    program.parent.mkdir()
    shutil.copy("/bin/true", program)
    file = tmp_path / "qwen-proxy.service"
    file.write_text(unit(Service((str(program), name), {"A": name})), "utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(file)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_a_unit_has_no_word_that_systemd_would_read_otherwise() -> None:
    """systemd.syntax(7): quotes and backslashes; %% and, in commands, $$."""
    text = unit(Service(("/a b/py", "50%", "$HOME", 'say "hi" \\ \n'), {"A": "$x % \t"}))
    assert 'ExecStart="/a b/py" 50%% "$$HOME" "say \\"hi\\" \\\\ \\x0a"\n' in text
    assert 'Environment="A=$x %% \\x09"\n' in text


def test_what_is_installed_starts_the_proxy(qwen_proxy: Command, port: int) -> None:
    around = Surroundings(env={}, home=qwen_proxy.home)
    service = service_of(around, port)
    with subprocess.Popen(
        service.command,
        cwd="/",
        env={"HOME": str(qwen_proxy.home), **service.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        assert any(f"listening at 127.0.0.1:{port + 1}." in line for line in process.stdout)
        process.terminate()
        assert process.wait(SAFETY_SECONDS) == 0


# macOS and Windows


def mac(home: Home, system: System | None = None) -> Surroundings:
    env = {"PATH": system.path if system else "", "HOME": str(home.folder)}
    return Surroundings(env=env, home=home.folder, platform="darwin")


def test_on_macos_it_is_an_agent_of_launchd(home: Home, port: int) -> None:
    system = System(home.folder.parent, "launchctl")
    around = mac(home, system)
    install(around, port, asks=False)
    path = home.folder / "Library" / "LaunchAgents" / "opencode-qwen-proxy.plist"
    agent = plistlib.loads(path.read_bytes())
    assert agent["ProgramArguments"][:5] == [sys.executable, "-P", "-m", "addon", "run"]
    assert agent["EnvironmentVariables"]["PYTHONPATH"] == str(ROOT)
    assert agent["RunAtLoad"] is True
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    domain = f"gui/{os.getuid()}"
    assert system.told() == [f"bootstrap {domain} {path}"]
    install(around, port, asks=False)
    uninstall(around, asks=False)
    assert system.told() == [
        f"bootout {domain}/opencode-qwen-proxy",
        f"bootstrap {domain} {path}",
        f"bootout {domain}/opencode-qwen-proxy",
    ]
    assert not path.exists()


def test_the_agent_can_be_printed_too(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    print_only(mac(home), 9000)
    assert "9000" in plistlib.loads(capsys.readouterr().out.encode())["ProgramArguments"]


def test_on_windows_it_says_what_to_do_instead(home: Home) -> None:
    around = Surroundings(env={}, home=home.folder, platform="win32")
    with pytest.raises(CommandFailed, match="Task Scheduler"):
        install(around, 8080, asks=False)
