"""The user's settings: one frozen ``Settings``, read from five sources and merged.

``load_settings`` reads files and environment; ``option_specs`` and
``settings_from_options`` put mitmproxy's options on top. Every fault of every source
is told in one ``SettingsError``.
"""

from addon.settings.model import (
    DEFAULT_BASE_URL,
    HealthScoreSettings,
    IPNetwork,
    Settings,
    TokenBucketSettings,
)
from addon.settings.options import OptionSpec, option_specs, settings_from_options
from addon.settings.paths import accounts_path, project_config_path, user_config_path
from addon.settings.sources import SettingsError, environment_name, load_settings, project_warnings

__all__ = [
    "DEFAULT_BASE_URL",
    "HealthScoreSettings",
    "IPNetwork",
    "OptionSpec",
    "Settings",
    "SettingsError",
    "TokenBucketSettings",
    "accounts_path",
    "environment_name",
    "load_settings",
    "option_specs",
    "project_config_path",
    "project_warnings",
    "settings_from_options",
    "user_config_path",
]
