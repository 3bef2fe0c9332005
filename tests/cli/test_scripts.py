"""The scripts find an interpreter that works, and an environment that is whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.cli.command import ROOT

ENVIRONMENT: Final = ROOT / "scripts" / "environment.sh"
TOOLS: Final = ("awk", "bash", "cat", "cksum", "cut", "sort", "tr")


class Machine:
    """A machine with nothing on its PATH but a few tools and what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.pyenv = folder / "pyenv"
        self.bin.mkdir()
        for tool in TOOLS:
            path = shutil.which(tool)
            assert path, f"{tool} is missing"
            (self.bin / tool).symlink_to(path)

    def add(self, name: str, script: str) -> Path:
        """Put an executable on the PATH."""
        return executable(self.bin / name, script)

    def add_python(self, name: str, version: str, level: str = "final") -> Path:
        """Put a Python on the PATH that takes itself for another version."""
        return self.add(name, python_that_says(version, level))

    def bash(self, script: str, *, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Run ``script`` after ``environment.sh``."""
        return subprocess.run(
            [self.bin / "bash", "-euc", f'root="{root}"; . "{ENVIRONMENT}"; {script}', "test"],
            env={"PATH": str(self.bin), "PYENV_ROOT": str(self.pyenv), "HOME": str(self.pyenv)},
            capture_output=True,
            text=True,
            check=False,
        )

    def interpreters(self) -> list[str]:
        """The versions that the scripts find, in the order of their preference."""
        found = self.bash("interpreters")
        assert found.returncode == 0, found.stderr
        return [line.split("\t")[1] for line in found.stdout.splitlines()]


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


def python_that_says(version: str, level: str) -> str:
    """A script that runs this interpreter, but with ``version`` in ``sys.version_info``."""
    numbers = ", ".join(version.split("."))
    return f"""#!/bin/sh
exec {sys.executable} -I -c '
import collections, sys
fields = ("major", "minor", "micro", "releaselevel", "serial")
sys.version_info = collections.namedtuple("version", fields)({numbers}, "{level}", 0)
sys.argv, sys._base_executable = ["-", sys.argv[-1]], "'"$0"'"
exec(sys.stdin.read())
' "$@"
"""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_newest_python_is_preferred(machine: Machine) -> None:
    machine.add_python("python3.11", "3.11.9")
    machine.add_python("python3.13", "3.13.0")
    machine.add_python("python3", "3.12.4")
    assert machine.interpreters() == ["3.13.0", "3.12.4", "3.11.9"]


def test_a_python_without_wheels_for_it_is_the_last_choice(machine: Machine) -> None:
    machine.add_python("python3", "3.15.1")
    machine.add_python("python3.11", "3.11.9")
    assert machine.interpreters() == ["3.11.9", "3.15.1"]


def test_pythons_of_pyenv_are_found_though_no_shim_leads_there(machine: Machine) -> None:
    shim = "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n"
    machine.add("python3.13", shim)
    python = machine.pyenv / "versions" / "3.13.7" / "bin" / "python"
    executable(python, python_that_says("3.13.7", "final"))
    assert machine.interpreters() == ["3.13.7"]


def test_one_python_under_two_names_is_one(machine: Machine) -> None:
    machine.add("python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    machine.add("python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    assert len(machine.interpreters()) == 1


def test_an_environment_is_made_from_the_base_of_the_active_one(machine: Machine) -> None:
    machine.add("python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (found,) = machine.bash("interpreters").stdout.splitlines()
    assert Path(found.split("\t")[2]).is_relative_to(sys.base_prefix)
    assert not Path(found.split("\t")[2]).is_relative_to(sys.prefix)


@pytest.mark.parametrize(
    ("version", "level"), [("3.10.13", "final"), ("2.7.18", "final"), ("3.14.0", "alpha")]
)
def test_old_and_unfinished_pythons_are_passed_over(
    machine: Machine, version: str, level: str
) -> None:
    machine.add_python("python3", version, level)
    assert machine.interpreters() == []


def test_a_python_that_cannot_make_environments_is_passed_over(machine: Machine) -> None:
    machine.add("python3", "#!/bin/sh\necho 'No module named ensurepip' >&2\nexit 1\n")
    assert machine.interpreters() == []


def test_where_there_is_none_the_script_says_what_to_install(machine: Machine) -> None:
    refused = machine.bash("no_interpreter")
    assert refused.returncode == 1
    assert refused.stderr == (
        "test: no usable Python 3.11 or newer was found: install one, with its venv module\n"
    )


class Environment:
    """A virtual environment as the scripts left it, and the lock file that it is for."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder / "environment"
        self.lock = folder / "requirements.txt"
        self.lock.write_text("mitmproxy==11.0.2\n")
        self.python = executable(
            self.folder / "bin" / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n'
        )

    def finish(self) -> None:
        """Do what the scripts do last."""
        made = self.machine.bash(f'made_for "{self.folder}" "{self.lock}"')
        (self.folder / "made-for").write_text(made.stdout)

    def is_whole(self) -> bool:
        """Whether the scripts take it as it is."""
        described = self.machine.bash(f'described "{self.folder}" "{self.lock}"')
        assert (described.returncode == 0) == described.stdout.startswith("Python 3.")
        return described.returncode == 0


@pytest.fixture
def environment(machine: Machine, tmp_path: Path) -> Environment:
    return Environment(machine, tmp_path)


def test_a_whole_environment_is_taken_as_it_is(environment: Environment) -> None:
    environment.finish()
    assert environment.is_whole()


def test_an_interrupted_install_is_not_taken_for_whole(environment: Environment) -> None:
    assert not environment.is_whole()


def test_an_environment_for_another_lock_file_is_not_taken(environment: Environment) -> None:
    environment.finish()
    environment.lock.write_text("mitmproxy==12.2.3\n")
    assert not environment.is_whole()


def test_an_environment_whose_interpreter_is_gone_is_not_taken(environment: Environment) -> None:
    environment.finish()
    environment.python.unlink()
    assert not environment.is_whole()


def test_a_moved_environment_is_not_taken(environment: Environment) -> None:
    environment.finish()
    environment.folder = environment.folder.rename(environment.folder.with_name("moved"))
    assert not environment.is_whole()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose .venv is ready: the packages of this very interpreter."""
    clone = tmp_path / "a clone"
    for part in ("addon", "scripts"):
        shutil.copytree(ROOT / part, clone / part)
    (clone / "requirements.txt").write_text("")
    executable(clone / ".venv/bin/python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    made = Machine(tmp_path).bash(
        f'made_for "{clone}/.venv" "{clone}/requirements.txt"', root=clone
    )
    (clone / ".venv" / "made-for").write_text(made.stdout)
    return clone


def run(clone: Path, cwd: Path, *arguments: str, env: Mapping[str, str] = os.environ) -> str:
    finished = subprocess.run(
        [clone / "scripts" / "run", *arguments],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout + finished.stderr


def test_run_works_from_any_folder_whatever_lies_there(clone: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "addon").mkdir(parents=True)
    (elsewhere / "addon" / "__init__.py").write_text("raise SystemExit('the wrong addon')")
    (elsewhere / "typer.py").write_text("raise SystemExit('the wrong typer')")
    printed = run(clone, elsewhere, "--version")
    assert "Mitmproxy:" in printed


def test_run_says_which_python_and_which_mitmproxy_it_took(clone: Path, tmp_path: Path) -> None:
    python = ".".join(str(number) for number in sys.version_info[:3])
    assert f"run: Python {python}, mitmproxy 1" in run(clone, tmp_path, "--version")


def test_the_command_line_works_from_a_clone_and_says_nothing_of_its_own(
    clone: Path, tmp_path: Path
) -> None:
    listed = subprocess.run(
        [clone / "scripts" / "qwen-proxy", "accounts", "list", "--json"],
        cwd=tmp_path,
        env={**os.environ, "QWEN_ACCOUNTS_FILE": str(tmp_path / "accounts.json")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(listed.stdout)["accounts"] == []


@pytest.mark.parametrize("script", ["run", "test", "lock"])
def test_each_script_says_what_it_does(script: str) -> None:
    helped = subprocess.run(
        [ROOT / "scripts" / script, "--help"], capture_output=True, text=True, check=True
    )
    assert helped.stdout.startswith(f"Usage: scripts/{script}")
    assert helped.stderr == ""
