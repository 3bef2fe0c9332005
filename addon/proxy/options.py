"""The settings as mitmproxy options: ``qwen_`` and the key, with the help text of the setting."""

from __future__ import annotations

import logging
from typing import Final

from mitmproxy.addonmanager import Loader
from mitmproxy.options import Options

from addon.settings import Settings, SettingsError, option_specs, settings_from_options

logger: Final = logging.getLogger(__name__)


def add_options(loader: Loader, base: Settings) -> None:
    """Declares an option for each setting; its default is what ``base`` says."""
    for spec in option_specs(base):
        loader.add_option(spec.name, spec.typespec, spec.default, spec.help, spec.choices)  # type: ignore[arg-type]


def read_options(base: Settings, options: Options) -> Settings:
    """``base`` with the options over it. Raises SettingsError."""
    values = {spec.name: getattr(options, spec.name) for spec in option_specs(base)}
    # mitmproxy keeps options that nobody declared, in case somebody still does.
    values |= {name: value for name, value in options.deferred.items() if name.startswith("qwen_")}
    return settings_from_options(base, values)


def stop_the_start(error: SettingsError) -> None:
    """Mitmproxy ends when an error is logged while it starts, and repeats the error."""
    for line in error.lines:
        logger.error(line)
