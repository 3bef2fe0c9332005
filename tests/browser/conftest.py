"""A browser for each module, and a tab for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.tab import Tab, chromium, tab
from tests.proxy.conftest import _started_with, pool_with
from tests.support.pool import Pool

__all__ = ["_started_with", "pool_with"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def pool(pool_with: object) -> Pool:
    assert callable(pool_with)
    pool = pool_with()
    assert isinstance(pool, Pool)
    return pool


@pytest.fixture
def live(browser: Browser, pool: Pool) -> Iterator[Tab]:
    """The live page, open; nothing may have been wrong with it in the end."""
    url = pool.proxy.url("reverse")
    with tab(browser) as found:
        found.open(f"{url}/_qwen/")
        found.wait_for(".connection.live")
        yield found
        found.check(url)
