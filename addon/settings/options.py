"""Settings as mitmproxy options, without knowing mitmproxy.

When the addon loads, the weaker sources have been read; what they say becomes the
options' defaults, so that mitmweb shows what is in force. The option source is then
whatever differs from those defaults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args, get_origin

from addon.config_file import ConfigSyntaxFault, parse_config
from addon.faults import unknown_key
from addon.settings.model import Settings, Table, listed
from addon.settings.sources import Source, merge


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """What mitmproxy's ``Loader.add_option`` wants to know of one option."""

    name: str
    typespec: object
    default: object
    help: str
    choices: tuple[str, ...] | None = None


def option_specs(base: Settings) -> tuple[OptionSpec, ...]:
    """The options, each with the value that is in force without it as its default.

    ``base`` is what the weaker sources say. Tables are texts that hold JSON, since
    mitmproxy knows no tables. ``qwen_base_url`` is empty where nobody set a base URL.
    """
    return tuple(_option_spec(key, base) for key in Settings.model_fields)


def settings_from_options(base: Settings, values: Mapping[str, object]) -> Settings:
    """``base`` overlaid with the options (by name) that are not at the default of their spec.

    An empty text sets nothing, and what is not in ``values`` neither. Raises SettingsError,
    also for a name that begins with ``qwen_`` and is no option.
    """
    specs = {spec.name: spec for spec in option_specs(base)}
    lines = [
        f"option {name}: {unknown_key(name, list(specs))}"
        for name in values
        if name.startswith(_OPTION_PREFIX) and name not in specs
    ]
    changed: dict[str, object] = {}
    for name, spec in specs.items():
        value = values.get(name)
        if value in (None, "", spec.default):
            continue
        key = name.removeprefix(_OPTION_PREFIX)
        try:
            changed[key] = _from_option(key, value)
        except ConfigSyntaxFault as fault:
            lines.append(f"option {name}:{fault}")
    return merge(base, [Source(changed, lambda where: f"option {_OPTION_PREFIX}{where}")], lines)


_OPTION_PREFIX: Final = "qwen_"


def _option_spec(key: str, base: Settings) -> OptionSpec:
    field = Settings.model_fields[key]
    value: object = getattr(base, key)
    typespec: object = type(value)
    choices = None
    if key == "base_url":
        # a default of ours must not pass for the user's choice
        typespec, value = str | None, base.configured_base_url
    elif isinstance(value, Table):
        typespec, value = str, json.dumps(_short_numbers(value.model_dump()))
    elif isinstance(value, tuple):
        typespec, value = Sequence[str], [str(item) for item in value]
    elif get_origin(field.annotation) is Literal:
        choices = get_args(field.annotation)
    return OptionSpec(f"{_OPTION_PREFIX}{key}", typespec, value, field.description or "", choices)


def _from_option(key: str, value: object) -> object:
    if isinstance(getattr(Settings(), key), Table) and isinstance(value, str):
        return parse_config(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return listed(",".join(map(str, value)))
    return value


def _short_numbers(table: Mapping[str, float]) -> dict[str, float]:
    """70 rather than 70.0, as people write it."""
    return {key: int(value) if value.is_integer() else value for key, value in table.items()}
