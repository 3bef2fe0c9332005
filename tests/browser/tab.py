"""A tab of a real browser, and what went on in it that a person would not see.

Debian's Chromium, by Playwright. It is started anew for each module of tests: while Playwright
runs, no other event loop can in its thread.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.support.proxy import ROOT, SAFETY_SECONDS

AXE: Final = ROOT / "tests" / "e2e" / "node_modules" / "axe-core" / "axe.min.js"
"""What finds barriers in a page: by the rules of WCAG, as far as a program can."""

Scheme: TypeAlias = Literal["light", "dark"]

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """A browser of its own."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    assert path, f"there is none of {', '.join(_NAMES)} here: scripts/test installs one"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*_FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """One page. ``check`` says whether anything was wrong with it."""

    page: Page
    faults: list[str] = field(default_factory=list)
    """Errors in its console, and what it did not catch."""
    origins: set[str] = field(default_factory=set)
    """Of all that it asked for."""

    def __post_init__(self) -> None:
        self.page.set_default_timeout(SAFETY_SECONDS * 1000)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.origins.add(_origin(request.url)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def open(self, url: str) -> None:
        self.page.goto(url)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def wait_for(self, selector: str) -> None:
        """Until there is such an element to see."""
        self.page.wait_for_selector(selector)

    def barriers(self) -> list[str]:
        """What axe finds that keeps people out, in this state of the page."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("axe.run().then((result) => result.violations)")
        return [
            f"{each['id']}: {each['help']}: {[node['html'] for node in each['nodes'][:3]]}"
            for each in found
        ]

    def check(self, *origins: str) -> None:
        """Nothing was wrong, and nothing was asked for from anywhere but ``origins``."""
        assert not self.faults, self.faults
        assert self.origins <= set(origins), self.origins

    def picture(self, path: Path) -> None:
        self.page.screenshot(path=path, full_page=True)


@contextlib.contextmanager
def tab(browser: Browser, *, scheme: Scheme = "light", proxy: str | None = None) -> Iterator[Tab]:
    """A tab in a profile of its own; ``proxy`` is the HTTP proxy that it uses."""
    through = {"server": proxy, "bypass": "<-loopback>"} if proxy else None
    context = browser.new_context(
        color_scheme=scheme,
        proxy=through,  # type: ignore[arg-type]
        viewport={"width": 1280, "height": 1000},
        locale="en-GB",
    )
    try:
        yield Tab(context.new_page())
    finally:
        context.close()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
