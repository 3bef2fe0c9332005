"""A fault in the settings is told with its source, its key and what is allowed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.settings import Settings, SettingsError, settings_from_options
from tests.settings.sources import Sources

TOO_LONG_TO_SHOW = "sk-this-might-be-a-secret"

BASE_URL_WANTED = "must be a base URL such as https://host/v1"
HOST_WANTED = "must be a host name such as api.openai.com, without scheme, port or path"
NETWORK_WANTED = "must be a network or address such as 192.168.1.0/24"
STRATEGIES = "must be one of hybrid, round-robin, sequential"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"rotation_strategy": "foo"}, f"rotation_strategy: {STRATEGIES} (got 'foo')"),
        (
            {"rotation_strategy": TOO_LONG_TO_SHOW},
            f"rotation_strategy: {STRATEGIES} (got something longer)",
        ),
        (
            {"rotation_stategy": "hybrid"},
            "rotation_stategy: unknown key, did you mean rotation_strategy?",
        ),
        (
            {"api_key": TOO_LONG_TO_SHOW},
            f"api_key: unknown key, known are {', '.join(Settings.model_fields)}",
        ),
        (
            {"token_bucket": {"max_token": 1}},
            "token_bucket.max_token: unknown key, did you mean max_tokens?",
        ),
        ({"quiet_mode": "yes"}, "quiet_mode: must be true or false (got 'yes')"),
        ({"quiet_mode": 1}, "quiet_mode: must be true or false (got 1)"),
        ({"quiet_mode": None}, "quiet_mode: must be true or false (got null)"),
        (
            {"refresh_window_seconds": "300"},
            "refresh_window_seconds: must be an integer (got '300')",
        ),
        (
            {"refresh_window_seconds": True},
            "refresh_window_seconds: must be an integer (got true)",
        ),
        (
            {"max_rate_limit_wait_seconds": -1},
            "max_rate_limit_wait_seconds: must be at least 0 (got -1)",
        ),
        (
            {"max_rate_limit_wait_seconds": -0.5},
            "max_rate_limit_wait_seconds: must be at least 0 (got -0.5)",
        ),
        (
            b'{"refresh_window_seconds": 1e999}',
            "refresh_window_seconds: must be an integer (got inf)",
        ),
        (
            {"refresh_window_seconds": 10**30},
            "refresh_window_seconds: must be at most 1000000000 (got something longer)",
        ),
        ({"client_id": ""}, "client_id: must not be empty (got '')"),
        ({"client_id": 7}, "client_id: must be a text (got 7)"),
        ({"base_url": "portal.qwen.ai/v1"}, f"base_url: {BASE_URL_WANTED}"),
        ({"base_url": TOO_LONG_TO_SHOW}, f"base_url: {BASE_URL_WANTED}"),
        ({"base_url": "https://host:port/v1"}, f"base_url: {BASE_URL_WANTED}"),
        ({"base_url": "https://[::1/v1"}, f"base_url: {BASE_URL_WANTED}"),
        ({"base_url": "https://ho\nst/v1"}, f"base_url: {BASE_URL_WANTED}"),
        (
            {"base_url": "http://portal.qwen.ai/v1"},
            "base_url: must be https: over http a token would travel in the clear",
        ),
        (
            {"oauth_base_url": "https://me:secret@chat.qwen.ai"},
            "oauth_base_url: must be a base URL of only host, port and path",
        ),
        (
            {"oauth_fallback_urls": ["https://a.example", "http://b.example"]},
            "oauth_fallback_urls[1]: must be https: over http a token would travel in the clear",
        ),
        ({"max_attempts": 0}, "max_attempts: must be at least 1 (got 0)"),
        ({"max_attempts": 1.5}, "max_attempts: must be an integer (got 1.5)"),
        ({"breaker_failures": 1001}, "breaker_failures: must be at most 1000 (got 1001)"),
        (
            {"first_byte_timeout_seconds": 0},
            "first_byte_timeout_seconds: must be at least 1 (got 0)",
        ),
        (
            {"retry_strategy": "bold"},
            ("retry_strategy: must be one of aggressive, balanced, conservative (got 'bold')"),
        ),
        (
            {"rate_limit_action": "wait"},
            "rate_limit_action: must be one of rotate, pace (got 'wait')",
        ),
        (
            {"session_affinity_bonus": -1},
            "session_affinity_bonus: must be at least 0 (got -1)",
        ),
        ({"health_score": {"initial": 101}}, "health_score.initial: must be at most 100 (got 101)"),
        (
            {"health_score": {"failure_penalty": 5}},
            "health_score.failure_penalty: must be at most 0 (got 5)",
        ),
        (
            b'{"health_score": {"success_reward": 1e999}}',
            "health_score.success_reward: must be a finite number (got inf)",
        ),
        ({"health_score": 70}, "health_score: must be an object (got 70)"),
        (
            {"token_bucket": {"max_tokens": "fifty"}},
            "token_bucket.max_tokens: must be a number (got 'fifty')",
        ),
        (
            {"token_bucket": {"max_tokens": 0}},
            "token_bucket.max_tokens: must be at least 1 (got 0)",
        ),
        ({"allow_clients": {}}, "allow_clients: must be a list (got an object)"),
        ({"allow_clients": ["10.0.0.0/8", "any"]}, f"allow_clients[1]: {NETWORK_WANTED}"),
        (
            {"allow_clients": ["10.1.2.3/8"]},
            "allow_clients[0]: must be 10.0.0.0/8, or a single address without /",
        ),
        ({"intercept_hosts": ["https://api.openai.com"]}, f"intercept_hosts[0]: {HOST_WANTED}"),
        ({"intercept_hosts": ["api.openai.com:443"]}, f"intercept_hosts[0]: {HOST_WANTED}"),
        ({"intercept_hosts": [7]}, "intercept_hosts[0]: must be a text (got 7)"),
    ],
    ids=str,
)
def test_a_file_fault_names_file_key_and_what_is_allowed(
    content: object, line: str, sources: Sources
) -> None:
    assert sources.faults(project=content) == [f"{{project}}: {line}"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", ":1:1: is not JSON: it is empty"),
        (b'{"quiet_mode": true', ":1:20: is not JSON: unexpected end of input"),
        (b'{\n  "quiet_mode": treu\n}', ':2:19: is not JSON: unexpected "e"'),
        (b"[" * 20_000, ":1:1: is not JSON: it nests too deep"),
        (b"[]", ': must hold an object, such as {"quiet_mode": true}'),
        (b'"text"', ': must hold an object, such as {"quiet_mode": true}'),
        (b"\xff\xfe{\x00}\x00", ": is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_told_with_the_place(
    content: bytes, line: str, sources: Sources
) -> None:
    assert sources.faults(user=content) == [f"{{user}}{line}"]


def test_a_file_that_cannot_be_read_is_told(sources: Sources) -> None:
    sources.user_file.mkdir(parents=True)
    assert sources.faults() == ["{user}: cannot be read: Is a directory"]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("QWEN_QUIET_MODE", "maybe", ": must be true or false (got 'maybe')"),
        ("QWEN_REFRESH_WINDOW_SECONDS", "soon", ": must be an integer (got 'soon')"),
        ("QWEN_REFRESH_WINDOW_SECONDS", "nan", ": must be an integer (got nan)"),
        ("QWEN_REFRESH_WINDOW_SECONDS", "-5", ": must be at least 0 (got -5)"),
        ("QWEN_ROTATION_STRATEGY", "best", f": {STRATEGIES} (got 'best')"),
        ("QWEN_API_BASE_URL", "portal.qwen.ai", f": {BASE_URL_WANTED}"),
        ("QWEN_ALLOW_CLIENTS", "10.0.0.0/8,any", f"[1]: {NETWORK_WANTED}"),
    ],
)
def test_an_environment_fault_names_the_variable(
    name: str, text: str, line: str, sources: Sources
) -> None:
    assert sources.faults(env={name: text}) == [f"environment {name}{line}"]


def test_every_fault_of_every_source_is_told_even_a_hidden_one(sources: Sources) -> None:
    lines = sources.faults(
        user={"rotation_strategy": "foo", "quiet_mode": 0},
        project=b"{",
        env={"QWEN_ROTATION_STRATEGY": "bar"},
    )
    assert lines == [
        "{project}:1:2: is not JSON: unexpected end of input",
        f"{{user}}: rotation_strategy: {STRATEGIES} (got 'foo')",
        "{user}: quiet_mode: must be true or false (got 0)",
        f"environment QWEN_ROTATION_STRATEGY: {STRATEGIES} (got 'bar')",
    ]


SECRETS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=16, max_size=60)


@given(key=st.sampled_from(sorted({*Settings.model_fields, "apiKey"})), secret=SECRETS)
def test_what_could_be_a_secret_is_never_repeated(key: str, secret: str) -> None:
    option = f"qwen_{key}"
    value = json.dumps({secret[:5]: secret}) if key in ("health_score", "token_bucket") else secret
    try:
        settings_from_options(Settings(), {option: value})
    except SettingsError as error:
        assert secret not in str(error)  # noqa: PT017 - many values are fine, a client_id say
