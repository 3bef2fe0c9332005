"""What differs between upstream services, and which of them is where."""

from __future__ import annotations

import pytest

from addon.translate import PROFILES, Profile, profile_for, profile_named


def profile(base_url: str, *, is_oauth: bool = False, name: str | None = None) -> Profile:
    return profile_for(base_url, is_oauth=is_oauth, platform="linux", machine="x86_64", name=name)


HOSTS: list[tuple[str, str]] = [
    ("https://portal.qwen.ai/v1", "qwen-portal"),
    ("https://PORTAL.qwen.ai/v1", "qwen-portal"),
    ("https://dashscope.aliyuncs.com/compatible-mode/v1", "model-studio"),
    ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "model-studio"),
    ("https://dashscope-us.aliyuncs.com/compatible-mode/v1", "model-studio"),
    ("https://coding.dashscope.aliyuncs.com/v1", "coding-plan"),
    ("https://coding-intl.dashscope.aliyuncs.com/v1", "coding-plan"),
    ("https://api.deepseek.com", "deepseek"),
    ("https://openrouter.ai/api/v1", "openrouter"),
    ("https://api.openai.com/v1", "openai"),
    ("https://eu.api.openai.com/v1", "openai"),
    ("http://127.0.0.1:8000/v1", "openai-compatible"),
    ("https://portal.qwen.ai.example/v1", "openai-compatible"),
    ("https://notdashscope.aliyuncs.com/v1", "openai-compatible"),
    ("https://dashscope.aliyuncs.com.example/v1", "openai-compatible"),
    ("https://api-deepseek.com/v1", "openai-compatible"),
]


@pytest.mark.parametrize(("base_url", "name"), HOSTS)
def test_the_host_says_which_service_it_is(base_url: str, name: str) -> None:
    assert profile(base_url).name == name


@pytest.mark.parametrize("name", PROFILES)
def test_an_account_may_say_it_by_itself(name: str) -> None:
    assert profile("https://portal.qwen.ai/v1", name=name) is PROFILES[name] is profile_named(name)


def test_a_name_that_is_none_is_answered_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="openai-compatible"):
        profile_named("qwen")


def test_a_signed_in_account_of_the_portal_gets_the_portals_own_headers() -> None:
    headers = profile("https://portal.qwen.ai/v1", is_oauth=True).headers
    assert headers["x-dashscope-authtype"] == "qwen-oauth"
    assert headers["x-dashscope-cachecontrol"] == "enable"
    assert headers["user-agent"] == headers["x-dashscope-useragent"]
    assert headers["user-agent"].startswith("QwenCode/")
    assert headers["user-agent"].endswith(" (linux; x64)")


@pytest.mark.parametrize(
    ("base_url", "is_oauth"),
    [
        ("https://portal.qwen.ai/v1", False),
        ("https://portal.qwen.ai.example/v1", True),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", True),
        ("http://127.0.0.1:8000/v1", True),
    ],
)
def test_nobody_else_does(base_url: str, is_oauth: bool) -> None:
    assert profile(base_url, is_oauth=is_oauth).headers == {}
