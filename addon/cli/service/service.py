"""What is to be run, whatever runs it: this very program, with what this environment says."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import addon
from addon.cli.surroundings import Surroundings
from addon.settings import Settings, environment_name

NAME: Final = "qwen-proxy"
TITLE: Final = "Responses API clients on Chat Completions models (qwen-proxy)"
MARK: Final = "Written by qwen-proxy service install, and removed by qwen-proxy service uninstall."
"""Where this is not in a file, the file is not ours."""

_INSTALLED: Final = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class Service:
    """A program to be started at login."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


def service_of(around: Surroundings, port: int) -> Service:
    """The proxy on ``port``; its log has a line for each request of ours and no more."""
    command = (sys.executable, "-P", "-m", "addon", "run", "--port", str(port))
    return Service(
        (*command, "--set", "flow_detail=0"), dict(_environment(around)) | {"PYTHONUNBUFFERED": "1"}
    )


def _environment(around: Surroundings) -> Iterator[tuple[str, str]]:
    root = Path(addon.__file__).resolve().parents[1]
    if root.name not in _INSTALLED:
        yield "PYTHONPATH", str(root)
    if around.env.get("QWEN_ACCOUNTS_FILE"):
        yield "QWEN_ACCOUNTS_FILE", str(around.cwd / around.accounts_path())
    names = ("XDG_CONFIG_HOME", *map(environment_name, Settings.model_fields))
    for name in filter(None, names):
        if around.env.get(name):
            yield name, around.env[name]
