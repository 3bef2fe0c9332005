"""Where well-known services that take plain keys are, by a name that people can type.

Data only. A service that is not listed here is given by its base URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Preset:
    """One service at one place."""

    name: str
    title: str
    """What its provider calls it."""
    base_url: str
    key_prefix: str = ""
    """What all of its keys begin with, and those of no other service here."""

    def takes(self, key: str) -> bool:
        """Whether ``key`` could be one of this service, as far as its beginning tells."""
        others = (other.key_prefix for other in PRESETS.values() if other.key_prefix)
        marked = any(key.startswith(prefix) for prefix in others)
        return key.startswith(self.key_prefix) if self.key_prefix else not marked


_CODING_PLAN_KEYS: Final = "sk-sp-"

PRESETS: Final[Mapping[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset(
            "coding-plan",
            "Coding Plan, international",
            "https://coding-intl.dashscope.aliyuncs.com/v1",
            _CODING_PLAN_KEYS,
        ),
        Preset(
            "coding-plan-china",
            "Coding Plan, China",
            "https://coding.dashscope.aliyuncs.com/v1",
            _CODING_PLAN_KEYS,
        ),
        Preset(
            "model-studio-singapore",
            "Model Studio, Singapore",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        ),
        Preset(
            "model-studio-us",
            "Model Studio, US",
            "https://dashscope-us.aliyuncs.com/compatible-mode/v1",
        ),
        Preset(
            "model-studio-beijing",
            "Model Studio, Beijing",
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
        ),
    )
}
"""All of them by name."""


def preset_at(base_url: str) -> Preset | None:
    """The service at ``base_url``, if it is one of these."""
    return next((each for each in PRESETS.values() if each.base_url == base_url), None)
