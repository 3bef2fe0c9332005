"""What differs between upstream services, as data. Chosen by an account's base URL.

``_HOSTS`` says which service is where, the profiles below it what each is like. No other
module asks for the name of a service. What the client sets by itself (``enable_thinking``,
``max_tokens`` …) goes before what a profile would.

Headers that only one service knows are sent to that service alone: others have
been seen to refuse requests for a header they did not expect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from addon.translate.effort import (
    REASONING_EFFORT,
    REASONING_OBJECT,
    THINKING_BUDGET,
    THINKING_SWITCH,
    Efforts,
)


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of upstream service. The defaults are those of a plain one."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent beside the usual ones, and instead of those of the same name (lower case)."""
    is_qwen_codes: bool = False
    """Whether accounts that were signed in must look like Qwen Code, whose service it is."""
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the limit on the tokens of the answer is called."""
    most_top_logprobs: int = 20
    always_streams: bool = False
    """Whether it is asked with streaming also where the client wants the answer whole."""
    refused_keywords: frozenset[str] | None = None
    """JSON Schema keywords that it refuses; None: schemas are sent as they are."""

    efforts: Efforts = field(default_factory=lambda: REASONING_EFFORT)
    """How it is told how hard to think."""
    thinks_unasked: bool = False
    """Whether its models think where nothing is said of it."""
    unthinking_models: re.Pattern[str] | None = None
    """Models that cannot think, and must not be told to."""
    forces_choice_while_thinking: bool = True
    """Whether ``tool_choice`` may be ``required`` or a named tool with thinking on."""
    writes_json_while_thinking: bool = True
    """Whether ``response_format`` may ask for JSON with thinking on."""
    counts_logprobs_while_thinking: bool = True

    reasoning_field: str | None = "reasoning_content"
    """What a message calls its reasoning; None: it is not sent."""
    missing_reasoning: str | None = None
    """What stands for the lost reasoning of a turn with calls, and of every turn after it,
    where these are refused without while thinking is on."""
    keeps_later_system_messages: bool = False
    """Whether a system message may stand elsewhere than at the head."""
    needs_user_message: bool = False
    """Whether a conversation in which no user and no tool speaks is refused."""
    stray_token_models: re.Pattern[str] | None = None
    """Models that put stray tokens into their answer where no tool is defined."""


PLAIN: Final = Profile("openai-compatible")
"""A service of which nothing is known but that it speaks Chat Completions."""

_OPENAI: Final = Profile(
    "openai",
    output_limit="max_completion_tokens",
    reasoning_field=None,
    keeps_later_system_messages=True,
)

_OPENROUTER: Final = Profile("openrouter", efforts=REASONING_OBJECT, reasoning_field="reasoning")

_DEEPSEEK: Final = Profile(
    "deepseek",
    efforts=THINKING_SWITCH,
    thinks_unasked=True,
    forces_choice_while_thinking=False,
    counts_logprobs_while_thinking=False,
    # it refuses the empty text, and words of ours would be taken up by the model
    missing_reasoning=" ",
    keeps_later_system_messages=True,
)

_MODEL_STUDIO: Final = Profile(
    "model-studio",
    most_top_logprobs=5,
    always_streams=True,
    refused_keywords=frozenset(("$defs", "$ref", "const", "definitions")),
    efforts=THINKING_BUDGET,
    unthinking_models=re.compile(r"qwen[0-9.]*-coder|-instruct\b"),
    forces_choice_while_thinking=False,
    writes_json_while_thinking=False,
    missing_reasoning=" ",
    needs_user_message=True,
    stray_token_models=re.compile(r"qwen[0-9.]*-coder"),
)

_CODING_PLAN: Final = replace(_MODEL_STUDIO, name="coding-plan")

_PORTAL: Final = replace(
    _MODEL_STUDIO,
    name="qwen-portal",
    is_qwen_codes=True,
    stray_token_models=re.compile(r"qwen[0-9.]*-coder|coder-model"),
)

PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (_PORTAL, _MODEL_STUDIO, _CODING_PLAN, _DEEPSEEK, _OPENROUTER, _OPENAI, PLAIN)
}
"""All of them by name."""

_HOSTS: Final[Mapping[str, Profile]] = {
    r"portal\.qwen\.ai": _PORTAL,
    r"coding[a-z-]*\.dashscope\.aliyuncs\.com": _CODING_PLAN,
    r"dashscope[a-z-]*\.aliyuncs\.com": _MODEL_STUDIO,
    r"api\.deepseek\.com": _DEEPSEEK,
    r"openrouter\.ai": _OPENROUTER,
    r"([a-z]{2}\.)?api\.openai\.com": _OPENAI,
}
"""Which service is where: patterns that match the whole host."""

NEVER_CALLED: Final = "do_not_call_me"
"""The name of the tool that is defined where a model must see one (``stray_token_models``).
A call of it is nobody's."""

NEVER_CALLED_TOOL: Final[Mapping[str, Any]] = {
    "type": "function",
    "function": {
        "name": NEVER_CALLED,
        "description": "Not a tool. Never call it: answer in words.",
        "parameters": {"type": "object", "properties": {}},
    },
}


def profile_for(
    base_url: str, *, is_oauth: bool, platform: str, machine: str, name: str | None = None
) -> Profile:
    """The profile of the service at ``base_url``, or the one called ``name``, if that is given.

    ``is_oauth``: the account was signed in, rather than given a key. ``platform``
    and ``machine`` name the system, as ``sys.platform`` and ``platform.machine()`` do.
    Raises ValueError where no profile is called ``name``.
    """
    profile = profile_named(name) if name else _at(urlsplit(base_url).hostname or "")
    if not (is_oauth and profile.is_qwen_codes):
        return profile
    return replace(profile, headers=_qwen_codes_headers(platform, machine))


def profile_named(name: str) -> Profile:
    """The profile called ``name``; raises ValueError, which lists all names, if there is none."""
    if name not in PROFILES:
        raise ValueError(f"no profile is called {name!r}; there are {', '.join(PROFILES)}")
    return PROFILES[name]


def _at(host: str) -> Profile:
    for pattern, profile in _HOSTS.items():
        if re.fullmatch(pattern, host):
            return profile
    return PLAIN


_AGENT_VERSION: Final = "0.24.4"
"""A version of Qwen Code that the portal is known to serve."""

_NODE_NAMES: Final[Mapping[str, str]] = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64"}
"""Machines as Node.js calls them, and so the portal's own client."""


def _qwen_codes_headers(platform: str, machine: str) -> Mapping[str, str]:
    agent = f"QwenCode/{_AGENT_VERSION} ({platform}; {_NODE_NAMES.get(machine, machine)})"
    return {
        "user-agent": agent,
        "x-dashscope-authtype": "qwen-oauth",
        "x-dashscope-cachecontrol": "enable",
        "x-dashscope-useragent": agent,
    }
