"""Python, mitmproxy and the settings: what the proxy itself is made of."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from addon.cli.doctor.finding import Finding, note, ok, wrong
from addon.cli.failure import CommandFailed
from addon.cli.surroundings import Surroundings
from addon.settings import Settings, project_warnings

OLDEST_PYTHON: Final = (3, 11)
OLDEST_MITMPROXY: Final = (11, 0, 2)
NEXT_MITMPROXY: Final = (13,)
"""The first that is not known to work."""

_INSTALL: Final = "pip install 'mitmproxy>=11.0.2,<13', or start with ./scripts/run"


def look_at_python(found: tuple[int, ...] = tuple(sys.version_info[:3])) -> Finding:
    """The interpreter that runs this, and so the proxy."""
    said = f"{'.'.join(map(str, found))}, at {sys.executable}"
    if found < OLDEST_PYTHON:
        return wrong("Python", f"{said}: 3.11 is the oldest", "./scripts/run finds a newer one")
    return ok("Python", said)


def look_at_mitmproxy(found: str | None = None) -> Finding:
    """Whether ``found``, by default the one that is installed, is one that the addon fits."""
    try:
        found = found or version("mitmproxy")
    except PackageNotFoundError:
        return wrong("mitmproxy", "it is not installed", _INSTALL)
    number = tuple(map(int, re.findall(r"\d+", found)[:3]))
    if number < OLDEST_MITMPROXY:
        return wrong("mitmproxy", f"{found}: 11.0.2 is the oldest", _INSTALL)
    missing = missing_internals()
    if missing:
        return wrong(
            "mitmproxy",
            f"{found} has changed inside ({', '.join(missing)}): requests are not sent again",
            "update opencode-qwen-proxy",
        )
    if number >= NEXT_MITMPROXY:
        return note("mitmproxy", f"{found}: newer than any it was tested with", _INSTALL)
    return ok("mitmproxy", found)


def missing_internals() -> Sequence[str]:
    """What the mitmproxy that is installed lacks of what resending requests needs."""
    try:
        from addon.proxy.failover import missing_internals as missing  # noqa: PLC0415 - heavy
    except ImportError as error:  # a module of it has gone, or it is not wholly installed
        return [error.name or "a module"]
    return missing()


def look_at_settings(around: Surroundings) -> tuple[Settings, list[Finding]]:
    """The settings, or the defaults where they cannot be read; and what is to be said of them."""
    try:
        settings = around.settings()
    except CommandFailed as failure:
        return Settings(), [wrong("settings", str(failure), "correct it there")]
    warnings = project_warnings(around.cwd)
    if warnings:
        return settings, [note("settings", warning) for warning in warnings]
    chosen = ", ".join(sorted(settings.model_fields_set))
    return settings, [ok("settings", f"set: {chosen}" if chosen else "the defaults")]
