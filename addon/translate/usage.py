"""Token counts, from Chat's ``usage`` to the Responses API's.

| Responses             | Chat Completions                                                   |
|-----------------------|--------------------------------------------------------------------|
| ``input_tokens``      | ``prompt_tokens``                                                  |
| … ``cached_tokens``   | ``prompt_tokens_details.cached_tokens``, else DeepSeek's           |
|                       | ``prompt_cache_hit_tokens``                                        |
| … ``cache_write_tokens`` | ``prompt_tokens_details.cache_write_tokens``, else DashScope's   |
|                       | ``cache_creation_input_tokens`` there                              |
| ``output_tokens``     | ``completion_tokens``, and the next where it is not in there       |
| … ``reasoning_tokens``| ``completion_tokens_details.reasoning_tokens``                     |
| ``total_tokens``      | the sum of input and output                                        |

OpenAI counts reasoning within the output. Some services (xAI's) count it beside, which only
their ``total_tokens`` shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """What an answer cost, in tokens."""

    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens

    @classmethod
    def from_chat(cls, usage: Mapping[str, Any]) -> TokenUsage:
        """Chat's ``usage`` object; whatever it lacks or has wrong counts as 0."""
        prompt = _mapping(usage.get("prompt_tokens_details"))
        completion = _mapping(usage.get("completion_tokens_details"))
        input_tokens = _count(usage.get("prompt_tokens"))
        output_tokens = _count(usage.get("completion_tokens"))
        reasoning_tokens = _count(completion.get("reasoning_tokens"))
        if _count(usage.get("total_tokens")) == input_tokens + output_tokens + reasoning_tokens:
            output_tokens += reasoning_tokens
        return cls(
            input_tokens=input_tokens,
            cached_tokens=_count(prompt.get("cached_tokens"))
            or _count(usage.get("prompt_cache_hit_tokens")),
            cache_write_tokens=_count(prompt.get("cache_write_tokens"))
            or _count(prompt.get("cache_creation_input_tokens")),
            output_tokens=output_tokens,
            reasoning_tokens=reasoning_tokens,
        )

    def to_responses(self) -> dict[str, Any]:
        """The ``usage`` of a Response object."""
        return {
            "input_tokens": self.input_tokens,
            "input_tokens_details": {
                "cached_tokens": self.cached_tokens,
                "cache_write_tokens": self.cache_write_tokens,
            },
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
            "total_tokens": self.total_tokens,
        }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
