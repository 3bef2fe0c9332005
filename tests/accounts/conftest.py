"""What the tests of the accounts share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from addon.accounts.file import JsonFileStore

NOBODY = 65534


@pytest.fixture
def private_folder(tmp_path: Path) -> Path:
    """A folder that is its owner's alone, as the contract wants the accounts' folder."""
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def path(private_folder: Path) -> Path:
    """Where the accounts file is to be."""
    return private_folder / "accounts.json"


@pytest.fixture
def store(path: Path) -> JsonFileStore:
    """The store under test."""
    return JsonFileStore(path)


@pytest.fixture
def powerless(tmp_path: Path) -> Iterator[Path]:
    """A folder of a user for whom permissions count; root becomes nobody meanwhile."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    # pytest's own folders let nobody but root pass
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)
