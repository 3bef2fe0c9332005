"""The provider that is put into OpenCode's config, as its schema (opencode.ai/config.json) has it.

The numbers are Qwen's own, as models.dev lists them. Images are what ``attachment`` stands for;
videos are left out, since the Responses API has no place for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from addon.cli.config_files.jsonc import Json

ID: Final = "qwen"
"""The name under which OpenCode knows it."""

MODELS: Final[dict[str, Json]] = {
    "qwen3-coder-plus": {
        "name": "Qwen3 Coder Plus",
        "attachment": False,
        "reasoning": False,
        "temperature": True,
        "tool_call": True,
        "limit": {"context": 1_000_000, "output": 65_536},
        "modalities": {"input": ["text"], "output": ["text"]},
    },
    "qwen3-vl-plus": {
        "name": "Qwen3 VL Plus",
        "attachment": True,
        "reasoning": True,
        "temperature": True,
        "tool_call": True,
        "limit": {"context": 262_144, "output": 32_768},
        "modalities": {"input": ["text", "image"], "output": ["text"]},
    },
}

_NPM: Final = "@ai-sdk/openai"
_NAME: Final = "Qwen (qwen-proxy)"
"""Shown to people; it is also how a provider is known as ours, whatever else was changed."""


def provider(base_url: str, models: Iterable[str] = MODELS) -> Json:
    """The provider whose requests go to ``base_url``; the SDK wants a key, and any will do.

    ``models`` are the names of those that it is to have, known ones or not.
    """
    return {
        "npm": _NPM,
        "name": _NAME,
        "options": {"baseURL": base_url, "apiKey": "any"},
        "models": {name: MODELS.get(name, {}) for name in models},
    }


def is_ours(value: Json) -> bool:
    """Whether an install has put ``value`` in."""
    return isinstance(value, dict) and (value.get("npm"), value.get("name")) == (_NPM, _NAME)
