"""How hard the model is to think: ``reasoning.effort`` as the fields that each service knows.

One table a way of saying it: the client's word → the Chat fields that say the same. A word
that a table does not have is not said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Efforts: TypeAlias = Mapping[str, Mapping[str, Any]]

NO_EFFORTS: Final[Efforts] = {}

THINKING_BUDGET: Final[Efforts] = {
    "none": {"enable_thinking": False},
    "minimal": {"enable_thinking": True, "thinking_budget": 512},
    "low": {"enable_thinking": True, "thinking_budget": 2048},
    "medium": {"enable_thinking": True, "thinking_budget": 8192},
    "high": {"enable_thinking": True, "thinking_budget": 16384},
    "xhigh": {"enable_thinking": True, "thinking_budget": 30720},
    "max": {"enable_thinking": True},
}
"""Alibaba's services. A budget is in tokens, and may not be more than the model's own limit:
30720 is that of the smallest. Without one the model thinks as long as it can."""

REASONING_EFFORT: Final[Efforts] = {
    word: {"reasoning_effort": word}
    for word in ("none", "minimal", "low", "medium", "high", "xhigh", "max")
}
"""OpenAI's Chat Completions, in the same words."""

REASONING_OBJECT: Final[Efforts] = {
    "none": {"reasoning": {"effort": "none"}},
    "minimal": {"reasoning": {"effort": "minimal"}},
    "low": {"reasoning": {"effort": "low"}},
    "medium": {"reasoning": {"effort": "medium"}},
    "high": {"reasoning": {"effort": "high"}},
    "xhigh": {"reasoning": {"effort": "xhigh"}},
    "max": {"reasoning": {"effort": "xhigh"}},
}
"""OpenRouter, which translates it for each of its providers."""

_ENABLED: Final = {"type": "enabled"}

THINKING_SWITCH: Final[Efforts] = {
    "none": {"thinking": {"type": "disabled"}},
    "minimal": {"thinking": _ENABLED, "reasoning_effort": "high"},
    "low": {"thinking": _ENABLED, "reasoning_effort": "high"},
    "medium": {"thinking": _ENABLED, "reasoning_effort": "high"},
    "high": {"thinking": _ENABLED, "reasoning_effort": "high"},
    "xhigh": {"thinking": _ENABLED, "reasoning_effort": "max"},
    "max": {"thinking": _ENABLED, "reasoning_effort": "max"},
}
"""DeepSeek, which knows two degrees and itself reads the others so."""


def says_thinking(chat: Mapping[str, Any]) -> bool | None:
    """Whether the fields of ``chat`` turn thinking on or off; None: they leave it to the model."""
    if isinstance(chat.get("enable_thinking"), bool):
        return bool(chat["enable_thinking"])
    switch = chat.get("thinking")
    if isinstance(switch, dict) and switch.get("type") in ("enabled", "disabled"):
        return bool(switch["type"] == "enabled")
    return None
