"""Five sources of settings: what each may say, and that the stronger one wins."""

from __future__ import annotations

import ipaddress

import pytest

from addon.settings import (
    HealthScoreSettings,
    Settings,
    TokenBucketSettings,
    environment_name,
    settings_from_options,
)
from tests.settings.sources import Sources


def test_without_any_source_the_defaults_of_the_contract_hold(sources: Sources) -> None:
    assert sources.load().model_dump() == {
        "base_url": "https://portal.qwen.ai/v1",
        "client_id": "f0304373b74a44d2b584a3fb70ca9e56",
        "oauth_base_url": "https://chat.qwen.ai",
        "oauth_fallback_urls": (),
        "rotation_strategy": "hybrid",
        "pid_offset_enabled": False,
        "session_affinity_bonus": 300,
        "proactive_refresh": True,
        "refresh_window_seconds": 300,
        "rate_limit_action": "rotate",
        "retry_strategy": "balanced",
        "max_attempts": 3,
        "breaker_failures": 5,
        "breaker_probe_seconds": 30,
        "max_rate_limit_wait_seconds": 300,
        "connect_timeout_seconds": 10,
        "first_byte_timeout_seconds": 300,
        "idle_timeout_seconds": 120,
        "max_request_bytes": 67_108_864,
        "quiet_mode": False,
        "inspect_body_limit": 4 * 1024 * 1024,
        "inspect_total_limit": 64 * 1024 * 1024,
        "health_score": {
            "initial": 70,
            "success_reward": 1,
            "rate_limit_penalty": -10,
            "failure_penalty": -20,
            "recovery_rate_per_hour": 2,
            "min_usable": 50,
        },
        "token_bucket": {"max_tokens": 50, "regeneration_rate_per_minute": 6},
        "allow_clients": (),
        "intercept_hosts": (),
        "models": (),
    }


# Which source wins


def test_user_file_then_project_file_then_environment_then_option(sources: Sources) -> None:
    key, variable, option = (
        "refresh_window_seconds",
        "QWEN_REFRESH_WINDOW_SECONDS",
        "qwen_refresh_window_seconds",
    )
    assert sources.load(user={key: 1}).refresh_window_seconds == 1
    assert sources.load(user={key: 1}, project={key: 2}).refresh_window_seconds == 2
    loaded = sources.load(user={key: 1}, project={key: 2}, env={variable: "3"})
    assert loaded.refresh_window_seconds == 3
    assert settings_from_options(loaded, {option: 4}).refresh_window_seconds == 4


def test_a_stronger_source_leaves_the_keys_that_it_does_not_name(sources: Sources) -> None:
    loaded = sources.load(
        user={"quiet_mode": True, "client_id": "theirs"}, project={"client_id": "ours"}
    )
    assert (loaded.quiet_mode, loaded.client_id) == (True, "ours")


def test_tables_are_merged_key_by_key(sources: Sources) -> None:
    loaded = sources.load(
        user={"health_score": {"initial": 80, "min_usable": 40}},
        project={"health_score": {"min_usable": 30}},
    )
    stronger = settings_from_options(loaded, {"qwen_health_score": "{success_reward: 2}"})
    assert stronger.health_score == HealthScoreSettings(initial=80, min_usable=30, success_reward=2)


def test_a_list_is_replaced_by_the_stronger_one(sources: Sources) -> None:
    loaded = sources.load(
        user={"intercept_hosts": ["a.example", "b.example"]},
        project={"intercept_hosts": ["c.example"]},
    )
    assert loaded.intercept_hosts == ("c.example",)


def test_only_a_base_url_that_somebody_set_counts_as_configured(sources: Sources) -> None:
    url = "https://llm.example/v1"
    default = "https://portal.qwen.ai/v1"
    assert sources.load().configured_base_url is None
    assert sources.load(user={"base_url": url}).configured_base_url == url
    assert sources.load(env={"QWEN_API_BASE_URL": default}).configured_base_url == default
    untouched = settings_from_options(Settings(), {"qwen_base_url": None})
    assert untouched.configured_base_url is None
    chosen = settings_from_options(Settings(), {"qwen_base_url": default})
    assert chosen.configured_base_url == default


# What files may hold


PLUGIN_FILE = b"""{
  "client_id": "f0304373b74a44d2b584a3fb70ca9e56",
  "oauth_base_url": "https://chat.qwen.ai",
  "base_url": "https://portal.qwen.ai/v1",
  "rotation_strategy": "round-robin",
  "proactive_refresh": true,
  "refresh_window_seconds": 90.5,
  "max_rate_limit_wait_seconds": 0,
  "quiet_mode": false,
  "pid_offset_enabled": true,
  "health_score": {"initial": 70, "success_reward": 0.5, "rate_limit_penalty": -10,
    "failure_penalty": -20, "recovery_rate_per_hour": 2, "min_usable": 50},
  "token_bucket": {"max_tokens": 50, "regeneration_rate_per_minute": 6.5}
}"""


