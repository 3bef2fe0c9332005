"""The house around the code: the import rules can fail, and the lock files are what they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
LINT_IMPORTS: Final = Path(sys.executable).with_name("lint-imports")

TRESPASSES: Final = [
    ("ground-floor", "translate", "import addon.settings"),
    ("ground-floor", "translate", "import addon.rotation"),
    ("ground-floor", "rotation", "from addon.accounts import store"),
    ("ground-floor", "rotation", "from addon import broker"),
    ("sans-io", "translate", "import logging"),
    ("sans-io", "rotation", "import time"),
    ("sans-io", "rotation", "from random import random"),
    ("accounts-file", "broker", "from addon.accounts import document"),
    ("accounts-file", "proxy", "from addon.accounts.file import *"),
    ("layers", "accounts", "from addon import broker"),
    ("layers", "settings", "from addon import accounts"),
    ("layers", "broker", "from addon.proxy import routing"),
    ("connections", "broker", "import httpx"),
    ("proxy", "proxy", "from addon.rotation import pool"),
    ("proxy", "proxy", "from addon import sandbox"),
    ("mitmproxy", "broker", "from mitmproxy.http import HTTPFlow"),
    ("mitmproxy", "cli", "from mitmproxy.tools.main import mitmdump"),
    ("cli", "proxy", "from addon.cli import app"),
    ("sandbox", "sandbox", "from addon import translate"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and of its rules, to be broken."""
    house = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "addon", house / "addon")
    shutil.copy(ROOT / "pyproject.toml", house)
    return house


@pytest.mark.parametrize(("contract", "room", "trespass"), TRESPASSES)
def test_an_import_across_the_floors_is_found(
    house: Path, contract: str, room: str, trespass: str
) -> None:
    trespasser = house / "addon" / room / "trespasser.py"
    trespasser.write_text(trespass + "\n", encoding="utf-8")
    try:
        checked = subprocess.run(
            [LINT_IMPORTS, "--no-cache", "--contract", contract],
            cwd=house,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        trespasser.unlink()
    assert checked.returncode == 1, checked.stdout
    assert f"addon.{room}.trespasser" in checked.stdout


WITHOUT_POSIX: Final = """
import importlib, pkgutil, sys
for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None
import addon.cli
for module in pkgutil.walk_packages(addon.cli.__path__, "addon.cli."):
    importlib.import_module(module.name)
"""


def test_the_command_line_can_be_imported_where_there_is_no_posix() -> None:
    """Windows has none of these modules."""
    imported = subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert imported.returncode == 0, imported.stderr


PIN: Final = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>\S+)( ; (?P<where>.+))? \\")
HASH: Final = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(lock: str) -> set[str]:
    """Each pinned package as ``name==version ; where``; anything but pins and hashes is a fault."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    content = [line for line in lines if not line.startswith("#")]
    assert [line for line in content if not PIN.fullmatch(line) and not HASH.fullmatch(line)] == []
    for line, following in pairwise(content):
        assert HASH.fullmatch(line) or HASH.fullmatch(following), f"{line} has no hash"
    return {line for line in content if PIN.fullmatch(line)}


def test_lock_files_hold_versions_and_hashes_and_nothing_else() -> None:
    assert pins("requirements.txt")
    assert pins("requirements-test.txt")


def test_the_tests_run_on_what_users_get() -> None:
    assert pins("requirements.txt") <= pins("requirements-test.txt")


@pytest.mark.parametrize(
    "pin",
    [
        "mitmproxy==11.0.2 ; python_full_version < '3.12' \\",
        "h11==0.14.0 ; python_full_version < '3.12' \\",
    ],
)
def test_the_oldest_end_is_mitmproxy_as_it_is_for_python_3_11(pin: str) -> None:
    assert pin in pins("requirements-test.txt")


def test_the_clients_of_the_tests_are_pinned_without_addresses() -> None:
    lock = json.loads((ROOT / "tests/e2e/package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((ROOT / "tests/e2e/package.json").read_text(encoding="utf-8"))
    packages = lock["packages"]
    own = packages.pop("")
    assert own["dependencies"] == wanted["dependencies"]
    assert all("integrity" in package for package in packages.values())
    assert not any("resolved" in package for package in packages.values())
