"""What the tests of the settings share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.sources import Sources


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path)
