"""Token counts, as services write them and as the Responses API does."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.completion_usage import CompletionUsage, PromptTokensDetails

from addon.translate import TokenUsage

COUNTS: dict[str, tuple[dict[str, Any], TokenUsage]] = {
    "OpenAI's": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
        TokenUsage(10, 4, 3, 5, 2),
    ),
    "DashScope's": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_creation_input_tokens": 3},
        },
        TokenUsage(10, 4, 3, 5),
    ),
    "DeepSeek's": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_cache_hit_tokens": 4,
            "prompt_cache_miss_tokens": 6,
        },
        TokenUsage(10, 4, 0, 5),
    ),
    "xAI's, reasoning beside the output": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 17,
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
        TokenUsage(10, 0, 0, 7, 2),
    ),
    "a total that is none": (
        {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 99},
        TokenUsage(10, 0, 0, 5),
    ),
    "nothing": ({}, TokenUsage()),
    "what is no count": (
        {
            "prompt_tokens": "10",
            "completion_tokens": -5,
            "total_tokens": None,
            "prompt_tokens_details": {"cached_tokens": True},
            "completion_tokens_details": [2],
        },
        TokenUsage(),
    ),
}


@pytest.mark.parametrize(("chat", "counts"), COUNTS.values(), ids=list(COUNTS))
def test_the_counts_of_every_service_are_read(chat: dict[str, Any], counts: TokenUsage) -> None:
    assert TokenUsage.from_chat(chat) == counts


def test_no_count_of_openais_that_the_responses_api_has_is_lost() -> None:
    details = PromptTokensDetails(cached_tokens=4, cache_write_tokens=3)
    usage = CompletionUsage(
        prompt_tokens=10, completion_tokens=5, total_tokens=15, prompt_tokens_details=details
    )
    assert TokenUsage.from_chat(usage.model_dump()).to_responses() == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 15,
    }
