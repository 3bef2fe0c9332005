"""What differs between upstream services."""

from __future__ import annotations

import pytest

from addon.translate.profile import PLAIN, Profile, profile_for


def profile(base_url: str, *, is_oauth: bool) -> Profile:
    return profile_for(base_url, is_oauth=is_oauth, platform="linux", machine="x86_64")


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
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", False),
        ("http://127.0.0.1:8000/v1", True),
    ],
)
def test_nobody_else_does(base_url: str, is_oauth: bool) -> None:
    assert profile(base_url, is_oauth=is_oauth) is PLAIN
