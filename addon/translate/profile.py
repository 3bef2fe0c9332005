"""What differs between upstream services, as data. Chosen by an account's base URL.

Headers that only one service knows are sent to that service alone: others have
been seen to refuse requests for a header they did not expect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

_PORTAL_HOST: Final = "portal.qwen.ai"
_AGENT_VERSION: Final = "0.24.4"
"""A version of Qwen Code that the portal is known to serve."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of upstream service."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent beside the usual ones, and instead of those of the same name (lower case)."""


PLAIN: Final = Profile("openai-compatible")
"""A service of which nothing is known but that it speaks Chat Completions."""


def profile_for(base_url: str, *, is_oauth: bool, platform: str, machine: str) -> Profile:
    """The profile of the service at ``base_url``.

    ``is_oauth``: the account was signed in, rather than given a key. ``platform``
    and ``machine`` name the system, as ``sys.platform`` and ``platform.machine()`` do.
    """
    if is_oauth and urlsplit(base_url).hostname == _PORTAL_HOST:
        node_name = _NODE_NAMES.get(machine, machine)
        agent = f"QwenCode/{_AGENT_VERSION} ({platform}; {node_name})"
        return Profile(
            "qwen-portal",
            {
                "user-agent": agent,
                "x-dashscope-authtype": "qwen-oauth",
                "x-dashscope-cachecontrol": "enable",
                "x-dashscope-useragent": agent,
            },
        )
    return PLAIN


_NODE_NAMES: Final[Mapping[str, str]] = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64"}
"""Machines as Node.js calls them, and so the portal's own client."""
