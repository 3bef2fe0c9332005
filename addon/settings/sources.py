"""Where settings come from, and which source wins.

Strongest first: mitmproxy option (``options.py``), environment, project file, user
file, default. Each source is validated by itself, so that a fault is told with its
own source even where a stronger one hides it; then they are merged key by key. A
fault anywhere stops the start: nothing here falls back to a default in silence.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from addon.config_file import ConfigFileFault, read_config
from addon.faults import faults
from addon.settings.model import Settings
from addon.settings.paths import project_config_path, user_config_path


class SettingsError(ValueError):
    """Settings that cannot be used; the text has one line for each fault, with its source."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def load_settings(
    env: Mapping[str, str],
    cwd: Path,
    *,
    platform: str = sys.platform,
    home: Path | None = None,
) -> Settings:
    """What default, user file, project file and environment say, the later the stronger.

    ``cwd`` is the folder in which the proxy is started. Raises SettingsError with every
    fault of every source.
    """
    user_path = user_config_path(env, platform=platform, home=home or Path.home())
    lines: list[str] = []
    sources = []
    for path in (user_path, project_config_path(cwd)):
        try:
            sources.append(_file_source(path))
        except ConfigFileFault as fault:
            lines.append(str(fault))
    return merge(Settings(), [*sources, _environment_source(env)], lines)


def project_warnings(cwd: Path) -> tuple[str, ...]:
    """What the user should know of the project's config file, which may come with a clone.

    A base URL says where tokens go. Nothing is said of a file that cannot be read.
    """
    path = project_config_path(cwd)
    try:
        values = read_config(path) or {}
    except ConfigFileFault:
        return ()
    return tuple(
        f"{path} sets {key} to {_listed(values[key])}: tokens go there. Do you trust this project?"
        for key in ("base_url", "oauth_base_url", "oauth_fallback_urls")
        if key in values
    )


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# Sources and how they are merged


@dataclass(frozen=True, slots=True)
class Source:
    """Keys and raw values from one place, and how a message names a spot in that place."""

    values: Mapping[str, object]
    name_of: Callable[[str], str]
    """From a path such as ``allow_clients[1]``."""


def _file_source(path: Path) -> Source:
    return Source(read_config(path) or {}, lambda where: f"{path}: {where}")


def _environment_source(env: Mapping[str, str]) -> Source:
    values = {}
    for key in Settings.model_fields:
        name = environment_name(key)
        if name is not None and env.get(name):
            values[key] = _from_text(key, env[name])
    return Source(values, _environment_where)


def merge(base: Settings, sources: Iterable[Source], lines: Iterable[str] = ()) -> Settings:
    """``base`` overlaid with ``sources``, the later the stronger, if no source has a fault."""
    lines = list(lines)
    merged = base.model_dump(exclude_unset=True)
    for source in sources:
        try:
            layer = Settings.model_validate(source.values)
        except ValidationError as error:
            lines += [
                f"{source.name_of(fault.where)}: {fault.message}"
                for fault in faults(error, Settings, show_values=True)
            ]
        else:
            _overlay(merged, layer.model_dump(exclude_unset=True))
    if lines:
        raise SettingsError(lines)
    return Settings.model_validate(merged)


def _overlay(below: dict[str, object], above: Mapping[str, object]) -> None:
    for key, value in above.items():
        table = below.get(key)
        if isinstance(table, dict) and isinstance(value, dict):
            _overlay(table, value)
        else:
            below[key] = value


# The environment


_ENVIRONMENT_NAMES: Final = {
    "base_url": "QWEN_API_BASE_URL",
    "client_id": "QWEN_OAUTH_CLIENT_ID",
    "health_score": None,
    "token_bucket": None,
}
"""Where the name is not ``QWEN_`` and the key in capitals; a table has none."""


def environment_name(key: str) -> str | None:
    """The environment variable that sets ``key``, if there is one. Empty, it sets nothing."""
    return _ENVIRONMENT_NAMES.get(key, f"QWEN_{key.upper()}")


def _environment_where(where: str) -> str:
    key = re.split(r"\W", where, maxsplit=1)[0]
    return f"environment {environment_name(key)}{where.removeprefix(key)}"


_BOOLEANS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


def _from_text(key: str, text: str) -> object:
    """What ``text`` means for ``key``; left a text, for validation to refuse, where nothing."""
    annotation = Settings.model_fields[key].annotation
    if annotation is bool:
        return _BOOLEANS.get(text.strip().lower(), text)
    if annotation is int:
        return _number(text)
    return text.strip()


def _number(text: str) -> object:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