def test_a_config_of_the_opencode_plugin_loads(sources: Sources) -> None:
    loaded = sources.load(user=PLUGIN_FILE)
    assert loaded.rotation_strategy == "round-robin"
    assert loaded.refresh_window_seconds == 91
    assert loaded.health_score.success_reward == 0.5
    assert loaded.token_bucket == TokenBucketSettings(regeneration_rate_per_minute=6.5)


@pytest.mark.parametrize(
    "content",
    [
        b'{"quiet_mode": true}',
        b'\xef\xbb\xbf{"quiet_mode": true}',
        b'{\n  // why\n  "quiet_mode": true, /* that */\n}',
    ],
    ids=["plain JSON", "with a byte order mark", "with comments and a trailing comma"],
)
def test_files_are_json_with_comments_and_trailing_commas(content: bytes, sources: Sources) -> None:
    assert sources.load(user=content).quiet_mode


def test_clients_are_networks_and_single_addresses(sources: Sources) -> None:
    loaded = sources.load(user={"allow_clients": ["10.0.0.0/8", "192.168.7.1", "fd00::/8"]})
    assert loaded.allow_clients == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("192.168.7.1/32"),
        ipaddress.ip_network("fd00::/8"),
    )


def test_hosts_are_compared_in_lower_case_without_a_final_dot(sources: Sources) -> None:
    loaded = sources.load(user={"intercept_hosts": ["API.OpenAI.com.", "::1"]})
    assert loaded.intercept_hosts == ("api.openai.com", "::1")


def test_oauth_servers_are_listed_in_the_order_in_which_they_are_tried(sources: Sources) -> None:
    loaded = sources.load(
        env={"QWEN_OAUTH_FALLBACK_URLS": "https://b.example/, http://127.0.0.1:8000"}
    )
    assert loaded.oauth_fallback_urls == ("https://b.example", "http://127.0.0.1:8000")


def test_a_base_url_ends_without_a_slash(sources: Sources) -> None:
    assert (
        sources.load(user={"base_url": "http://[::1]:8000/v1/"}).base_url == "http://[::1]:8000/v1"
    )


# The environment


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("base_url", "QWEN_API_BASE_URL"),
        ("client_id", "QWEN_OAUTH_CLIENT_ID"),
        ("oauth_base_url", "QWEN_OAUTH_BASE_URL"),
        ("rotation_strategy", "QWEN_ROTATION_STRATEGY"),
        ("pid_offset_enabled", "QWEN_PID_OFFSET_ENABLED"),
        ("proactive_refresh", "QWEN_PROACTIVE_REFRESH"),
        ("refresh_window_seconds", "QWEN_REFRESH_WINDOW_SECONDS"),
        ("max_rate_limit_wait_seconds", "QWEN_MAX_RATE_LIMIT_WAIT_SECONDS"),
        ("quiet_mode", "QWEN_QUIET_MODE"),
        ("health_score", None),
        ("token_bucket", None),
        ("allow_clients", "QWEN_ALLOW_CLIENTS"),
        ("intercept_hosts", "QWEN_INTERCEPT_HOSTS"),
        ("oauth_fallback_urls", "QWEN_OAUTH_FALLBACK_URLS"),
        ("max_attempts", "QWEN_MAX_ATTEMPTS"),
        ("max_request_bytes", "QWEN_MAX_REQUEST_BYTES"),
    ],
)
def test_variables_are_named_as_in_the_contract(key: str, name: str | None) -> None:
    assert environment_name(key) == name


@pytest.mark.parametrize("word", ["true", "1", "yes", "on", "True", "YES", " on "])
def test_words_for_true(word: str, sources: Sources) -> None:
    assert sources.load(env={"QWEN_QUIET_MODE": word}).quiet_mode is True


@pytest.mark.parametrize("word", ["false", "0", "no", "off", "False", "NO"])
def test_words_for_false(word: str, sources: Sources) -> None:
    assert sources.load(env={"QWEN_PROACTIVE_REFRESH": word}).proactive_refresh is False


def test_lists_in_the_environment_are_divided_by_commas(sources: Sources) -> None:
    loaded = sources.load(
        env={"QWEN_ALLOW_CLIENTS": "10.0.0.0/8, 192.168.7.1,", "QWEN_INTERCEPT_HOSTS": "a.example"}
    )
    assert [str(network) for network in loaded.allow_clients] == ["10.0.0.0/8", "192.168.7.1/32"]
    assert loaded.intercept_hosts == ("a.example",)


def test_an_empty_variable_sets_nothing(sources: Sources) -> None:
    assert sources.load(user={"quiet_mode": True}, env={"QWEN_QUIET_MODE": ""}).quiet_mode
